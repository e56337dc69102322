from collections.abc import Callable
from pathlib import Path

import pytest

from evals.cases import load_cases, select, suite_digest
from evals.errors import CasesError
from evals.gold import accepted_queries

GOOD = {"id": "a", "db": "pets", "question": "How many?", "gold": "SELECT 1"}


def test_cases_are_read(write_cases: Callable[..., Path]) -> None:
    path = write_cases(
        GOOD, {"id": 2, "db": "pets", "question": "?", "gold": None, "answerable": False, "x": 1}
    )
    first, second = load_cases(path)
    assert (first.id, first.answerable, first.instructions) == ("a", True, "")
    assert (second.id, second.answerable, second.gold) == ("2", False, "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "holds no case"),
        ("{", "line 1 is not a case"),
        ('{"id": "a"}', "question"),
        ('{"id": "a", "db": "../etc", "question": "?", "gold": "SELECT 1"}', "letters"),
        ('{"id": "a", "db": "x", "question": "?"}', "answerable"),
        ('{"id": "a", "db": "x", "question": "?", "gold": "SELECT 1"}\n' * 2, "also on cases.jsonl, line 1"),
        ("[1]", "not a case"),
    ],
)
def test_what_is_not_a_case_is_named(tmp_path: Path, lines: str, said: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(lines)
    with pytest.raises(CasesError, match=said):
        load_cases(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match=r"none\.jsonl"):
        load_cases(tmp_path / "none.jsonl")


def test_the_order_of_cases_does_not_count(write_cases: Callable[..., Path]) -> None:
    cases = load_cases(write_cases(GOOD, GOOD | {"id": "b"}))
    assert suite_digest(cases) == suite_digest(cases[::-1])
    assert suite_digest(cases) != suite_digest(cases[:1])


YAML = """
db: pets
category: count
cases:
  - id: one
    question: How many pets are there?
    gold:
      - SELECT count(*) FROM pet
      - SELECT count(pet_id) FROM pet
    paraphrases: ["Number of pets?"]
  - {id: two, category: other, question: "And cats?", answerable: false, history: [{question: "How many?"}]}
"""


def test_yaml_has_defaults_and_lists_of_gold(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(YAML)
    (tmp_path / "b.jsonl").write_text('{"id": "three", "db": "pets", "question": "?", "gold": "SELECT 1"}')
    first, second, third = load_cases(tmp_path)
    assert (first.db, first.category) == ("pets", "count")
    assert accepted_queries(first.gold) == ["SELECT count(*) FROM pet", "SELECT count(pet_id) FROM pet"]
    assert (second.category, second.answerable, second.history[0].question) == ("other", False, "How many?")
    assert third.id == "three"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no case"),
        ("- 1", "not a mapping"),
        ("db: x", "no list of `cases`"),
        ("cases: {}", "no list of `cases`"),
        ("cases:\n  - 1\n", "line 2 is not a case"),
        ("cases:\n  - {id: a, question: b, golden: SELECT 1}\n", "line 2: a case has no field 'golden'"),
        ("dbs: x\ncases: []\n", "line 1: a case has no field 'dbs'"),
        ("cases:\n  - id: a\n    question: b\n", "line 2 is not a case: .*answerable"),
        ("cases:\n  - {id: a, question: what is it?}\n", "line 2 is not YAML"),
        ("cases:\n  - &a [*a]\n", "line 2"),
        ("cases:\n  - {id: a, question: ' ', answerable: false}\n", "needs words"),
        ("cases:\n  - {id: a, question: b, gold: SELECT 1, accept: [guess]}\n", "percent"),
        ("cases:\n" + "  - {id: a, question: b, gold: SELECT 1}\n" * 2, "line 3: the id 'a' is also on .* 2"),
        ("[" * 5000, "not YAML"),
    ],
)
def test_what_is_wrong_in_yaml_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text(text)
    with pytest.raises(CasesError, match=said):
        load_cases(path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(CasesError, match="holds no file of cases"):
        load_cases(tmp_path)


def test_cases_are_chosen(write_cases: Callable[..., Path]) -> None:
    cases = load_cases(
        write_cases(
            *(GOOD | {"id": f"{part}-{number}", "category": part} for part in "ab" for number in "12")
        )
    )
    assert [case.id for case in select(cases, categories=["b"])] == ["b-1", "b-2"]
    assert [case.id for case in select(cases, only=["a-*", "b-2"])] == ["a-1", "a-2", "b-2"]
    assert [case.id for case in select(cases, limit=2)] == ["a-1", "b-1"]
    with pytest.raises(CasesError, match="category 'c'") as told:
        select(cases, categories=["c"])
    assert told.value.hint == "There are: a, b."
    with pytest.raises(CasesError, match="id 'x'"):
        select(cases, only=["x"])
    with pytest.raises(CasesError, match="in common"):
        select(cases, categories=["a"], only=["b-1"])
