"""Two real servers with a small database, and a backend that speaks the wire over a real socket."""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from agent.database import Connection, Database
from agent.execution import Sandbox
from agent.transaction import SEARCH_PATH
from embedded.postgres import EmbeddedPostgres, temporary_postgres
from tests.patience import HANG_SECONDS
from wire.frames import RowsFrame, decode_frame
from wire.messages import SUBPROTOCOL, Hello, Welcome, WireLimits, parse_from_agent
from wire.outcome import Failed, ResultColumn
from wire.policy import Limits, Policy

LET_GO_SECONDS = 30.0
"""The same for what a stopped statement may take to be gone; statements that are to be stopped run longer."""
HOLD = "pg_advisory_xact_lock_shared(7001)"
"""In a statement, it runs until ``held`` is let go: longer than whatever the test does meanwhile takes."""

SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TABLE people (
    id integer PRIMARY KEY,
    name text NOT NULL,
    email text UNIQUE,
    mood mood,
    born date,
    pay numeric(12, 2)
);
COMMENT ON TABLE people IS 'Everyone who works here';
COMMENT ON COLUMN people.name IS 'Given and family name';
COMMENT ON COLUMN people.email IS 'Private address';
INSERT INTO people
SELECT g, 'Person ' || g, 'p' || g || '@example.org', (ARRAY['sad', 'ok', 'happy'])[1 + g % 3]::mood,
       DATE '1970-01-01' + g, g * 100
FROM generate_series(1, 100) AS g;
CREATE TABLE secrets (id integer PRIMARY KEY, person integer REFERENCES people (id), word text NOT NULL);
INSERT INTO secrets VALUES (1, 1, 'canary-7f3a');
CREATE TABLE tasks (
    id integer PRIMARY KEY,
    owner integer REFERENCES people (id),
    secret integer REFERENCES secrets (id),
    title text
);
CREATE VIEW adults AS SELECT id, name FROM people;
CREATE TABLE events (id bigint, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE SCHEMA other;
CREATE TABLE other.notes (id integer PRIMARY KEY, body text);
ANALYZE;
"""


@dataclass
class Place:
    """A database of the tests: who made it and who reads it."""

    major: int
    owner: str
    """Connection string of the superuser."""
    dsn: str
    """Connection string of the role that an agent would use."""
    server: EmbeddedPostgres


KINDS = os.environ.get("CUSTARD_SERVERS", "embedded debian").split()
"""Servers for the tests of this folder; ``make servers`` names major versions that were fetched."""


@pytest.fixture(scope="session", params=[int(kind) if kind.isdigit() else kind for kind in KINDS])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """A filled database, on the wheel's PostgreSQL and on Debian's."""
    with temporary_postgres(request.param) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE work")
            conn.execute("CREATE ROLE reader LOGIN PASSWORD 'read' NOINHERIT")
        with psycopg.connect(server.dsn("work"), autocommit=True) as conn:
            conn.execute(SCHEMA)
            conn.execute("GRANT USAGE ON SCHEMA public, other TO reader")
            conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
            conn.execute("GRANT SELECT ON other.notes TO reader")
        yield Place(
            server.major, server.dsn("work"), server.dsn("work", user="reader", password="read"), server
        )


@dataclass(frozen=True)
class Hold:
    """Statements with ``call`` in them run, and wait."""

    call: str
    owner: psycopg.Connection[Any]

    def let_go(self) -> None:
        """They end."""
        self.owner.execute("SELECT pg_advisory_unlock_all()")


@pytest.fixture
def held(place: Place) -> Iterator[Hold]:
    """Statements that run as long as the test wants: no sleep, and no guess about the machine's speed."""
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute("SELECT pg_advisory_lock(7001)")
        yield Hold(HOLD, owner)


@pytest.fixture
async def database(place: Place) -> AsyncIterator[Database]:
    """A pool for the reading role."""
    async with Database(place.dsn, size=5) as pool:
        yield pool


@dataclass(frozen=True)
class Allowed:
    """A verdict of a gate that lets everything through."""

    sql: str
    allowed: bool = True
    layer: str | None = None
    code: str | None = None
    reason: str = ""
    hint: str = ""
    masks: tuple[Any, ...] = ()
    guard: str = ""


@dataclass
class OpenJudges:
    """The far end of the gate's port: everything passes, so that the layers behind it are tested alone."""

    rewrite: Callable[[str], str] = lambda sql: sql
    seen: list[str] = field(default_factory=list)
    search_path: tuple[str, ...] = SEARCH_PATH
    cost: Callable[[Connection, str], Awaitable[Failed | None]] | None = None

    async def check(self, sql: str) -> Allowed:
        self.seen.append(sql)
        return Allowed(self.rewrite(sql))

    async def reload(self) -> None: ...

    async def shown(self) -> None:
        return None

    def functions(self) -> list[str]:
        return ["count", "sum"]

    def unknown_names(self) -> list[str]:
        return []

    async def close(self) -> None: ...


@pytest.fixture
def judges() -> type[OpenJudges]:
    return OpenJudges


@pytest.fixture
def make_sandbox(database: Database) -> Callable[..., Sandbox]:
    """A sandbox whose gate is open, with limits as given."""

    def make(gate: Any = None, known_names: frozenset[str] = frozenset(), **limits: Any) -> Sandbox:
        policy = Policy(default="allow", limits=Limits(**limits))
        return Sandbox(database, policy, gate or OpenJudges(), known_names=known_names)

    return make


@dataclass
class Heard:
    """A sink that keeps what it is given."""

    names: list[ResultColumn] = field(default_factory=list)
    values: list[list[str | None]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def columns(self, columns: list[ResultColumn]) -> None:
        self.names = columns

    async def rows(self, body: bytes, row_count: int) -> None:
        rows = json.loads(body)
        assert len(rows) == row_count
        self.bodies.append(body)
        self.values.extend(rows)


@pytest.fixture
def sink() -> Heard:
    return Heard()


@pytest.fixture
def make_sink() -> type[Heard]:
    return Heard


@dataclass
class Peer:
    """One session as the fake backend sees it."""

    socket: ServerConnection
    hello: Hello
    replica: str = ""
    heard: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)

    async def tell(self, message: Any) -> None:
        await self.socket.send(message if isinstance(message, str | bytes) else message.model_dump_json())

    async def next(self, *kinds: type) -> Any:
        """The next message of one of these kinds; others are passed over."""
        async with asyncio.timeout(HANG_SECONDS):
            while True:
                message = await self.heard.get()
                if not kinds or isinstance(message, kinds):
                    return message

    async def result(self, statement_id: str) -> tuple[list[RowsFrame], Any]:
        """Every frame of a statement, to the message that ends it; what is about others stays to be heard."""
        frames: list[RowsFrame] = []
        others: list[Any] = []
        try:
            async with asyncio.timeout(HANG_SECONDS):
                while True:
                    message = await self.heard.get()
                    if getattr(message, "statement_id", None) != statement_id:
                        others.append(message)
                    elif isinstance(message, RowsFrame):
                        frames.append(message)
                    elif message.type in ("end", "failed", "cancelled", "plan"):
                        return frames, message
        finally:
            others += [self.heard.get_nowait() for _ in range(self.heard.qsize())]
            for message in others:
                self.heard.put_nowait(message)


class FakeBackend:
    """Welcomes agents. ``token`` is the one that it knows; ``refuse`` answers the handshake with a status."""

    def __init__(self) -> None:
        self.token = "right"
        self.refuse: int | None = None
        self.retry_after: str | None = None
        self.silent = False
        self.limits = WireLimits()
        self.policy: dict[str, Any] | None = None
        self.peers: list[Peer] = []
        self.arrived: asyncio.Queue[Peer] = asyncio.Queue()
        self.handshakes: list[HttpRequest] = []
        self.knocks: list[float] = []
        """When each of them came, by the loop's clock."""
        self.turned_away: list[Hello] = []
        self.epoch = 0
        self.protocol = 1
        self.replicas = 1
        self.next_replica: list[str] = []
        """Whom the coming sessions are with, as a load balancer leads them; afterwards a new one each."""
        self._server: Server | None = None
        self.port = 0

    async def start(self, port: int = 0) -> None:
        self._server = await serve(
            self._serve,
            "127.0.0.1",
            port,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            process_request=self._admit,
            compression=None,
            max_size=4 * 1024 * 1024,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _admit(self, socket: ServerConnection, request: HttpRequest) -> Response | None:
        self.handshakes.append(request)
        self.knocks.append(asyncio.get_running_loop().time())
        status = self.refuse
        if status is None and request.headers.get("Authorization") != f"Bearer {self.token}":
            status = 401
        if status is not None:
            headers = Headers({"Content-Length": "0"})
            if self.retry_after is not None:
                headers["Retry-After"] = self.retry_after
            return Response(status, "No", headers, b"")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            hello = parse_from_agent(await socket.recv())
            assert isinstance(hello, Hello)
            self.epoch += 1
            replica = self.next_replica.pop(0) if self.next_replica else f"rep_{self.epoch}"
            if replica in hello.attached:
                self.turned_away.append(hello)
                await socket.close(4300, "same replica")
                return
            peer = Peer(socket, hello, replica)
            if not self.silent:
                await peer.tell(
                    Welcome(
                        protocol=self.protocol,
                        agent_id="agt_1",
                        connection_id="conn_1",
                        epoch=self.epoch,
                        limits=self.limits,
                        policy=self.policy,
                        replica=replica,
                        replicas=self.replicas,
                    )
                )
            self.peers.append(peer)
            self.arrived.put_nowait(peer)
            async for data in socket:
                message = decode_frame(data) if isinstance(data, bytes) else parse_from_agent(data)
                peer.heard.put_nowait(message)

    async def peer(self) -> Peer:
        """The next agent that arrives."""
        return await asyncio.wait_for(self.arrived.get(), HANG_SECONDS)


@pytest.fixture
async def backend() -> AsyncIterator[FakeBackend]:
    fake = FakeBackend()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Waits for a condition."""

    async def wait(condition: Callable[[], object]) -> None:
        deadline = asyncio.get_running_loop().time() + HANG_SECONDS
        while not condition():
            if asyncio.get_running_loop().time() > deadline:
                pytest.fail("what was waited for did not come")
            await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def sleeping(place: Place) -> Callable[[], Awaitable[list[Any]]]:
    """The statements of the reading role that PostgreSQL is at, with what each waits for."""

    async def found() -> list[Any]:
        async with await psycopg.AsyncConnection.connect(place.owner, autocommit=True) as conn:
            cursor = await conn.execute(
                "SELECT pid, now() - query_start, wait_event_type, wait_event, application_name, query"
                " FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'"
                " AND (query LIKE '%%FETCH%%' OR query LIKE '%%COPY%%')"
            )
            return await cursor.fetchall()

    return found


@pytest.fixture
def until_sleeping(sleeping: Callable[[], Awaitable[list[Any]]]) -> Callable[[], Awaitable[None]]:
    """Waits until it is at one."""

    async def wait() -> None:
        async with asyncio.timeout(HANG_SECONDS):
            while not await sleeping():  # noqa: ASYNC110  # it is in another process
                await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def until_idle(sleeping: Callable[[], Awaitable[list[Any]]]) -> Callable[[], Awaitable[None]]:
    """Waits until it is at none: long before any of them would have ended by itself."""

    async def wait() -> None:
        deadline = asyncio.get_running_loop().time() + LET_GO_SECONDS
        looks = 0
        while at_work := await sleeping():
            # So many looks as well: a machine that stood still has let nothing happen meanwhile.
            if asyncio.get_running_loop().time() > deadline and looks > 100:
                pytest.fail(f"PostgreSQL has not let go of {at_work}")
            looks += 1
            await asyncio.sleep(0.02)

    return wait


@pytest.fixture
def statement_id() -> Callable[[], str]:
    return lambda: uuid4().hex


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that waits for the processor is not one that is stuck, unless a test is about that."""
    monkeypatch.setattr("agent.sandbox.pool.JUDGE_SECONDS", HANG_SECONDS / 2)
    monkeypatch.setattr("agent.sandbox.nursery.END_SECONDS", HANG_SECONDS)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No test reads this user's own agent, or speaks through a proxy."""
    monkeypatch.setenv("CUSTARD_AGENT_HOME", str(tmp_path / "agent-home"))
    monkeypatch.setenv("CUSTARD_AGENT_HEALTH_FILE", str(tmp_path / "health"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def logging_left_alone() -> Iterator[None]:
    """The command sends every log to the standard error of its test, which whatever runs next has lost."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
