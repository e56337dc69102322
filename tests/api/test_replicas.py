"""Backends over one store: a run is driven by one, outlives it, and is heard and stopped through any."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from api.app import create_app
from api.errors import StoreUnavailable
from api.owner import dead, new_owner
from embedded.postgres import EmbeddedPostgres, temporary_postgres
from graph.events import StepStarted
from wire.messages import Cancel, Execute

_CHILD = """
import asyncio, os
from datetime import UTC, datetime
from langchain_core.language_models import FakeListChatModel
import api.server
from api.settings import Settings
from graph.events import StepStarted

async def stuck(ports, *, run_id, question, history, resume=None):
    yield StepStarted(run_id=run_id, at=datetime.now(UTC), step="load_schema")
    await asyncio.Event().wait()

make = api.server.create_app
model = FakeListChatModel(responses=["-"])
api.server.create_app = lambda settings: make(settings, pipeline=stuck, model=model)
api.server.serve(Settings())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with temporary_postgres() as started:
        yield started


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres(18))])
def shared(request: pytest.FixtureRequest, settings: Any) -> Any:
    """Settings of backends that share a store."""
    if request.param == "sqlite":
        return settings
    started: EmbeddedPostgres = request.getfixturevalue("server")
    name = f"replicas_{uuid4().hex}"
    with psycopg.connect(started.dsn(), autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
    return settings.model_copy(update={"database_url": SecretStr(started.dsn(name))})


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beats so quick that tests need not wait, under leases that a busy machine does not lose."""
    monkeypatch.setattr("api.leases.BEAT_SECONDS", 0.05)
    monkeypatch.setattr("api.leases.LEASE_SECONDS", 2.0)


@pytest.fixture
async def pair(shared: Any, serve_with: Any, quick: None) -> AsyncIterator[tuple[Any, Any]]:
    async with serve_with(shared) as first, serve_with(shared) as second:
        yield first, second


async def _stall(backend: Any) -> None:
    """Stop a backend's heart, as a pause of its whole process does."""
    heart = backend.state.runs._leases._heart
    heart.cancel()
    await asyncio.wait({heart})


async def test_a_run_of_a_stalled_backend_goes_on_elsewhere_and_only_there(
    pair: Any, result: Any, script: Any
) -> None:
    first, second = pair
    connection = await first.connection()
    token = await first.join(connection)
    agent = await first.agent(connection, token, result=result(hold=True))
    run_id = await first.start(connection)
    heard = asyncio.create_task(first.events(run_id))
    await agent.until(Execute)
    await _stall(first)
    await second.agent(connection, token)
    events = await second.events(run_id)
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    types = [event["event"] for event in events]
    assert types.count("run_started") == types.count("run_resumed") == types.count("answered") == 1
    # The first one wakes, meets the fence, and sends its listener on to what the second wrote.
    stale = first.state.runs._live.get(run_id)
    if stale is not None:
        await first.state.runs._leases._renew()
    assert await heard == events
    assert (await first.get(f"/api/v1/runs/{run_id}"))["status"] == "succeeded"
    assert script.calls[-1]["resume"].last_event_id == types.index("run_resumed") + 1


async def test_a_run_goes_on_elsewhere_although_the_clock_of_its_backend_was_wrong(
    pair: Any, result: Any, shared: Any
) -> None:
    """By an hour: it was left a moment ago all the same."""
    first, second = pair
    connection = await first.connection()
    token = await first.join(connection)
    agent = await first.agent(connection, token, result=result(hold=True))
    run_id = await first.start(connection)
    await agent.until(Execute)
    _began_an_hour_ago(shared, run_id)
    await _stall(first)
    await second.agent(connection, token)
    events = await second.events(run_id)
    assert events[-1]["event"] == "answered"


def _began_an_hour_ago(shared: Any, run_id: str) -> None:
    then = datetime.now(UTC) - timedelta(hours=1)
    if shared.database_url is None:
        with closing(sqlite3.connect(shared.store_file)) as db, db:
            db.execute("UPDATE runs SET created_at = ? WHERE run_id = ?", [then.isoformat(), run_id])
    else:
        with psycopg.connect(shared.database_url.get_secret_value(), autocommit=True) as conn:
            conn.execute("UPDATE runs SET created_at = %s WHERE run_id = %s", [then, run_id])


async def test_a_run_whose_write_was_done_although_it_was_given_up_ends(
    shared: Any, serve_with: Any, result: Any, quick: None, monkeypatch: Any
) -> None:
    """What the store keeps is further than we know, and another run keeps our heart beating."""
    async with serve_with(shared) as backend:
        connection = await backend.connection()
        agent = await backend.agent(connection, result=result(hold=True))
        await backend.start(connection)
        await agent.until(Execute)
        runs = backend.state.store.runs
        append, lost = runs.append, []

        async def append_and_lose_the_answer(batches: Any) -> Any:
            fates = await append(batches)
            if any(batch.run_id == run_id for batch in batches) and not lost:
                lost.append(run_id)
                raise StoreUnavailable("Lost.", "Ask again.")
            return fates

        run_id = await backend.start(connection)
        await agent.until(Execute, 2)
        monkeypatch.setattr(runs, "append", append_and_lose_the_answer)
        await backend.http.post(f"/api/v1/runs/{run_id}/cancel")

        async def ended() -> Any:
            run = await backend.get(f"/api/v1/runs/{run_id}")
            return run if run["status"] != "running" else None

        assert (await backend.eventually(ended))["status"] == "cancelled"
        assert lost

        # Nor does it matter when what was lost was no end.
        run_id = await backend.start(connection)
        await agent.until(Execute, 3)
        lost.clear()
        agent.result.hold = False
        live = backend.state.runs._live[run_id]
        step = StepStarted(run_id=run_id, at=datetime.now(UTC), step="load_schema")
        await backend.state.runs._driver.recorder.append(live, step)
        assert lost
        run = await backend.eventually(ended)
        assert (run["status"], run["problem"]["code"]) == ("failed", "store_unavailable")
        await agent.leave()


async def test_a_run_that_could_not_be_taken_up_is_taken_up_anew(
    shared: Any, serve_with: Any, result: Any, quick: None, monkeypatch: Any
) -> None:
    """Although its process drives another one, and so goes on beating."""
    async with serve_with(shared) as backend:
        connection = await backend.connection()
        agent = await backend.agent(connection, result=result(hold=True))
        await backend.start(connection)
        await agent.until(Execute)
        run_id = await backend.start(connection)
        await agent.until(Execute, 2)
        leases = backend.state.runs._leases
        take_up, failures = leases._take_up, []

        async def fail_once(record: Any, lease: Any, *, at_start: bool) -> bool:
            if not failures:
                failures.append(record.run_id)
                raise StoreUnavailable("Away.", "Ask again.")
            resumed: bool = await take_up(record, lease, at_start=at_start)
            return resumed

        monkeypatch.setattr(leases, "_take_up", fail_once)
        agent.result.hold = False
        # As when its process forgot it: its lease was another's, who died.
        live = backend.state.runs._live[run_id]
        backend.state.runs._driver.leave(live)
        events = await backend.events(run_id)
        assert failures == [run_id]
        assert [event["event"] for event in events][-1] == "answered"
        await agent.leave()


async def test_a_run_is_stopped_through_another_backend(pair: Any, result: Any) -> None:
    first, second = pair
    connection = await first.connection()
    agent = await first.agent(connection, result=result(hold=True))
    run_id = await first.start(connection)
    await agent.until(Execute)
    answer = await second.http.post(f"/api/v1/runs/{run_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    await agent.until(Cancel)
    assert (await first.events(run_id))[-1]["event"] == "run_cancelled"
    await agent.leave()


async def test_a_listener_at_another_backend_keeps_the_run(
    shared: Any, serve_with: Any, result: Any, quick: None
) -> None:
    impatient = shared.model_copy(update={"abandon_seconds": 60.0})
    async with serve_with(impatient) as first, serve_with(impatient) as second:
        connection = await first.connection()
        agent = await first.agent(connection, result=result(hold=True))
        run_id = await first.start(connection)
        live = first.state.runs._live[run_id]
        async with first.listening(run_id):
            pass
        await first.eventually(lambda: live.abandonment is not None)
        async with second.listening(run_id):
            await first.eventually(lambda: live.elsewhere and live.abandonment is None)
        await first.http.post(f"/api/v1/runs/{run_id}/cancel")
        await agent.leave()


@pytest.mark.postgres(18)
async def test_a_backend_that_is_told_to_stop_hands_its_runs_over(
    server: EmbeddedPostgres, settings: Any, serve_with: Any, script: Any, quick: None
) -> None:
    shared = settings.model_copy(update={"database_url": SecretStr(server.dsn())})
    gate = asyncio.Event()
    script.before = gate.wait
    async with serve_with(shared) as second:
        async with serve_with(shared) as first:
            connection = await first.connection()
            token = await first.join(connection)
            await first.agent(connection, token)
            run_id = await first.start(connection)
            await first.eventually(lambda: len(script.calls) == 1)
        gate.set()
        agent = await second.agent(connection, token)
        types = [event["event"] for event in await second.events(run_id)]
        assert (types.count("run_resumed"), types[-1]) == (1, "answered")
        await agent.leave()


async def test_a_run_of_a_killed_process_goes_on(shared: Any, serve_with: Any, fake_agent: Any) -> None:
    environment = {**os.environ, "CUSTARD_HOME": str(shared.home), "CUSTARD_PORT": "0"}
    environment["CUSTARD_MODEL_BASE_URL"] = "http://127.0.0.1:9/v1"
    if shared.database_url is not None:
        environment["CUSTARD_DATABASE_URL"] = shared.database_url.get_secret_value()
    async with serve_with(shared) as survivor:
        connection = await survivor.connection()
        token = await survivor.join(connection)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CHILD, env=environment, stderr=subprocess.PIPE
        )
        try:
            url = await _url(child)
            agent = fake_agent("ws" + url.removeprefix("http") + "/ws", token)
            await agent.attach()
            body = {"connection_id": connection, "question": "How many engineers?"}
            asked = await survivor.http.post(
                f"{url}/api/v1/query", json=body, headers={"Prefer": "respond-async"}
            )
            run_id = asked.json()["run_id"]
            listening = asyncio.create_task(survivor.events(run_id))
            await survivor.eventually(lambda: _position(survivor, run_id, 2))
            child.send_signal(signal.SIGKILL)
            await child.wait()
            again = await survivor.agent(connection, token)
            events = await listening
            assert [event["id"] for event in events] == list(range(1, len(events) + 1))
            assert [event["event"] for event in events[:3]] == ["run_started", "step_started", "run_resumed"]
            assert events[-1]["event"] == "answered"
            await again.leave()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


async def _url(child: asyncio.subprocess.Process) -> str:
    assert child.stderr is not None
    async for line in child.stderr:
        if b'"url": "' in line:
            return line.decode().split('"url": "')[1].split('"')[0]
    raise AssertionError("the child did not start")


async def _position(backend: Any, run_id: str, position: int) -> bool:
    run = await backend.state.store.runs.load(run_id)
    return bool(run is not None and run.last_event_id >= position)


def test_only_processes_of_this_place_are_known_to_be_dead() -> None:
    me = new_owner()
    place = me.partition(":")[0]
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone, alive = f"{place}:{child.pid}:x", f"{place}:{os.getppid()}:x"
    others = [gone, alive, me, new_owner(), f"elsewhere:{child.pid}:x", f"{place}:nonsense", "", ":::"]
    assert dead(others, me) == [gone]


def test_the_app_takes_its_store_from_the_settings(shared: Any, model: Any) -> None:
    store = create_app(shared, model=model).state.custard.store
    assert type(store).__name__ == ("SqliteStore" if shared.database_url is None else "PostgresStore")
