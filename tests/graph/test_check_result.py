"""A result that looks odd asks for one more attempt; several drafts are held against each other."""

import pytest

from graph.agreement import same_result
from graph.ports import Settings
from wire.outcome import Failed, ResultColumn, Rows

NARROW = "```sql\nSELECT name FROM people.employees WHERE name = 'Zoe';\n```"
WIDE = "```sql\nSELECT name FROM people.employees WHERE name = 'Zoé';\n```"
PLAIN = frozenset({"check_answerable", "ground", "autofix", "worded_answer"})


def _rows(*rows):
    width = len(rows[0]) if rows else 1
    return Rows(
        columns=[ResultColumn(name=f"c{place}", type="text") for place in range(width)],
        preview=[list(row) for row in rows],
        row_count=len(rows),
        digest="d" * 64,
        policy_digest="p" * 32,
    )


def _settings(**more):
    return Settings(without=more.pop("without", PLAIN), **{"max_rechecks": 1, **more})


async def test_an_odd_result_asks_again_and_a_cure_is_kept(ask):
    asking = await ask([NARROW, WIDE], [_rows(), _rows(["Zoé"])], question="Which one?", settings=_settings())
    assert asking.last.type == "answered"
    assert asking.last.answer.rows == [["Zoé"]]
    [repaired] = asking.of("repaired")
    assert repaired.reason == "The query found no rows."
    odd = [event for event in asking.of("linted") if event.step == "check_result"]
    assert [finding.rule for finding in odd[0].findings] == ["empty_result"]
    assert odd[0].verdict == "pass"


@pytest.mark.parametrize(
    "second",
    [_rows(), _rows([None]), Failed(code="database", message="no such thing", sqlstate="42703")],
    ids=["as odd", "odd otherwise", "failed"],
)
async def test_what_does_no_better_is_put_aside(ask, second):
    settings = _settings(max_repairs=1)
    asking = await ask([NARROW, WIDE], [_rows(), second], question="Which one?", settings=settings)
    assert asking.last.type == "answered"
    assert asking.last.answer.sql == "SELECT name FROM people.employees WHERE name = 'Zoe'"
    assert asking.last.answer.row_count == 0
    kept = asking.of("repaired")[-1]
    assert kept.attempt == 3
    assert "kept" in kept.reason
    assert asking.database.attempts == [1, 2]
    executions = [event.at for event in asking.of("executed")]
    assert asking.last.receipt.executed_at == executions[0]


async def test_the_model_may_fail_when_there_is_a_result(ask):
    asking = await ask([NARROW, ConnectionError("gone")], [_rows()], question="Who?", settings=_settings())
    assert asking.last.type == "answered"
    assert asking.last.answer.row_count == 0


async def test_the_same_query_again_ends_the_asking(ask):
    asking = await ask([NARROW] * 3, [_rows()], question="Who is it?", settings=_settings())
    assert asking.last.type == "answered"
    assert asking.database.attempts == [1]


@pytest.mark.parametrize(
    "settings",
    [_settings(max_rechecks=0), _settings(max_repairs=0), _settings(without=PLAIN | {"empty_result"}),
     _settings(without=PLAIN | {"check_result"})],
)  # fmt: skip
async def test_it_can_be_switched_off(ask, settings):
    asking = await ask([NARROW], [_rows()], question="Which one?", settings=settings)
    assert asking.last.type == "answered"
    assert asking.of("repaired") == []


async def test_further_drafts_agree(ask):
    asking = await ask(
        [WIDE, NARROW, WIDE], [_rows(["a"]), _rows(["a"]), _rows(["b"])], question="Which one?",
        settings=_settings(candidates=3),
    )  # fmt: skip
    assert asking.last.answer.rows == [["a"]]
    assert asking.database.attempts == [1, 1000, 1001]
    [checked] = [event for event in asking.of("step_finished") if event.step == "check_result"]
    assert checked.detail == "1 of 2 further drafts agree"
    assert checked.usage.model_calls == 2
    assert "".join(event.text for event in asking.of("sql_delta")).count("SELECT") == 1


async def test_most_drafts_win(ask):
    asking = await ask(
        [WIDE, NARROW, NARROW], [_rows(["a"]), _rows(["b"]), _rows(["b"])], question="Which one?",
        settings=_settings(candidates=3),
    )  # fmt: skip
    assert asking.last.answer.rows == [["b"]]
    assert asking.of("repaired")[-1].reason == "Several further drafts agree on another result."
    run = asking.events
    assert run[-1].answer.sql.endswith("'Zoe'")


async def test_what_another_draft_gave_is_bounded_like_any_result(ask):
    """Its rows go into an event, and there are as many as a frame held, each as long as it likes."""
    wide = [_rows(*[["b" * 100_000] for _ in range(50)]) for _ in range(2)]
    asking = await ask(
        [WIDE, NARROW, NARROW], [_rows(["a"]), *wide], question="Which one?",
        settings=_settings(candidates=3),
    )  # fmt: skip
    told = [event.outcome for event in asking.of("executed")][-1]
    assert told.row_count == 50
    assert sum(len(row[0]) for row in told.preview) <= 64_000


async def test_a_candidate_that_fails_is_passed_over(ask):
    failed = Failed(code="database", message="no", sqlstate="42703")
    asking = await ask(
        [WIDE, "no query at all", NARROW], [_rows(["a"]), failed], question="Which one?",
        settings=_settings(candidates=3),
    )  # fmt: skip
    assert asking.last.answer.rows == [["a"]]


def test_results_are_compared_without_order_and_as_displayed():
    assert same_result(_rows(["a", 1], ["b", 2.0]), _rows([2, "b"], [1, "a"]))
    assert not same_result(_rows(["a", 1]), _rows(["a", 2]))
    assert not same_result(_rows(["a"]), _rows(["a"], ["a"]))
    assert not same_result(_rows(["a", "b"]), _rows(["a"]))
    assert same_result(_rows([0.1 + 0.2]), _rows(["0.3"]))
    assert not same_result(_rows([True]), _rows([1]))


async def test_results_that_stay_with_their_owner_are_not_voted_on(ask, count_of_34):
    counted = count_of_34.model_copy(update={"preview": [], "withheld": True})
    asking = await ask(["SELECT count(*) FROM people.employees"], [counted], settings=Settings(candidates=3))
    assert asking.last.type == "answered"
    assert len(asking.database.statements) == 1
