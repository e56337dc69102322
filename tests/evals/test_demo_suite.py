"""The demo suite is worth asking: its gold runs, says something, and is told from what is nearly right."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import evals
from embedded.demo import AGENT_ROLE, Shape
from evals.cases import Case, load_cases
from evals.databases import LoadedDatabase, suite_server
from evals.demo_variants import read_variants
from evals.distinguish import CaseCheck, check_case, spoil
from evals.errors import DatabaseError
from evals.execution import ScoringConnection
from evals.score import Scorer

SUITES = Path(evals.__file__).parent / "suites"
SCHEMAS = ["people", "sales", "billing", "support", "web"]
CATEGORIES = {
    *("filter", "join", "group", "order", "ratio", "date", "window", "set", "nested", "text"),
    *("follow-up", "ambiguous", "unanswerable", "hostile"),
}
KINDS = {
    *("unrelated", "missing_thing", "missing_attribute", "missing_history"),
    *("forecast", "judgement", "not_permitted", "action"),
}
LEAST_TOLD_APART = 0.9
"""Of all spoilt queries of the suite; the others change nothing on any data, or seldom."""


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return load_cases(SUITES / "demo")


@pytest.fixture(scope="module")
def variants() -> Iterator[list[LoadedDatabase]]:
    with suite_server(SUITES / "databases") as server:
        yield server.variants("demo")


@pytest.fixture(scope="module")
def checks(cases: list[Case], variants: list[LoadedDatabase]) -> Iterator[list[CaseCheck]]:
    with ExitStack() as stack:
        scorers = [Scorer(stack.enter_context(ScoringConnection(one.owner_dsn, SCHEMAS))) for one in variants]
        yield [check_case(case, scorers) for case in cases]


def test_the_suite_is_large_and_wide(cases: list[Case]) -> None:
    assert len(cases) >= 200
    assert {case.category for case in cases} == CATEGORIES
    kinds = Counter(case.kind for case in cases if case.category == "unanswerable")
    assert set(kinds) == KINDS
    assert min(kinds.values()) >= 4
    assert all(case.history for case in cases if case.category == "follow-up")


def test_every_gold_runs_and_says_something_on_three_variants(
    checks: list[CaseCheck], variants: list[LoadedDatabase]
) -> None:
    assert len(variants) == 3
    assert {check.case.id: check.problems for check in checks if check.problems} == {}


def test_what_is_nearly_right_is_told_apart(checks: list[CaseCheck]) -> None:
    told = sum(check.told_apart for check in checks)
    survived = sum(len(check.survivors) for check in checks)
    assert told / (told + survived) >= LEAST_TOLD_APART
    answerable = [check for check in checks if check.case.answerable]
    assert all(check.told_apart for check in answerable)


def test_variants_keep_to_the_owners_policy(variants: list[LoadedDatabase]) -> None:
    for one in variants:
        assert AGENT_ROLE in one.reader_dsn
        assert one.policy is not None
        assert not one.policy.permits_column("people", "salary_history", "annual_salary")
        with ScoringConnection(one.reader_dsn) as connection:
            score = Scorer(connection).score(
                "SELECT 1", "SELECT avg(annual_salary) FROM people.salary_history"
            )
            assert not score.valid


def test_slips_are_made_one_at_a_time() -> None:
    slips = {
        one.sql: one.slip
        for one in spoil("SELECT sum(a) FROM t WHERE b = 'x' AND c IN ('y', 'z') ORDER BY 1 LIMIT 3")
    }
    assert slips["SELECT AVG(a) FROM t WHERE b = 'x' AND c IN ('y', 'z') ORDER BY 1 LIMIT 3"]
    assert slips["SELECT SUM(a) FROM t WHERE b = 'x' ORDER BY 1 LIMIT 3"] == "condition dropped"
    assert (
        slips["SELECT SUM(a) FROM t WHERE b = 'x' AND c IN ('y', 'z') ORDER BY 1 LIMIT 4"] == "another limit"
    )
    assert slips["SELECT SUM(a) FROM t WHERE b <> 'x' AND c IN ('y', 'z') ORDER BY 1 LIMIT 3"]
    assert list(spoil("not a query at all (")) == []


@pytest.mark.parametrize(
    "text",
    ["", "[[variant]]\npeople = 1", "[[variant]]\nseed = 1\nsize = 2", "variant = 3", "= ", "variant = []"],
)
def test_a_bad_list_of_variants_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "demo.toml"
    path.write_text(text)
    with pytest.raises(DatabaseError, match=r"demo\.toml"):
        read_variants(path)


def test_a_list_of_variants_is_read(tmp_path: Path) -> None:
    path = tmp_path / "demo.toml"
    path.write_text("[[variant]]\nseed = 3\nskew = 2\n")
    (one,) = read_variants(path)
    assert (one.seed, one.shape) == (3, Shape(skew=2.0))


def test_a_bad_case_is_found(variants: list[LoadedDatabase]) -> None:
    def problems(**fields: object) -> str:
        case = Case.model_validate({"id": "x", "db": "demo", "question": "?"} | fields)
        return " ".join(check_case(case, scorers).problems)

    with ScoringConnection(variants[0].owner_dsn, SCHEMAS) as connection:
        scorers = [Scorer(connection)]
        assert "fails" in problems(gold="SELECT nothing FROM customers")
        assert "empty" in problems(gold="SELECT count(*) FROM customers WHERE country = 'Atlantis'")
        assert "No spoilt query" in problems(gold="SELECT country FROM customers")
        assert "near miss" in problems(
            gold="SELECT count(*) FROM customers", near_miss=["SELECT count(customer_id) FROM customers"]
        )
        assert "cannot be read" in problems(gold="SELECT 'open")
        assert problems(gold="SELECT count(*) FROM customers WHERE country = 'Germany'") == ""
