"""Whole results at a replica that has neither the agent nor the file: the same answer as where they are."""

import asyncio
import contextlib
import hashlib
import io
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import psycopg
import pyarrow as pa
import pyarrow.parquet
import pytest
from pydantic import SecretStr

from agent.backoff import Backoff
from agent.client import Client
from agent.database import Database
from agent.policy_file import PolicyFile
from agent.runtime import Runtime
from agent.settings import Settings as AgentSettings
from api.bus.broker import NatsBus
from api.bus.local import Hub, LocalBus
from api.errors import ResultGone
from embedded.nats_server import NatsServer
from embedded.postgres import EmbeddedPostgres, temporary_postgres

POLICY = """
version = 1
default = "allow"
[limits]
rows = 100
per_minute = 100000
[exports]
rows = 400000
bytes = 500000000
seconds = 60
"""
SCHEMA = """
CREATE TABLE numbers AS
SELECT g AS id, 'name, "' || g || '"' AS name, DATE '2024-01-01' + g % 900 AS day
FROM generate_series(1, 12000) AS g;
CREATE TABLE long AS SELECT g AS id, repeat('x', 40000) AS a FROM generate_series(1, 120) AS g;
"""
WHOLE = "SELECT id, name, day FROM numbers ORDER BY id"
WIDE = "SELECT id, repeat('x', 2000) AS wide FROM numbers CROSS JOIN generate_series(1, 20)"
SMALL = "SELECT id, name FROM numbers WHERE id <= 90 ORDER BY id"

Pair = tuple[Any, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with temporary_postgres() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute(SCHEMA)
        yield server


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    with NatsServer() as started:
        yield started


over_both = pytest.mark.parametrize(
    "pair", ["local", pytest.param("nats", marks=pytest.mark.postgres(18))], indirect=True
)


@pytest.fixture
async def pair(
    request: pytest.FixtureRequest, settings: Any, serve_with: Any, tmp_path: Path, monkeypatch: Any
) -> AsyncIterator[Pair]:
    """Two replicas with folders of their own, over a hub and a file, or over NATS and PostgreSQL."""
    monkeypatch.setattr("api.leases.BEAT_SECONDS", 0.2)
    monkeypatch.setattr("api.roster.BEAT_SECONDS", 0.2)
    settings = settings.model_copy(update={"store_path": tmp_path / "custard.db"})
    hub = Hub()
    make: Callable[[], Any] = lambda: LocalBus(hub)  # noqa: E731  # as short as the other
    if getattr(request, "param", "local") == "nats":
        started: EmbeddedPostgres = request.getfixturevalue("server")
        name = f"relayed_{uuid4().hex}"
        with psycopg.connect(started.dsn(), autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}"'.encode())
        settings = settings.model_copy(update={"database_url": SecretStr(started.dsn(name))})
        url = request.getfixturevalue("nats").url
        make = lambda: NatsBus(url)  # noqa: E731
    async with contextlib.AsyncExitStack() as stack:
        backends = [
            await stack.enter_async_context(
                serve_with(settings.model_copy(update={"home": tmp_path / home}), make())
            )
            for home in ("one", "other")
        ]
        await _patiently(lambda: all(one.state.gateway.replicas.roster.count == 2 for one in backends))
        yield backends[0], backends[1]


@pytest.fixture
async def connection(pair: Pair, server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[str]:
    """Of a real agent, with one socket only: at the first replica."""
    first, _ = pair
    async with contextlib.AsyncExitStack() as stack:
        made = str(await first.connection())
        path = tmp_path / "policy.toml"
        path.write_text(POLICY)
        database = await stack.enter_async_context(Database(server.dsn(), size=5))
        runtime = Runtime(database, PolicyFile(path))
        stack.push_async_callback(runtime.close)
        await runtime.start()
        settings = AgentSettings(server=first.url, token=await first.join(made))
        client = Client(settings, runtime, backoff=Backoff(draw=lambda: 0.05))
        task = asyncio.create_task(client.run())
        sessions = first.state.gateway.session
        stack.push_async_callback(_patiently, lambda: sessions(made) is None)
        stack.push_async_callback(_end, client, task)
        await _patiently(lambda: sessions(made) is not None)
        yield made


async def _patiently(check: Callable[[], Any]) -> Any:
    """The first truthy value of a check; a busy machine takes its time to start judges."""
    async with asyncio.timeout(90):
        while True:
            value = check()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.02)


async def _end(client: Client, task: "asyncio.Task[None]") -> None:
    await client.stop(0)
    await asyncio.wait_for(task, 60)


async def _asked(backend: Any, script: Any, connection: str, sql: str) -> str:
    script.sql = sql
    run = await backend.ask(connection)
    assert run["status"] == "succeeded", run["problem"]
    return f"/api/v1/runs/{run['run_id']}"


async def _at_work(server: EmbeddedPostgres) -> bool:
    """Whether an agent's transaction is open."""

    def look() -> bool:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            row = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'custard-agent/%'"
                " AND xact_start IS NOT NULL"
            ).fetchone()
        assert row is not None
        return bool(row[0])

    return await asyncio.to_thread(look)


def _manifest_of(answer: Any) -> str:
    return str(answer.headers["link"].split(">")[0].lstrip("<"))


@over_both
async def test_a_fresh_export_is_the_same_at_every_replica(pair: Pair, script: Any, connection: str) -> None:
    path = await _asked(pair[1], script, connection, WHOLE)
    for format in ("csv", "json", "parquet", "arrow", "xlsx"):
        await _alike(pair, path, format)
    await _patiently(lambda: not any(pair[1].state.results.work.folder().iterdir()))


async def _alike(pair: Pair, path: str, format: str) -> None:
    answers = [await one.http.get(f"{path}/result?format={format}", timeout=60) for one in pair]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        # The manifest, too, at the one and at the other.
        for backend in pair:
            told = await backend.get(_manifest_of(answer))
            assert (told["state"], told["rows"]) == ("complete", 12_000)
            assert told["sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert _held(format, answers[0].content) == _held(format, answers[1].content)
    told = [dict(answer.headers) for answer in answers]
    for headers in told:
        for name in ("date", "etag", "x-custard-export", "link", "last-modified", "server"):
            headers.pop(name, None)
    assert told[0] == told[1]


def _held(format: str, body: bytes) -> Any:
    """What is in it. Columnar formats are written a body at a time, and bodies differ from run to run."""
    if format == "parquet":
        return pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
    return pa.ipc.open_stream(body).read_all().to_pylist() if format == "arrow" else body


async def test_what_is_refused_is_refused_alike(pair: Pair, script: Any, connection: str) -> None:
    path = await _asked(pair[0], script, connection, "SELECT id, a FROM long")
    said = [await backend.http.get(f"{path}/result?format=xlsx", timeout=60) for backend in pair]
    assert [(one.status_code, one.json()["code"]) for one in said] == [(422, "export_unfit")] * 2
    assert said[0].json() == said[1].json()
    for backend in pair:
        nothing = await backend.http.get(f"{path}/exports/exp_none")
        assert (nothing.status_code, nothing.json()["code"]) == (404, "no_result")


async def test_without_the_agent_anywhere_it_is_said(pair: Pair, script: Any, fake_agent: Any) -> None:
    first, _ = pair
    connection = await first.connection()
    agent = await first.agent(connection)
    path = f"/api/v1/runs/{(await first.ask(connection))['run_id']}"
    await agent.leave()
    await _patiently(lambda: first.state.gateway.session(connection) is None)
    for backend in pair:
        answer = await backend.http.get(f"{path}/result?format=csv&source=live")
        assert (answer.status_code, answer.json()["code"]) == (503, "agent_offline")
        assert "source=kept" in answer.json()["hint"]
        assert answer.headers["retry-after"]


@over_both
async def test_a_reader_that_leaves_stops_the_statement_at_the_other_replica(
    pair: Pair, script: Any, connection: str, server: EmbeddedPostgres
) -> None:
    _, second = pair
    path = await _asked(second, script, connection, WIDE)
    async with second.http.stream("GET", f"{path}/result?format=csv") as answer:
        manifest = _manifest_of(answer)
        pieces = answer.aiter_bytes()
        await anext(pieces)
        assert await _at_work(server)
        await pieces.aclose()

    async def idle() -> bool:
        return not await _at_work(server)

    async def ended() -> bool:
        return bool((await second.get(manifest))["state"] == "abandoned")

    await _patiently(idle)
    await _patiently(ended)


async def test_a_reader_that_stands_still_is_given_up_over_the_bus(
    pair: Pair, script: Any, connection: str, server: EmbeddedPostgres
) -> None:
    for backend in pair:
        exports = backend.state.exports
        exports.limits = replace(exports.limits, stall_seconds=0.5)
    _, second = pair
    path = await _asked(second, script, connection, WIDE)
    async with second.http.stream("GET", f"{path}/result?format=csv") as answer:
        manifest = _manifest_of(answer)

        async def ended() -> bool:
            return bool((await second.get(manifest))["state"] == "failed")

        await _patiently(ended)
        with pytest.raises(httpx2.HTTPError):
            async for _ in answer.aiter_bytes():
                pass

    async def idle() -> bool:
        return not await _at_work(server)

    await _patiently(idle)


@over_both
async def test_an_agent_that_goes_away_breaks_the_download_at_the_other_replica(
    pair: Pair, script: Any, connection: str
) -> None:
    first, second = pair
    path = await _asked(second, script, connection, WIDE)
    async with second.http.stream("GET", f"{path}/result?format=csv") as answer:
        await first.state.gateway.session(connection).close(1012, "gone")
        with pytest.raises(httpx2.HTTPError):
            async for _ in answer.aiter_bytes():
                pass


@over_both
async def test_a_kept_result_is_fetched_from_the_replica_that_has_it(
    pair: Pair, script: Any, connection: str
) -> None:
    """The agent need not even be there: with its own hash, in whole and in parts."""
    first, second = pair
    path = await _asked(second, script, connection, SMALL)
    own = [await one.http.get(f"{path}/result?format=csv&source=kept") for one in pair]
    assert [answer.status_code for answer in own] == [200, 200]
    assert own[0].content == own[1].content
    assert own[0].headers["etag"] == own[1].headers["etag"]
    names = [sorted(path.name for path in one.state.results.folder.glob("*.rows")) for one in pair]
    assert names[0] == names[1]
    assert len(names[0]) == 1
    part = await second.http.get(
        f"{path}/result?format=csv&source=kept",
        headers={"Range": "bytes=50-", "If-Range": own[0].headers["etag"]},
    )
    assert (part.status_code, part.content) == (206, own[0].content[50:])
    # Deleted with its thread, it is deleted everywhere.
    thread = (await first.get(path))["thread_id"]
    assert (await second.http.delete(f"/api/v1/threads/{thread}")).status_code == 204
    await _patiently(lambda: not any(any(one.state.results.folder.glob("*.rows")) for one in pair))


async def test_a_kept_result_that_no_replica_has_any_more_is_run_again_or_said_to_be_gone(
    pair: Pair, script: Any, connection: str
) -> None:
    first, second = pair
    path = await _asked(second, script, connection, SMALL)
    whole = (await first.http.get(f"{path}/result?format=csv&source=kept")).content
    for found in first.state.results.folder.glob("*.rows"):
        found.unlink()
    for backend in pair:
        gone = await backend.http.get(f"{path}/result?format=csv&source=kept")
        assert (gone.status_code, gone.json()["code"]) == (410, "result_gone")
        again = await backend.http.get(f"{path}/result?format=csv")
        assert (again.status_code, again.content) == (200, whole)
        assert again.headers["x-custard-export"], "a fresh one says that it is"


async def test_a_kept_result_that_was_changed_is_not_taken(pair: Pair, script: Any, connection: str) -> None:
    first, second = pair
    path = await _asked(second, script, connection, SMALL)
    (found,) = first.state.results.folder.glob("*.rows")
    body = bytearray(found.read_bytes())
    body[-3] ^= 1
    found.write_bytes(body)
    gone = await second.http.get(f"{path}/result?format=csv&source=kept")
    assert (gone.status_code, gone.json()["code"]) == (410, "result_gone")
    assert not any(second.state.results.folder.glob("*.rows"))
    await _patiently(lambda: not any(second.state.results.work.folder().iterdir()))


async def test_what_is_no_reference_is_asked_for_in_vain(pair: Pair) -> None:
    first, second = pair
    place = first.state.results.place()
    for ref in ("../../custard", "res_x", "", f"res_{'0' * 26}", f"res_{'0' * 26}/../x"):
        with pytest.raises(ResultGone):
            async for _ in second.state.gateway.replicas.kept(place, ref):
                pass
