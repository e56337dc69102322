"""A question through the whole machine, over fakes at the far ends."""

import asyncio

import pytest

from graph.build import run_events

SQL = "SELECT count(*) FROM people.employees WHERE title = 'Engineer'"
FENCED = f"```sql\n{SQL};\n```"


async def test_a_question_is_answered(ask, count_of_34):
    asking = await ask([FENCED, "There are 34 engineers."], [count_of_34])
    assert asking.types[0] == "step_started"
    assert asking.last.type == "answered"
    assert asking.last.answer.text == "There are 34 engineers."
    assert asking.last.answer.sql == SQL
    assert asking.last.answer.chart.kind == "number"
    assert asking.last.receipt.result_digest == "d" * 64
    steps = [event.step for event in asking.of("step_started")]
    assert steps == ["load_schema", "draft_sql", "lint_sql", "execute_sql", "summarize"]
    assert "".join(event.text for event in asking.of("sql_delta")) == SQL
    assert asking.of("step_finished")[1].usage.input_tokens == 100
    assert asking.database.statements == [SQL]


async def test_a_failed_query_is_repaired_with_the_databases_own_words(ask, count_of_34, no_such_column):
    wrong = "SELECT extra FROM people.employees"
    asking = await ask(
        [wrong.replace("extra", "name"), FENCED, "34."],
        [no_such_column.model_copy(update={"position": 8}), count_of_34],
    )
    assert asking.last.type == "answered"
    assert [event.attempt for event in asking.of("repaired")] == [2]
    assert 'column "salary" does not exist (SQLSTATE 42703)' in asking.prompt(1)
    assert asking.database.attempts == [1, 2]


async def test_stopping_stops_the_node_and_waits_for_the_database(ports_of):
    ports, _, database = ports_of([FENCED], hang=True)

    async def run():
        async for _ in run_events(ports, run_id="r1", question="How many?", history=[]):
            pass

    task = asyncio.create_task(run())
    await asyncio.wait_for(database.running.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert database.stopped == 1


async def test_closing_the_stream_stops_the_node(ports_of):
    ports, _, database = ports_of([FENCED], hang=True)
    stream = run_events(ports, run_id="r1", question="How many?", history=[])
    async for event in stream:
        if event.type == "executing":
            break
    await asyncio.wait_for(database.running.wait(), 5)
    await stream.aclose()
    assert database.stopped == 1
