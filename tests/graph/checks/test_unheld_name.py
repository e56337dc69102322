"""A name looked for where hardly a word of the question is known."""

import pytest

from graph.checks.unheld_name import sought_names
from graph.ports import Settings
from wire.values import Found, FoundValue

TOWER = "SELECT title FROM people.employees WHERE name = 'Eiffel Tower'"
QUESTION = "How tall is the Eiffel Tower?"
QUIET = Settings(without=frozenset({"worded_answer"}))


@pytest.mark.parametrize(
    ("sql", "sought"),
    [
        (TOWER, ["eiffel tower"]),
        ("SELECT 1 FROM t WHERE a LIKE '%Eiffel%' OR b = 'Eiffel' OR c = 'Louvre'", ["eiffel"]),
        ("SELECT 1 FROM t WHERE a = 'is' OR b > 330", []),
        ("SELECT ((", []),
    ],
)
def test_sought_names(sql: str, sought: list[str]) -> None:
    assert sought_names(sql, QUESTION) == sought


async def test_a_question_about_something_else_is_refused_by_its_name(ask):
    asking = await ask([TOWER], question=QUESTION, found=Found())
    assert asking.last.type == "refused"
    assert asking.last.refusal.missing == ["eiffel tower", "tall"]
    assert asking.database.statements == []


@pytest.mark.parametrize(
    ("found", "without"),
    [
        (None, ""),
        (Found(ready=False), ""),
        (Found(), "unheld_name"),
        (
            Found(
                found=[
                    FoundValue(
                        table="people.employees",
                        column="name",
                        value="Eiffel Tower",
                        phrase="eiffel tower",
                    )
                ]
            ),
            "",
        ),
    ],
)
async def test_where_values_have_it_or_cannot_tell_it_is_looked_for(ask, count_of_34, found, without):
    settings = Settings(without=frozenset({"worded_answer", without} - {""}))
    asking = await ask([TOWER], [count_of_34], question=QUESTION, found=found, settings=settings)
    assert asking.last.type == "answered"


async def test_a_known_question_about_an_unknown_name_has_no_rows(ask, count_of_34):
    sql = "SELECT title FROM people.employees WHERE name = 'Zorblat'"
    asking = await ask(
        [sql], [count_of_34], question="What is the job title of Zorblat?", found=Found(), settings=QUIET
    )
    assert asking.last.type == "answered"


async def test_where_nothing_else_is_known_a_dropped_name_is_the_subject(ask):
    asking = await ask(
        ["SELECT name FROM people.employees LIMIT 1"],
        question="Who wrote Pride and Prejudice?",
        found=Found(),
    )
    assert asking.last.type == "refused"
    assert "Pride" in asking.last.refusal.missing[0]
