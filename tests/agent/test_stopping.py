"""What is left at the server of a statement that does not heed cancelling."""

import asyncio
import contextlib
from typing import Any

import psycopg
import pytest

from agent.database import Connection, Database, cancel_statement, cut_connection
from tests.agent.conftest import LET_GO_SECONDS

FLOOD = b"SELECT repeat('x', 1000) FROM generate_series(1, 10000000)"


async def _waits_for(owner: psycopg.AsyncConnection[Any], pid: int) -> str | None:
    found = await owner.execute("SELECT coalesce(wait_event, '') FROM pg_stat_activity WHERE pid = %s", [pid])
    row = await found.fetchone()
    return None if row is None else str(row[0])


async def _stuck_in_writing(owner: psycopg.AsyncConnection[Any], pid: int) -> None:
    """Returns when the server has found no room for a while: only then does it sleep until there is some."""
    looks = 0
    async with asyncio.timeout(LET_GO_SECONDS):
        while looks < 10:
            looks = looks + 1 if await _waits_for(owner, pid) == "ClientWrite" else 0
            await asyncio.sleep(0.05)


async def test_a_server_that_waits_for_room_to_write_is_let_go(place: Any, database: Database) -> None:
    """A cut is no end to it: what nobody reads any more has no room, as long as the kernel remembers it."""
    conn = await database.acquire("BEGIN READ ONLY")
    pid = conn.info.backend_pid
    conn.pgconn.send_query(FLOOD)
    async with await psycopg.AsyncConnection.connect(place.owner, autocommit=True) as owner:
        await _stuck_in_writing(owner, pid)
        cut_connection(conn)
        with contextlib.suppress(psycopg.OperationalError):
            # Whoever waits for the statement reads what had come before, up to the end of the line.
            while True:
                conn.pgconn.consume_input()
        await _waits_for(owner, pid)  # Time in which it would have found room, or an end.
        await database.release(conn)
        async with asyncio.timeout(LET_GO_SECONDS):
            while await _waits_for(owner, pid) is not None:  # noqa: ASYNC110  # it is in another process
                await asyncio.sleep(0.05)


async def test_what_a_late_cancel_may_hit_is_given_to_nobody(
    place: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server took the request and did not answer: it may heed it during the next statement."""

    async def silent(self: Connection, *, timeout: float) -> None:
        raise psycopg.errors.CancellationTimeout

    async with Database(place.dsn, size=1) as database:
        conn = await database.acquire("BEGIN READ ONLY")
        pid = conn.info.backend_pid
        with monkeypatch.context() as patched:
            patched.setattr(type(conn), "cancel_safe", silent)
            await cancel_statement(conn)
        await database.release(conn)
        async with database.transaction("BEGIN READ ONLY") as fresh:
            assert fresh.info.backend_pid != pid
