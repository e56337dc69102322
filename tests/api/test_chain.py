"""A question from HTTP over the wire and back, with every way to hear the answer."""

import asyncio
from typing import Any

from graph.events import RUN_EVENT
from graph.fold import fold
from wire.messages import EndAck, Execute


async def test_a_question_is_answered_through_the_agent(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run = await backend.ask(connection)
    assert run["status"] == "succeeded"
    assert run["answer"]["rows"] == [[42]]
    assert run["attempts"][0]["outcome"]["result_ref"]
    assert isinstance(await agent.until(EndAck), EndAck)
    await agent.leave()


async def test_the_fold_of_the_streamed_events_is_the_run(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run = await backend.ask(connection)
    events = await backend.events(run["run_id"])
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert [event["event"] for event in events] == [event["data"]["type"] for event in events]
    folded = fold(RUN_EVENT.validate_python(event["data"]) for event in events)
    assert folded is not None
    assert folded.model_dump(mode="json") == run
    assert (await backend.http.get(f"/api/v1/runs/{run['run_id']}")).json() == run
    await agent.leave()


async def test_streaming_the_query_gives_the_same_events(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    body = {"connection_id": connection, "question": "How many engineers?"}
    headers = {"Accept": "text/event-stream"}
    async with backend.http.stream("POST", "/api/v1/query", json=body, headers=headers) as stream:
        run_id = stream.headers["x-run-id"]
        assert stream.headers["location"] == f"/api/v1/runs/{run_id}"
        lines = [line async for line in stream.aiter_lines() if line.startswith("event: ")]
    assert lines[0] == "event: run_started"
    assert lines[-1] == "event: answered"
    assert len(lines) == len(await backend.events(run_id))
    await agent.leave()


async def test_a_stream_resumes_after_the_last_event(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run = await backend.ask(connection)
    whole = await backend.events(run["run_id"])
    assert await backend.events(run["run_id"], after=5) == whole[5:]
    assert await backend.events(run["run_id"], after=9999) == []
    query = await backend.http.get(f"/api/v1/runs/{run['run_id']}/events?last_event_id=3")
    assert query.text.startswith("id: 4\r\n")
    await agent.leave()


async def test_leaving_the_stream_does_not_stop_the_run(backend: Any, script: Any) -> None:
    gate = asyncio.Event()
    script.before = gate.wait
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run_id = await backend.start(connection)
    async with backend.http.stream("GET", f"/api/v1/runs/{run_id}/events") as stream:
        async for line in stream.aiter_lines():
            if line.startswith("event: run_started"):
                break
    gate.set()
    events = await backend.events(run_id)
    assert events[-1]["event"] == "answered"
    assert script.cancelled == 0
    await agent.leave()


async def test_many_questions_share_one_socket(backend: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    runs = await asyncio.gather(*(backend.ask(connection, question=f"Question {n}") for n in range(8)))
    assert {run["status"] for run in runs} == {"succeeded"}
    assert len({message.statement_id for message in agent.heard if isinstance(message, Execute)}) == 8
    await agent.leave()


async def test_a_follow_up_gets_the_turns_before_it(backend: Any, script: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection)
    first = await backend.ask(connection, question="How many employees?")
    second = await backend.ask(connection, question="And departments?", thread_id=first["thread_id"])
    assert second["thread_id"] == first["thread_id"]
    history = script.calls[-1]["history"]
    assert [(turn.question, turn.answer) for turn in history] == [("How many employees?", "There are 42.")]
    thread = (await backend.http.get(f"/api/v1/threads/{first['thread_id']}")).json()
    assert thread["title"] == "How many employees?"
    assert thread["turns"] == 2
    assert [run["run_id"] for run in thread["runs"]] == [first["run_id"], second["run_id"]]
    await agent.leave()
