"""Replicas that share a bus: a question goes to the one that holds the agent, and all else finds it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from api.bus.broker import NatsBus
from api.bus.local import Hub, LocalBus
from embedded.nats_server import NatsServer
from embedded.postgres import EmbeddedPostgres, temporary_postgres
from tests.patience import HANG_SECONDS
from wire.messages import Cancel, Drain, Execute, InFlight, Introspect, Tighten, Welcome


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with temporary_postgres() as started:
        yield started


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    with NatsServer() as started:
        yield started


@pytest.fixture(params=["local", pytest.param("nats", marks=pytest.mark.postgres(18))])
async def pair(
    request: pytest.FixtureRequest, settings: Any, serve_with: Any, monkeypatch: Any
) -> AsyncIterator[tuple[Any, Any]]:
    """Two replicas: over a hub and a store in a file, or over NATS and PostgreSQL."""
    monkeypatch.setattr("api.leases.BEAT_SECONDS", 0.2)
    monkeypatch.setattr("api.roster.BEAT_SECONDS", 0.2)
    if request.param == "local":
        hub = Hub()
        make = lambda: LocalBus(hub)  # noqa: E731  # as short as the other
    else:
        started: EmbeddedPostgres = request.getfixturevalue("server")
        name = f"placement_{uuid4().hex}"
        with psycopg.connect(started.dsn(), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"'.encode())
        settings = settings.model_copy(update={"database_url": SecretStr(started.dsn(name))})
        url = request.getfixturevalue("nats").url
        make = lambda: NatsBus(url)  # noqa: E731
    async with serve_with(settings, make()) as first, serve_with(settings, make()) as second:
        await first.eventually(lambda: _count(first) == _count(second) == 2)
        yield first, second


def _count(backend: Any) -> int:
    count: int = backend.state.gateway.replicas.roster.count
    return count


async def _joined(pair: tuple[Any, Any], **fields: Any) -> tuple[str, Any]:
    """A connection whose agent is attached to the first replica only."""
    connection = await pair[0].connection()
    return connection, await pair[0].agent(connection, **fields)


async def test_a_question_is_answered_wherever_it_is_asked(pair: Any, script: Any) -> None:
    first, second = pair
    connection, agent = await _joined(pair)
    for backend in (first, second):
        run = await backend.ask(connection)
        assert (run["status"], run["answer"]["rows"]) == ("succeeded", [[42]])
        assert run["run_id"] not in second.state.runs._live
    assert len(script.calls) == 2
    seen = await second.get(f"/api/v1/connections/{connection}")
    assert seen["agent"]["status"] == "online"
    assert (await second.get("/health/ready"))["checks"]["bus"] == {"ok": True, "detail": "2 replicas"}
    await agent.leave()


async def test_without_an_agent_anywhere_the_answer_is_immediate(pair: Any) -> None:
    first, second = pair
    connection, agent = await _joined(pair)
    await agent.leave()
    await first.eventually(lambda: first.state.gateway.session(connection) is None)
    question = {"connection_id": connection, "question": "How many engineers?"}
    # Long before a statement would be told that its agent does not come back.
    async with asyncio.timeout(first.state.gateway.reconnect_seconds - 5):
        for backend in (first, second):
            answer = await backend.http.post("/api/v1/query", json=question)
            assert (answer.status_code, answer.json()["code"]) == (503, "agent_offline")
            assert answer.headers["retry-after"]
    for agent_id in ("agt_none", "a b", "*", "agt_1.>", "\r\nPUB x 0", "x" * 100):
        unknown = await second.http.post("/api/v1/query", json={**question, "agent_id": agent_id})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_agent")
    long = await second.http.post("/api/v1/query", json={**question, "agent_id": "x" * 5_000})
    assert (long.status_code, long.json()["code"]) == (422, "bad_request")
    assert second.state.gateway.replicas.bus.trouble is None


async def test_what_the_other_replica_refuses_is_told_as_if_it_were_here(pair: Any) -> None:
    _, second = pair
    connection, agent = await _joined(pair)
    question = {"connection_id": connection, "question": "How many engineers?", "thread_id": "thr_none"}
    answer = await second.http.post("/api/v1/query", json=question)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_thread")
    await agent.leave()


async def test_a_key_names_one_run_at_every_replica(pair: Any, script: Any) -> None:
    first, second = pair
    connection, agent = await _joined(pair)
    runs = [await backend.ask(connection, idempotency_key="k1") for backend in (second, first, second, first)]
    assert len({run["run_id"] for run in runs}) == 1
    assert len(script.calls) == 1
    await agent.leave()


async def test_a_stream_is_the_same_at_every_replica(pair: Any) -> None:
    first, second = pair
    connection, agent = await _joined(pair)
    body = {"connection_id": connection, "question": "How many engineers?"}
    asked = await second.http.post("/api/v1/query", json=body, headers={"Accept": "text/event-stream"})
    run_id = asked.headers["x-run-id"]
    whole = await first.events(run_id)
    assert [event["id"] for event in whole] == list(range(1, len(whole) + 1))
    assert whole[-1]["event"] == "answered"
    assert await second.events(run_id) == whole
    assert await second.events(run_id, after=4) == whole[4:]
    assert asked.text.count("event: ") == len(whole)
    await agent.leave()


async def test_events_wake_those_who_follow(pair: Any, script: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.following.WOKEN_POLL_SECONDS", 300.0)
    first, second = pair
    gate = asyncio.Event()
    script.before = gate.wait
    connection, agent = await _joined(pair)
    run_id = await second.start(connection)
    following = asyncio.create_task(second.events(run_id))
    await first.eventually(lambda: first.state.runs._live[run_id].run.last_event_id >= 3)
    await asyncio.sleep(0.3)
    gate.set()
    async with asyncio.timeout(HANG_SECONDS):
        assert (await following)[-1]["event"] == "answered"
    await agent.leave()


async def test_a_stop_travels_to_the_database(pair: Any, result: Any) -> None:
    _, second = pair
    connection, agent = await _joined(pair, result=result(hold=True))
    run_id = await second.start(connection)
    await agent.until(Execute)
    stopped = await second.http.post(f"/api/v1/runs/{run_id}/cancel")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "cancelled")
    assert (await second.events(run_id))[-1]["data"]["database_ms"] is not None
    await agent.until(Cancel)
    await agent.leave()


async def test_deleting_a_connection_stops_its_runs_and_agents_everywhere(pair: Any, result: Any) -> None:
    first, second = pair
    connection, agent = await _joined(pair, result=result(hold=True))
    run_id = await first.start(connection)
    await agent.until(Execute)
    assert (await second.http.delete(f"/api/v1/connections/{connection}")).status_code == 204
    assert (await agent.until_closed())[0] == 4401
    await first.eventually(lambda: run_id not in first.state.runs._live)


async def test_a_token_revoked_at_one_replica_closes_the_socket_at_another(pair: Any) -> None:
    _, second = pair
    connection, agent = await _joined(pair)
    path = f"/api/v1/connections/{connection}/agents/{agent.welcome.agent_id}"
    assert (await second.http.delete(path)).status_code == 204
    assert (await agent.until_closed())[0] == 4401


async def test_a_schema_is_refreshed_from_any_replica_and_known_to_all(pair: Any, snapshot: Any) -> None:
    first, second = pair
    connection, agent = await _joined(pair)
    await agent.until(Introspect)
    path = f"/api/v1/connections/{connection}/schema"
    await second.eventually(lambda: _found(second, path))
    before = [await backend.get(path) for backend in pair]
    agent.snapshot = snapshot(tables=agent.snapshot.tables[:1])
    refreshed = await second.http.post(f"/api/v1/{connection}/refresh-schema")
    assert refreshed.json()["removed"] == ["people.employees", "sales.orders"]
    for backend, old in zip(pair, before, strict=True):
        seen = await backend.get(path)
        assert (len(old["tables"]), len(seen["tables"])) == (3, 1)
    # One that the first replica renewed by itself is read anew at the second.
    agent.snapshot = snapshot()
    await first.http.post(f"/api/v1/{connection}/refresh-schema")
    await second.eventually(lambda: _tables(second, path, 3))
    await agent.leave()
    await first.eventually(lambda: first.state.gateway.session(connection) is None)
    absent = await second.http.post(f"/api/v1/{connection}/refresh-schema")
    assert (absent.status_code, absent.json()["code"]) == (503, "agent_offline")


async def _found(backend: Any, path: str) -> bool:
    return bool((await backend.http.get(path)).status_code == 200)


async def _tables(backend: Any, path: str, count: int) -> bool:
    return len((await backend.get(path))["tables"]) == count


# --- two sockets -------------------------------------------------------------------------------------------


async def test_a_welcome_names_the_replica_and_counts_them(pair: Any, fake_agent: Any) -> None:
    first, second = pair
    connection, agent = await _joined(pair)
    assert agent.welcome.replicas == 2
    token = agent.token
    again = fake_agent(first.socket_url, token, instance=agent.instance)
    socket = await again.dial()
    await socket.send(again.hello(attached=[agent.welcome.replica]).model_dump_json())
    assert "same_replica" in await socket.recv()
    await socket.wait_closed()
    assert socket.close_code == 4300
    twin = await fake_agent(second.socket_url, token, instance=agent.instance).attach(
        attached=[agent.welcome.replica]
    )
    # Welcome is said a moment before the session is served.
    await second.eventually(lambda: second._serves(connection, twin))
    assert twin.welcome.replica != agent.welcome.replica
    for _ in range(2):
        for backend in pair:
            assert (await backend.ask(connection))["status"] == "succeeded"
    assert len([one for one in agent.heard if isinstance(one, Execute)]) == 2
    assert len([one for one in twin.heard if isinstance(one, Execute)]) == 2
    assert agent.closed is None
    await agent.leave()
    assert (await first.ask(connection))["status"] == "succeeded"
    await twin.leave()


async def test_another_process_with_the_token_displaces_the_older_at_every_replica(
    pair: Any, fake_agent: Any
) -> None:
    first, second = pair
    connection, agent = await _joined(pair)
    newer = await second.agent(connection, agent.token)
    code, _ = await agent.until_closed()
    assert code == 4409
    assert (await first.ask(connection))["status"] == "succeeded"
    assert newer.closed is None
    await newer.leave()


async def test_processes_that_keep_displacing_each_other_are_told_apart(pair: Any, fake_agent: Any) -> None:
    _, second = pair
    connection, agent = await _joined(pair)
    backends = [second, pair[0]]
    for turn in range(3):
        former, agent = agent, await backends[turn % 2].agent(connection, agent.token)
        assert (await former.until_closed())[0] == 4409
    late = fake_agent(backends[1].socket_url, agent.token)
    await backends[1].eventually(lambda: len(backends[1].state.gateway._recent(agent.welcome.agent_id)) >= 3)
    socket = await late.dial()
    await socket.send(late.hello().model_dump_json())
    assert "token_shared" in await socket.recv()
    await socket.wait_closed()
    assert socket.close_code == 4429
    await agent.leave()


# --- moving ------------------------------------------------------------------------------------------------


async def test_a_run_goes_on_with_an_agent_that_has_moved(pair: Any, script: Any, fake_agent: Any) -> None:
    first, second = pair
    gate = asyncio.Event()
    script.before = gate.wait
    connection, agent = await _joined(pair)
    run_id = await first.start(connection)
    await first.eventually(lambda: len(script.calls) == 1)
    moved = await second.agent(connection, agent.token, instance=agent.instance)
    await agent.leave()
    gate.set()
    events = await first.events(run_id)
    assert events[-1]["event"] == "answered", events[-1]
    assert "run_resumed" not in [event["event"] for event in events]
    executed = next(one for one in moved.heard if isinstance(one, Execute))
    assert executed.run_id == run_id
    await moved.leave()


async def test_a_statement_on_a_lost_socket_is_claimed_at_the_other_replica(
    pair: Any, fake_agent: Any, result: Any
) -> None:
    first, second = pair
    connection, agent = await _joined(pair, result=result(die="after"))
    twin = await second.agent(connection, agent.token, instance=agent.instance)
    run_id = await first.start(connection)
    before: Execute = await agent.until(Execute)
    after: Execute = await twin.until(Execute)
    # The same execution: an agent that still has it tells it once more, and it does not run twice.
    assert (after.statement_id, after.attempt) == (before.statement_id, before.attempt)
    assert (await first.events(run_id))[-1]["event"] == "answered"
    await twin.leave()


async def test_a_stop_reaches_a_statement_at_another_replica(
    pair: Any, script: Any, result: Any, fake_agent: Any
) -> None:
    first, second = pair
    gate = asyncio.Event()
    script.before = gate.wait
    connection, agent = await _joined(pair)
    run_id = await first.start(connection)
    await first.eventually(lambda: len(script.calls) == 1)
    moved = await second.agent(connection, agent.token, instance=agent.instance, result=result(hold=True))
    await agent.leave()
    gate.set()
    await moved.until(Execute)
    stopped = await first.http.post(f"/api/v1/runs/{run_id}/cancel")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "cancelled")
    await moved.until(Cancel)
    assert (await first.events(run_id))[-1]["data"]["database_ms"] is not None
    await moved.leave()


async def test_a_replica_that_leaves_hands_new_questions_on_and_finishes_its_own(
    pair: Any, script: Any, fake_agent: Any
) -> None:
    first, second = pair
    gate = asyncio.Event()
    begun = asyncio.Event()

    async def gated() -> None:
        begun.set()
        await gate.wait()

    connection, agent = await _joined(pair)
    script.before = gated
    mine = asyncio.create_task(first.ask(connection))
    await begun.wait()
    script.before = None
    closing = asyncio.create_task(_leave(first))
    await agent.until(Drain)
    assert (await first.http.get("/health/ready")).status_code == 503
    # The agent is on its way, and a question waits for it, whichever replica it comes to.
    waiting = [asyncio.create_task(backend.ask(connection)) for backend in pair]
    await asyncio.sleep(0.3)
    moved = await second.agent(connection, agent.token, instance=agent.instance)
    for run in await asyncio.gather(*waiting):
        assert run["status"] == "succeeded"
    assert agent.closed is None, "an agent is served until the end"
    gate.set()
    assert (await mine)["status"] == "succeeded"
    await closing
    await moved.leave()


async def _leave(backend: Any) -> None:
    """What ``Server.shutdown`` does before it closes its connections."""
    state = backend.state
    state.runs.closing = True
    await state.gateway.drain(30.0)
    await state.runs.close(30.0)


async def test_agents_hear_when_the_number_of_replicas_changes(
    pair: Any, settings: Any, fake_agent: Any
) -> None:
    _, second = pair
    _, agent = await _joined(pair)
    await second.state.gateway.replicas.leave()
    said: Welcome = await agent.until(Welcome)
    assert said.replicas == 1
    assert said.epoch == agent.welcome.epoch
    await agent.leave()


async def test_a_replica_that_is_silent_is_forgotten(pair: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.roster.GONE_SECONDS", 0.8)
    first, second = pair
    connection, agent = await _joined(pair)
    await second.eventually(lambda: _status(second, connection, "online"))
    for task in list(first.state.gateway.replicas.roster._tasks):
        task.cancel()
    await second.eventually(lambda: _count(second) == 1)
    await agent.leave()


async def _status(backend: Any, connection: str, status: str) -> bool:
    return bool((await backend.get(f"/api/v1/connections/{connection}"))["agent"]["status"] == status)


async def test_in_flight_statements_of_a_hello_are_kept_for_their_run(pair: Any) -> None:
    first, _ = pair
    connection, agent = await _joined(
        pair, in_flight=[InFlight(statement_id="a" * 32, attempt=1, state="running")]
    )
    # Nobody here wants it: it is told to stop, as with one replica.
    assert (await agent.until(Cancel)).statement_id == "a" * 32
    assert (await first.ask(connection))["status"] == "succeeded"
    await agent.leave()


# --- policies ----------------------------------------------------------------------------------------------

TIGHT = {"policy": {"version": 1, "tables": {"people.employees": {"deny_columns": ["salary"]}}}}


async def test_a_policy_changed_at_one_replica_reaches_the_agent_at_another_at_once(pair: Any) -> None:
    """Without a question: nobody asks one here."""
    _, second = pair
    connection, agent = await _joined(pair)
    path = f"/api/v1/connections/{connection}"
    assert (await second.http.patch(path, json=TIGHT)).status_code == 200
    told: Tighten = await agent.until(Tighten)
    assert told.policy is not None
    assert told.policy["tables"]["people.employees"]["deny_columns"] == ["salary"]
    # What does not concern it is not told, and taken away it is taken away.
    assert (await second.http.patch(path, json={"name": "Another"})).status_code == 200
    assert (await second.http.patch(path, json={"policy": None})).status_code == 200
    assert (await agent.until(Tighten, 2)).policy is None
    await agent.leave()


async def test_a_statement_of_another_replicas_run_is_held_to_the_policy_of_now(
    pair: Any, script: Any, fake_agent: Any, monkeypatch: Any
) -> None:
    """Its notice was lost: the statement that travels brings the agent's replica to look."""
    first, second = pair
    gate = asyncio.Event()
    script.before = gate.wait
    connection, agent = await _joined(pair)
    run_id = await first.start(connection)
    await first.eventually(lambda: len(script.calls) == 1)
    moved = await second.agent(connection, agent.token, instance=agent.instance)
    await agent.leave()
    monkeypatch.setattr(first.state.gateway.replicas.bus, "publish", _deaf)
    assert (await first.http.patch(f"/api/v1/connections/{connection}", json=TIGHT)).status_code == 200
    assert not any(isinstance(one, Tighten) for one in moved.heard)
    gate.set()
    await moved.until(Execute)
    kinds = [type(one) for one in moved.heard if isinstance(one, Tighten | Execute)]
    assert kinds == [Tighten, Execute]
    monkeypatch.undo()
    assert (await first.events(run_id))[-1]["event"] == "answered"
    await moved.leave()


async def _deaf(subject: str, data: bytes = b"") -> None:
    """As a bus that cannot be reached: the message is gone."""


async def test_what_was_said_while_the_bus_was_away_is_caught_up_with(pair: Any, monkeypatch: Any) -> None:
    """A revoked token and a policy: both are in the store, and looked up when the others are heard again."""
    _, second = pair
    connection, agent = await _joined(pair)
    other, kept = await _joined(pair)
    monkeypatch.setattr(second.state.gateway.replicas.bus, "publish", _deaf)
    path = f"/api/v1/connections/{connection}/agents/{agent.welcome.agent_id}"
    assert (await second.http.delete(path)).status_code == 204
    assert (await second.http.patch(f"/api/v1/connections/{other}", json=TIGHT)).status_code == 200
    assert agent.closed is None
    monkeypatch.undo()
    second.state.gateway.replicas.bus.on_found()
    assert (await agent.until_closed())[0] == 4401
    assert (await kept.until(Tighten)).policy is not None
    assert kept.closed is None
    await kept.leave()
