"""What neither schema, notes nor values have a word for, and the draft says nothing of."""

from typing import Any

import pytest

from graph.checks.unknown_thing import unknown_things
from graph.context.coverage import Coverage
from graph.ports import Settings
from wire.values import Found, FoundValue

COUNT = "SELECT count(*) FROM people.employees"
SOUGHT = "SELECT count(*) FROM people.employees WHERE title ILIKE '%women%'"
QUIET = Settings(without=frozenset({"worded_answer"}))


def _coverage(*things: str, known: int = 1, **more: Any) -> Coverage:
    return Coverage(tuple(map(str, range(known))), things, things=things, **more)


@pytest.mark.parametrize(
    ("sql", "covered", "things"),
    [
        (COUNT, _coverage("women"), ["women"]),
        (COUNT, _coverage(), []),
        (COUNT, Coverage(("employees",), ("owe",)), []),
        (SOUGHT, _coverage("women"), []),
        (COUNT, _coverage("board", known=5), []),
        (COUNT, _coverage("women", terse=True), []),
        ("SELECT ((", _coverage("women"), []),
    ],
)
def test_unknown_things(sql: str, covered: Coverage, things: list[str]) -> None:
    assert unknown_things(sql, covered) == things


def test_what_notes_explain_is_known() -> None:
    assert unknown_things(COUNT, _coverage("veterans"), "A veteran was hired before 2010.") == []


async def test_the_question_is_refused_by_the_word(ask):
    asking = await ask([COUNT], question="How many employees are women?", found=Found())
    assert asking.last.type == "refused"
    assert asking.last.refusal.missing == ["women"]
    assert asking.database.statements == []


async def test_a_value_that_the_database_holds_is_known(ask, count_of_34):
    title = FoundValue(table="people.employees", column="title", value="Astronaut", phrase="astronauts")
    asking = await ask(
        [COUNT],
        [count_of_34],
        question="How many employees are astronauts?",
        found=Found(found=[title]),
        settings=QUIET,
    )
    assert asking.last.type == "answered"


@pytest.mark.parametrize("found", [None, Found(ready=False)])
async def test_where_values_are_not_known_a_word_may_be_one(ask, count_of_34, found):
    asking = await ask(
        [COUNT], [count_of_34], question="How many employees are women?", found=found, settings=QUIET
    )
    assert asking.last.type == "answered"
