"""A database that goes away and comes back: what ran says so, what comes waits, nothing needs a restart."""

import asyncio
import contextlib
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from agent.database import Database
from agent.execution import Completed, Request, Sandbox
from agent.stop import Stop
from embedded.ports import free_port
from tests.patience import HANG_SECONDS
from wire.outcome import Failed
from wire.policy import Limits, Policy


class Forwarder:
    """A TCP port before PostgreSQL that can be cut, as a restart cuts it."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = free_port()

    async def up(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    def refuse(self) -> None:
        """Take no further connection; those there are live on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._to)
        self._open |= {writer, back}

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)
        self._open -= {writer, back}


@pytest.fixture
async def forwarder(place: Any) -> Any:
    parts = conninfo_to_dict(place.dsn)
    port = Forwarder(str(parts["host"]), int(str(parts["port"])))
    await port.up()
    yield port
    await port.down()


async def test_a_restart_of_the_database_heals(
    place: Any, forwarder: Forwarder, judges: Any, make_sink: Any, until_sleeping: Any
) -> None:
    dsn = make_conninfo(place.dsn, port=forwarder.port)
    async with Database(dsn, size=3) as database:
        sandbox = Sandbox(database, Policy(default="allow"), judges())
        assert isinstance(await sandbox.execute(Request("SELECT 1"), make_sink()), Completed)

        running = asyncio.create_task(sandbox.execute(Request("SELECT pg_sleep(30)"), make_sink()))
        await until_sleeping()
        await forwarder.down()
        lost = await asyncio.wait_for(running, HANG_SECONDS)
        assert isinstance(lost, Failed)
        assert (lost.code, lost.retryable) == ("database_unavailable", True)

        waiting = asyncio.create_task(sandbox.execute(Request("SELECT 2"), make_sink()))
        await asyncio.sleep(0.3)
        await forwarder.up()
        assert isinstance(await asyncio.wait_for(waiting, HANG_SECONDS), Completed)
        assert isinstance(await sandbox.execute(Request("SELECT 3"), make_sink()), Completed)


async def test_a_statement_that_cannot_be_cancelled_loses_its_connection(
    place: Any, forwarder: Forwarder, judges: Any, make_sink: Any, until_sleeping: Any
) -> None:
    """A cancel request is a connection of its own; here none gets through any more."""
    dsn = make_conninfo(place.dsn, port=forwarder.port)
    async with Database(dsn, size=2) as database:
        sandbox = Sandbox(database, Policy(default="allow"), judges())
        stop = Stop()
        running = asyncio.create_task(sandbox.execute(Request("SELECT pg_sleep(60)"), make_sink(), stop))
        await until_sleeping()
        forwarder.refuse()
        stop.throw("cancelled")
        outcome = await asyncio.wait_for(running, HANG_SECONDS)
        assert isinstance(outcome, Failed)
        assert outcome.code == "cancelled"
        await forwarder.up()
        assert isinstance(await sandbox.execute(Request("SELECT 1"), make_sink()), Completed)


async def test_more_connections_after_a_policy_that_allows_more(
    place: Any, judges: Any, make_sink: Any
) -> None:
    async with Database(place.dsn, size=1) as database:
        await database.resize(3)
        sandbox = Sandbox(database, Policy(default="allow", limits=Limits(concurrent=3)), judges())
        outcomes = await asyncio.gather(
            *(sandbox.execute(Request("SELECT pg_sleep(0.2)"), make_sink()) for _ in range(3))
        )
        assert all(isinstance(outcome, Completed) for outcome in outcomes)
