"""A doubtful result is held against that of a draft that was shown the whole schema."""

import pytest

from graph.errors import ModelError
from graph.nodes import second_draft
from graph.ports import Settings
from wire.outcome import Failed, ResultColumn, Rows

QUESTION = "Which employees were hired last year, and who earns most?"
DOUBTFUL = (
    "```sql\nSELECT name FROM people.employees WHERE hired_on >= CURRENT_DATE - INTERVAL '1 year' "
    "AND id IN (SELECT id FROM people.employees) ORDER BY hired_on;\n```"
)
PLAINER = "```sql\nSELECT name FROM people.employees WHERE title = 'Engineer' AND state = 'active';\n```"
SURE = "```sql\nSELECT count(*) FROM people.employees;\n```"


def _rows(*names, **more):
    return Rows(
        columns=[ResultColumn(name="name", type="text")],
        preview=[[name] for name in names],
        row_count=len(names),
        digest="d" * 64,
        policy_digest="p" * 32,
        **more,
    )


def _settings(*without, **more):
    off = {"check_answerable", "worded_answer", "autofix", "unsaid_word", *without}
    return Settings(without=frozenset(off), **{"prune_tables_above": 1, **more})


async def test_a_second_draft_sees_the_whole_schema_and_may_agree(ask):
    asking = await ask(
        [DOUBTFUL, PLAINER], [_rows("Zoé"), _rows("Zoé")], question=QUESTION, settings=_settings()
    )
    first, second = (str(asked[-1].content) for asked in asking.model.asked)
    assert "offices" not in first
    assert "offices" in second
    assert asking.database.attempts == [1, 1000]
    assert asking.of("repaired") == []
    [checked] = [event for event in asking.of("step_finished") if event.step == "second_draft"]
    assert checked.detail == "gives the same"
    assert checked.usage.model_calls == 1
    assert "".join(event.text for event in asking.of("sql_delta")).count("WHERE") == 1, "its pieces stay here"


async def test_agreement_is_worth_trust_and_the_lack_of_it_is_not(ask):
    def score(asking):
        return asking.last.answer.confidence.score

    agreed = await ask([DOUBTFUL, PLAINER], [_rows("A"), _rows("A")], question=QUESTION, settings=_settings())
    alone = await ask([DOUBTFUL], [_rows("A")], question=QUESTION, settings=_settings("second_draft"))
    differs = await ask(
        [DOUBTFUL, DOUBTFUL], [_rows("A"), _rows("B")], question=QUESTION, settings=_settings()
    )
    assert score(differs) < score(alone) < score(agreed)


async def test_the_draft_that_more_speaks_for_is_told(ask):
    asking = await ask(
        [DOUBTFUL, PLAINER], [_rows("Zoé"), _rows("Max")], question=QUESTION, settings=_settings()
    )
    answer = asking.last.answer
    assert (answer.rows, answer.sql) == ([["Max"]], PLAINER.split("\n")[1].rstrip(";"))
    [taken] = asking.of("repaired")
    assert (taken.attempt, taken.origin) == (2, "repair")
    assert "whole schema" in taken.reason
    assert [event.attempt for event in asking.of("executed")] == [1, 2]
    assert any("gave another result" in reason for reason in answer.confidence.reasons)


async def test_the_first_stays_where_no_more_speaks_for_the_second(ask):
    asking = await ask(
        [DOUBTFUL, DOUBTFUL], [_rows("Zoé"), _rows("Max")], question=QUESTION, settings=_settings()
    )
    assert asking.last.answer.rows == [["Zoé"]]
    assert asking.of("repaired") == []


async def test_what_was_mended_in_the_draft_that_is_dropped_is_not_told(ask):
    mended = DOUBTFUL.replace("people.employees W", "employees W")
    plain = "```sql\nSELECT name FROM people.employees;\n```"
    settings = Settings(
        without=frozenset({"check_answerable", "worded_answer", "unsaid_word"}), prune_tables_above=1
    )
    asking = await ask([mended, plain], [_rows("Zoé"), _rows("Max")], question=QUESTION, settings=settings)
    assert asking.last.answer.rows == [["Max"]]
    assert asking.last.answer.assumptions == []


@pytest.mark.parametrize(
    "second", [Failed(code="database", message="no", sqlstate="42703"), None, "nothing", "no model"]
)
async def test_one_that_gives_nothing_costs_nothing(ask, second):
    lines = {"nothing": "I do not know.", "no model": ModelError("gone", "come back")}
    asking = await ask(
        [DOUBTFUL, lines.get(second, PLAINER) if isinstance(second, str) else PLAINER],
        [_rows("Zoé"), second if isinstance(second, Failed) else _rows("Zoé")],
        question=QUESTION,
        settings=_settings(),
    )
    assert asking.last.answer.rows == [["Zoé"]]


@pytest.mark.parametrize(
    ("line", "rows", "settings"),
    [
        (SURE, _rows("34"), _settings()),
        (DOUBTFUL, _rows("Zoé"), _settings("second_draft")),
        (DOUBTFUL, _rows("Zoé"), _settings(prune_tables_above=50)),
        (DOUBTFUL, _rows(withheld=True), _settings()),
    ],
    ids=["nothing to doubt", "switched off", "the whole schema was shown", "rows stay with their owner"],
)
async def test_none_is_made_where_it_would_be_for_nothing(ask, line, rows, settings):
    asking = await ask([line], [rows], question=QUESTION, settings=settings)
    assert asking.last.type == "answered"
    assert len(asking.model.asked) == 1


async def test_none_is_made_where_so_little_speaks_for_the_first_that_it_hardly_helps(ask, monkeypatch):
    monkeypatch.setattr(second_draft, "HOPELESS", 0.74)
    asking = await ask([DOUBTFUL], [_rows("Zoé")], question=QUESTION, settings=_settings())
    assert asking.last.type == "answered"
    assert len(asking.model.asked) == 1
