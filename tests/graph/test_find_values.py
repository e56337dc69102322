"""Values looked up at the agent, in prompts and under a draft's literals; over fakes at the far ends."""

import pytest

from graph.autofix.literal_case import open_literals
from graph.ports import Settings
from wire.policy import Share
from wire.values import Compared, Found, FoundValue, Looked

SQL = "SELECT count(*) FROM people.employees WHERE name = 'ada'"
FENCED = f"```sql\n{SQL};\n```"
ADA = FoundValue(table="people.employees", column="name", value="Ada\nLovelace", phrase="ada lovelace")
CITY = FoundValue(table="public.offices", column="order", value="O'Hara", phrase="o hara")
GONE = FoundValue(table="public.gone", column="name", value="x", phrase="x")
SNAP = Looked(table="people.employees", column="name", text="ada", held=False, cased=["Ada"])
HINTS = Settings(value_hints=True)


async def test_by_default_prompts_show_no_values_and_nothing_is_looked_up_for_them(ask, count_of_34):
    asking = await ask([FENCED, "34."], [count_of_34], found=Found(found=[ADA]))
    assert "find_values" not in [event.step for event in asking.of("step_started")]
    assert "Ada" not in asking.prompt(0)
    assert all(not text for text, _ in asking.database.lookups)


async def test_lines_stand_after_the_schema_and_before_the_question(ask, count_of_34):
    asking = await ask([FENCED, "34."], [count_of_34], found=Found(found=[ADA, GONE, CITY]), settings=HINTS)
    prompt = asking.prompt(0)
    lines = "people.employees.name = 'Ada Lovelace'\noffices.\"order\" = 'O''Hara'"
    assert lines in prompt
    assert prompt.index("</schema>") < prompt.index(lines) < prompt.index("<question>")
    assert asking.database.lookups[0][0] == "How many engineers are there?"
    [step] = [event for event in asking.of("step_finished") if event.step == "find_values"]
    assert step.detail == "2 values found"


async def test_values_of_tables_that_the_prompt_leaves_out_are_left_out_too(ask, count_of_34):
    asking = await ask(
        [FENCED, "34."],
        [count_of_34],
        found=Found(found=[ADA, CITY]),
        settings=Settings(value_hints=True, prune_tables_above=1),
    )
    assert "TABLE offices" not in asking.prompt(0)
    assert "O''Hara" not in asking.prompt(0)


@pytest.mark.parametrize("found", [None, Found(), Found(ready=False)])
async def test_an_agent_that_has_nothing_to_say_costs_nothing(ask, count_of_34, found):
    asking = await ask([FENCED, "34."], [count_of_34], found=found, settings=HINTS)
    assert asking.last.type == "answered"
    assert asking.database.statements == [SQL]


@pytest.mark.parametrize(
    "more",
    [
        {"settings": Settings(value_hints=True, without=frozenset({"value_lookup"}))},
        {"settings": HINTS, "share": Share(model="schema")},
    ],
)
async def test_switched_off_or_not_shared_nothing_is_asked(ask, count_of_34, more):
    asking = await ask([FENCED, "34."], [count_of_34], found=Found(found=[ADA], compared=[SNAP]), **more)
    assert asking.database.lookups == []
    assert asking.database.statements == [SQL]


async def test_a_literal_is_mended_and_the_change_is_told(ask, count_of_34):
    asking = await ask([FENCED, "34."], [count_of_34], found=Found(compared=[SNAP]))
    assert asking.database.lookups[0] == (
        "",
        [Compared(table="people.employees", column="name", text="ada")],
    )
    assert asking.database.statements == [SQL.replace("ada", "Ada").replace("count", "COUNT")]
    [repaired] = asking.of("repaired")
    assert (repaired.origin, repaired.changes) == ("autofix", ["name holds 'Ada', not 'ada'."])


async def test_candidates_are_mended_as_well(ask, count_of_34):
    asking = await ask(
        [FENCED, FENCED, "34."],
        [count_of_34],
        found=Found(compared=[SNAP]),
        settings=Settings(candidates=2),
    )
    assert set(asking.database.statements) == {SQL.replace("ada", "Ada").replace("count", "COUNT")}
    assert len(asking.database.statements) == 2


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT name FROM people.employees WHERE name = 'ada'", [("people.employees", "name", "ada")]),
        ("SELECT 1 FROM people.employees e WHERE 'ada' = e.name", [("people.employees", "name", "ada")]),
        (
            "SELECT 1 FROM people.employees WHERE name IN ('a', 'b', 'a')",
            [("people.employees", "name", "a"), ("people.employees", "name", "b")],
        ),
        (
            "SELECT 1 FROM offices WHERE city IN (SELECT country FROM sales.customers WHERE company <> 'X')",
            [("sales.customers", "company", "X")],
        ),
        # Settled by the snapshot: an enum's label, a sample.
        ("SELECT 1 FROM people.employees WHERE state = 'Active' AND title = 'Engineer'", []),
        ("SELECT 1 FROM people.employees WHERE hired_on = '2024-01-01' AND id = '1'", []),
        ("SELECT 1 FROM people.employees e, people.departments d WHERE name = 'ada'", []),
        ("SELECT 1 FROM nowhere WHERE name = 'ada'", []),
        ("SELECT name FROM people.employees WHERE name = '" + "x" * 81 + "'", []),
        ("SELECT name FROM people.employees WHERE name = ''", []),
        ("not sql '", []),
        ("SELECT 1", []),
    ],
)
def test_literals_that_are_looked_up(company, sql, expected):
    assert [(one.table, one.column, one.text) for one in open_literals(sql, company)] == expected
