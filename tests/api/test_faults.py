"""What goes away in the middle: the agent, a frame, the store, the backend itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from api.errors import StoreUnavailable
from api.ids import new_id
from api.recorder import stored
from api.store.records import Batch, Holder, RunRecord
from api.store.sqlite import SqliteStore
from graph.events import RunStarted, StepStarted
from tests.patience import HANG_SECONDS
from wire.frames import RowsFrame, encode_body
from wire.messages import Accepted, Cancel, Columns, EndAck, ErrorMessage, Execute, InFlight, Introspect
from wire.outcome import Failed, ResultColumn


async def test_asking_while_the_agent_is_offline_starts_nothing(backend: Any) -> None:
    connection = await backend.connection()
    question = {"connection_id": connection, "question": "How many engineers?"}
    answer = await backend.http.post("/api/v1/query", json=question)
    assert answer.status_code == 503
    assert answer.json()["code"] == "agent_offline"
    assert answer.json()["hint"]
    assert answer.headers["retry-after"]
    assert (await backend.http.get("/api/v1/runs")).json()["runs"] == []


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_an_agent_that_comes_back_is_asked_again(backend: Any, result: Any, moment: str) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    first = await backend.agent(connection, token, result=result(die=moment))
    run_id = await backend.start(connection)
    await first.until_closed()
    second = await backend.agent(connection, token)
    events = await backend.events(run_id)
    assert events[-1]["event"] == "answered"
    again = await second.until(Execute)
    assert again.statement_id == first.heard[-1].statement_id
    assert again.attempt == 2
    await second.leave()


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
@pytest.mark.parametrize("times", [1, None])
async def test_what_postgresql_rolled_back_runs_once_more(
    backend: Any, result: Any, sqlstate: str, times: int | None
) -> None:
    """A serialization failure or a deadlock: the same statement, under a new number, and no repair."""
    rolled_back = Failed(
        code="database", message="Rolled back.", hint="Again.", sqlstate=sqlstate, retryable=True
    )
    connection = await backend.connection()
    token = await backend.join(connection)
    agent = await backend.agent(connection, token, result=result(failure=rolled_back, failures=times))
    events = await backend.events(await backend.start(connection))
    sent = [message for message in agent.heard if isinstance(message, Execute)]
    assert [message.attempt for message in sent] == [1, 2]
    assert len({(message.statement_id, message.sql) for message in sent}) == 1
    assert events[-1]["event"] == ("answered" if times else "run_failed")
    await agent.leave()


async def test_what_the_statement_itself_did_wrong_is_not_sent_again(backend: Any, result: Any) -> None:
    wrong = Failed(code="timeout", message="Too slow.", sqlstate="57014")
    connection = await backend.connection()
    agent = await backend.agent(connection, await backend.join(connection), result=result(failure=wrong))
    await backend.events(await backend.start(connection))
    assert sum(isinstance(message, Execute) for message in agent.heard) == 1
    await agent.leave()


@pytest.mark.parametrize("key", [None, "the same again"])
async def test_a_run_that_was_stored_although_its_asker_was_refused(
    backend: Any, result: Any, monkeypatch: Any, key: str | None
) -> None:
    """The store's answer was lost. It is ended by name, or driven for whoever asks again with its key."""
    connection = await backend.connection()
    agent = await backend.agent(connection, await backend.join(connection), result=result(hold=True))
    # Another is driven meanwhile, so the leases of this process are renewed.
    await backend.start(connection)
    await agent.until(Execute)
    real = backend.state.store.runs.start

    async def start_and_lose_the_answer(*args: Any, **more: Any) -> None:
        await real(*args, **more)
        raise StoreUnavailable("Lost.", "Ask again.")

    question = {"connection_id": connection, "question": "And how many now?", "idempotency_key": key}
    headers = {"Prefer": "respond-async"}
    monkeypatch.setattr(backend.state.store.runs, "start", start_and_lose_the_answer)
    answer = await backend.http.post("/api/v1/query", json=question, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    monkeypatch.undo()
    runs = (await backend.http.get("/api/v1/runs")).json()["runs"]
    (run_id,) = [run["run_id"] for run in runs if run["question"] == question["question"]]
    if key is None:
        events = await backend.events(run_id)
        assert events[-1]["data"]["problem"]["code"] == "store_unavailable"
    else:
        await agent.until(Execute, 2)
        again = await backend.http.post("/api/v1/query", json=question, headers=headers)
        assert again.json()["run_id"] == run_id
    await agent.leave()


async def test_a_statement_still_in_flight_is_asked_for_under_its_own_attempt(
    backend: Any, result: Any
) -> None:
    connection = await backend.connection()
    token = await backend.join(connection)
    first = await backend.agent(connection, token, result=result(die="after"))
    run_id = await backend.start(connection)
    execute = await first.until(Execute)
    await first.until_closed()
    held = InFlight(statement_id=execute.statement_id, attempt=execute.attempt, state="finished")
    second = await backend.agent(connection, token, instance=first.instance, in_flight=[held])
    assert (await backend.events(run_id))[-1]["event"] == "answered"
    assert (await second.until(Execute)).attempt == execute.attempt
    await second.leave()


_GARBLED = ErrorMessage(code="digest_mismatch", message="not what was sent", about="-")
_UNREAD = ErrorMessage(code="malformed_frame", message="no JSON")


@pytest.mark.parametrize(
    "errors", [[_GARBLED], [_UNREAD], [_GARBLED, _UNREAD]], ids=["text", "frame", "both"]
)
async def test_what_did_not_arrive_as_it_was_sent_is_sent_again(
    backend: Any, result: Any, errors: list[ErrorMessage]
) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(unread=list(errors)))
    assert (await backend.ask(connection))["answer"]["rows"] == [[42]]
    sent = [one for one in agent.heard if isinstance(one, Execute)]
    assert [one.attempt for one in sent] == list(range(1, len(errors) + 2))
    assert len({one.statement_id for one in sent}) == 1
    assert all(one.intact and one.sql_digest for one in sent)
    # Of a frame that could not be read nobody knows whose it was: that attempt is stopped, to be sure.
    stopped = [one.attempt for one in agent.heard if isinstance(one, Cancel)]
    assert stopped == [at for at, error in enumerate(errors, 1) if error is _UNREAD]
    await agent.leave()


async def test_what_never_arrives_as_it_was_sent_ends_by_name(backend: Any, result: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(unread=[_GARBLED] * 9))
    run = await backend.ask(connection)
    assert (run["status"], run["problem"]["code"]) == ("failed", "protocol")
    assert "nothing was run" in run["problem"]["message"]
    assert len([one for one in agent.heard if isinstance(one, Execute)]) == 3
    await agent.leave()


async def test_what_nobody_waits_for_any_more_is_stopped_when_the_agent_returns(backend: Any) -> None:
    connection = await backend.connection()
    orphan = InFlight(statement_id="0" * 32, attempt=1, state="running")
    agent = await backend.agent(connection, in_flight=[orphan])
    assert (await agent.until(Cancel)).statement_id == "0" * 32
    await agent.leave()


@pytest.mark.parametrize(("moment", "code"), [("before", "agent_offline"), ("after", "agent_lost")])
async def test_an_agent_that_stays_away_ends_the_run_by_name(
    settings: Any, serve_with: Any, result: Any, moment: str, code: str
) -> None:
    async with serve_with(settings.model_copy(update={"reconnect_seconds": 0.2})) as backend:
        connection = await backend.connection()
        await backend.agent(connection, result=result(die=moment))
        run = await backend.ask(connection)
        assert (run["status"], run["problem"]["code"]) == ("failed", code)
        assert run["problem"]["hint"]


@pytest.mark.parametrize(
    "lie", [{"rows": 2}, {"bytes": 1}, {"hash": "0" * 64}], ids=lambda lie: next(iter(lie))
)
async def test_a_result_that_is_not_whole_is_no_result(
    backend: Any, result: Any, lie: dict[str, Any]
) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(lie=lie))
    run = await backend.ask(connection)
    assert (run["status"], run["problem"]["code"]) == ("failed", "protocol")
    assert not [message for message in agent.heard if isinstance(message, EndAck)]
    await agent.leave()


async def test_rows_out_of_order_or_broken_end_the_statement(backend: Any, result: Any) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(hold=True))
    columns = [ResultColumn(name="a", type="text")]
    for number, frame in enumerate(
        [
            lambda ref: RowsFrame(*ref, 1, 1, encode_body([["late"]])),
            lambda ref: RowsFrame(*ref, 0, 1, b"not json"),
            lambda ref: RowsFrame(*ref, 0, 1, encode_body([["too", "wide"]])),
        ],
        1,
    ):
        run_id = await backend.start(connection)
        execute = await agent.until(Execute, number)
        ref = (execute.statement_id, execute.attempt)
        await agent.send(Accepted(statement_id=ref[0], attempt=ref[1]))
        await agent.send(Columns(statement_id=ref[0], attempt=ref[1], columns=columns))
        await agent.send(frame(ref).encode())
        assert (await backend.events(run_id))[-1]["data"]["problem"]["code"] == "protocol"
        assert (await agent.until(ErrorMessage, number)).code == "malformed_frame"
    await agent.leave()


@pytest.mark.parametrize(
    "failure",
    [
        Failed(code="database", message='relation "gone" does not exist', sqlstate="42P01", position=15),
        # The gate reads the catalog before PostgreSQL sees the statement: then it is the one to know.
        Failed(code="policy", message="The table gone does not exist, or may not be read.", layer="policy"),
        Failed(code="policy", message="The function gone is not permitted.", layer="function"),
    ],
    ids=["database", "table", "function"],
)
async def test_a_failed_statement_is_data_for_the_graph(
    backend: Any, result: Any, snapshot: Any, failure: Failed
) -> None:
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(failure=failure))
    await backend.eventually(lambda: backend.state.gateway.catalog.cached(connection))
    agent.snapshot = snapshot(tables=agent.snapshot.tables[:1])
    run = await backend.ask(connection)
    assert run["attempts"][0]["outcome"] == failure.model_dump(mode="json")
    schema = f"/api/v1/connections/{connection}/schema"

    async def looked_again() -> bool:
        return len((await backend.get(schema))["tables"]) == 1

    await backend.eventually(looked_again)
    await agent.leave()


async def test_many_refusals_make_one_look(backend: Any) -> None:
    """However many statements find the snapshot old, no more than one look waits behind the one under way."""
    connection = await backend.connection()
    agent = await backend.agent(connection)
    await backend.eventually(lambda: backend.state.gateway.catalog.cached(connection))
    before = sum(isinstance(message, Introspect) for message in agent.heard)
    for _ in range(50):
        backend.state.gateway.catalog.refresh_soon(connection)
    await asyncio.sleep(0)
    for _ in range(50):
        backend.state.gateway.catalog.refresh_soon(connection)
    # Asked for last, so answered last: the lock lets them through in order.
    await backend.state.gateway.catalog.refresh(connection)
    assert sum(isinstance(message, Introspect) for message in agent.heard) - before <= 3
    await agent.leave()


@pytest.mark.parametrize("silent", [True, False])
async def test_a_pipeline_that_breaks_ends_as_failed(backend: Any, script: Any, silent: bool) -> None:
    script.silent = silent
    script.raises = None if silent else RuntimeError("row value 4711")
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run = await backend.ask(connection)
    assert (run["status"], run["problem"]["code"]) == ("failed", "internal")
    assert "4711" not in str(run)
    await agent.leave()


async def test_a_full_disk_stops_runs_and_refuses_questions_until_it_is_mended(
    backend: Any, script: Any
) -> None:
    gate = asyncio.Event()
    script.before = gate.wait
    connection = await backend.connection()
    agent = await backend.agent(connection)
    run_id = await backend.start(connection)
    waiting = asyncio.create_task(
        backend.http.post("/api/v1/query", json={"connection_id": connection, "question": "And now?"})
    )
    await backend.eventually(lambda: len(script.calls) == 2)
    store: SqliteStore = backend.state.store
    broken = await _fill(store)
    gate.set()
    tail = await backend.http.get(f"/api/v1/runs/{run_id}/events")
    assert "answered" not in tail.text
    unheard = await waiting
    assert (unheard.status_code, unheard.json()["code"]) == (503, "store_unavailable")
    assert unheard.json()["run_id"].startswith("run_")
    question = {"connection_id": connection, "question": "How many engineers?"}
    refused = await backend.http.post("/api/v1/query", json=question)
    assert (refused.status_code, refused.json()["code"]) == (503, "store_unavailable")
    ready = await backend.http.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert (await backend.http.get("/health")).status_code == 200
    await broken()

    async def ended() -> Any:
        run = await backend.get(f"/api/v1/runs/{run_id}")
        return run if run["status"] != "running" else None

    run = await backend.eventually(ended)
    assert (run["status"], run["problem"]["code"]) == ("failed", "store_unavailable")
    assert (await backend.ask(connection))["status"] == "succeeded"
    await agent.leave()


async def _fill(store: SqliteStore) -> Any:
    """Make SQLite meet a full disk with its next write; returns what makes space again."""
    import sqlite3

    run = store._writer._run

    def full(work: Any) -> Any:
        def fails(_: Any) -> Any:
            raise sqlite3.OperationalError("database or disk is full")

        return run(fails)

    store._writer._run = full  # type: ignore[method-assign]

    async def mend() -> None:
        store._writer._run = run  # type: ignore[method-assign]

    return mend


async def test_a_stopping_backend_ends_its_runs_by_name(settings: Any, serve_with: Any, script: Any) -> None:
    script.before = asyncio.Event().wait
    async with httpx2.AsyncClient(timeout=HANG_SECONDS) as http:
        async with serve_with(settings) as backend:
            connection = await backend.connection()
            await backend.agent(connection)
            run_id = await backend.start(connection)
            waiting = asyncio.create_task(http.get(f"{backend.url}/api/v1/runs/{run_id}/events"))
            await backend.eventually(lambda: backend.state.runs._live[run_id].listeners)
        assert "event: run_failed" in (await waiting).text
    store = SqliteStore(settings.store_file)
    run = await store.runs.load(run_id)
    await store.close()
    assert run is not None
    assert run.problem is not None
    assert (run.status, run.problem.code) == ("failed", "shutting_down")


async def _abandon(
    settings: Any, connection: str, run_id: str, *, at: datetime, holder: Holder | None = None
) -> None:
    """Leave a run in the store as a process does that was killed in its middle."""
    store = SqliteStore(settings.store_file)
    started = RunStarted(
        run_id=run_id, at=at, thread_id=new_id("thr"), connection_id=connection, question="How many?"
    )
    record = RunRecord(run_id, "local", connection, started.thread_id, "running", "How many?", at)
    await store.runs.start(record, stored(1, started), thread_title="How many?", key=None, holder=holder)
    step = StepStarted(run_id=run_id, at=at, step="load_schema")
    await store.runs.append([Batch(run_id, (stored(2, step),), epoch=1 if holder else None)])
    await store.close()


async def test_a_run_left_by_a_killed_process_is_resumed(settings: Any, serve_with: Any, script: Any) -> None:
    async with serve_with(settings) as backend:
        connection = await backend.connection()
        token = await backend.join(connection)
    run_id = new_id("run")
    await _abandon(settings, connection, run_id, at=datetime.now(UTC))
    async with serve_with(settings) as backend:
        agent = await backend.agent(connection, token)
        events = await backend.events(run_id, after=2)
        assert [events[0]["id"], events[0]["event"]] == [3, "run_resumed"]
        assert events[0]["data"]["after"] == 2
        assert events[-1]["event"] == "answered"
        assert script.calls[0]["resume"].last_event_id == 3
        await agent.leave()


async def test_a_run_that_began_long_ago_and_was_left_just_now_is_resumed(
    settings: Any, serve_with: Any
) -> None:
    """Or so it seems to a process whose clock is an hour ahead: what counts is when the lease ran out."""
    async with serve_with(settings) as backend:
        connection = await backend.connection()
        token = await backend.join(connection)
    run_id, began = new_id("run"), datetime.now(UTC) - timedelta(hours=1)
    await _abandon(settings, connection, run_id, at=began, holder=Holder("somebody", 0.0))
    async with serve_with(settings.model_copy(update={"reconnect_seconds": 5.0})) as backend:
        agent = await backend.agent(connection, token)
        events = await backend.events(run_id, after=2)
        assert [events[0]["event"], events[-1]["event"]] == ["run_resumed", "answered"]
        await agent.leave()


async def test_a_run_left_long_ago_is_ended_honestly(settings: Any, serve_with: Any) -> None:
    async with serve_with(settings) as backend:
        connection = await backend.connection()
    run_id = new_id("run")
    await _abandon(settings, connection, run_id, at=datetime(2026, 1, 1, tzinfo=UTC))
    async with serve_with(settings) as backend:
        run = (await backend.http.get(f"/api/v1/runs/{run_id}")).json()
        assert (run["status"], run["problem"]["code"]) == ("failed", "interrupted")
