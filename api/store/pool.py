"""Connections to the PostgreSQL that keeps the store, and its tables brought up to date."""

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib.resources import files
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed

from api.errors import BadSettings, StoreRefused, StoreUnavailable, connection_gone
from api.store.rows import Row
from wire.conninfo import HINT, UNREADABLE, is_plain

Connection = psycopg.AsyncConnection[DictRow]

WAIT_SECONDS = 5.0
"""How long work waits for a connection before the store counts as out."""
ANSWER_SECONDS = 10.0
"""How long one piece of work may take before its connection is cut: a server that was stopped, or a network
that swallows everything, would be waited for without end."""
FRESH_SECONDS = 1.0
"""For how long a connection that was of use is taken to be alive."""
_OPEN_SECONDS = 120.0
_STATEMENT_SECONDS = 30
_MIGRATION_LOCK = 0x6375_7374_6172_64
"""The advisory lock under which tables are changed: replicas that start together take turns."""

_log = structlog.get_logger("api.store")


class Pool:
    """Runs work on a connection of its own, in one transaction, and names what goes wrong.

    Args:
        url: libpq's connection string or URL; never logged.

    Raises:
        BadSettings: the driver would not read it as it was meant.
    """

    def __init__(self, url: str, *, size: int = 10) -> None:
        if not is_plain(url, conninfo_to_dict):
            # The pool tells a log what the driver says of it, which quotes a piece.
            raise BadSettings(f"CUSTARD_DATABASE_URL: {UNREADABLE}", HINT)
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=psycopg.AsyncConnection[DictRow],
            kwargs={
                "row_factory": dict_row,
                "autocommit": True,
                "application_name": "custard",
                "connect_timeout": 5,
                "options": f"-c timezone=UTC -c statement_timeout={_STATEMENT_SECONDS}s",
                # A pooler between us and the server may hand every transaction another session.
                "prepare_threshold": None,
            },
            min_size=1,
            max_size=size,
            timeout=WAIT_SECONDS,
            # A dead connection is found here rather than by a question.
            check=self._check,
            open=False,
            name="custard-store",
        )
        self._used: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        """When each connection last did what it was asked."""

    async def open(self) -> None:
        """Connect, and apply the steps that this database does not have yet.

        Raises:
            StoreUnavailable: the server cannot be reached, or refuses a step.
        """
        await self._pool.open()
        async with self.transaction(_OPEN_SECONDS) as conn:
            await conn.execute("SELECT pg_advisory_xact_lock(%s)", [_MIGRATION_LOCK])
            await conn.execute(
                "CREATE TABLE IF NOT EXISTS custard_migrations"
                " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            cursor = await conn.execute("SELECT name FROM custard_migrations")
            applied = {row["name"] for row in await cursor.fetchall()}
            for name, sql in _steps():
                if name not in applied:
                    await conn.execute(sql)
                    await conn.execute("INSERT INTO custard_migrations (name) VALUES (%s)", [name])

    @asynccontextmanager
    async def transaction(self, seconds: float = ANSWER_SECONDS) -> AsyncIterator[Connection]:
        """A connection in a transaction, for so long at most.

        Raises:
            StoreUnavailable: for all but broken constraints.
        """
        async with self.alone(seconds) as conn, conn.transaction():
            yield conn

    @asynccontextmanager
    async def alone(self, seconds: float = ANSWER_SECONDS) -> AsyncIterator[Connection]:
        """A connection for one statement, which is its own transaction: a third of the round trips.

        Raises:
            StoreUnavailable: for all but broken constraints.
        """
        try:
            async with self._pool.connection() as conn:
                with _bounded(conn, seconds):
                    yield conn
                self._used[conn] = monotonic()
        except psycopg.IntegrityError:
            raise
        except PoolClosed as error:
            raise StoreUnavailable("The store is closed.", "The backend is stopping; ask again.") from error
        except (psycopg.DataError, psycopg.errors.ProgramLimitExceeded, UnicodeError) as error:
            _log.error("the store refused", kind=type(error).__name__, sqlstate=_sqlstate(error))
            raise StoreRefused(
                f"The store's PostgreSQL cannot hold this ({_sqlstate(error) or type(error).__name__}).",
                "See that the database at CUSTARD_DATABASE_URL is encoded in UTF8.",
            ) from error
        except (psycopg.Error, OSError) as error:
            _log.error("the store failed", kind=type(error).__name__, sqlstate=_sqlstate(error))
            raise StoreUnavailable(
                f"The store's PostgreSQL cannot be used ({_sqlstate(error) or type(error).__name__}).",
                "See that the server at CUSTARD_DATABASE_URL runs, lets this backend in and has space.",
            ) from error

    async def all(self, sql: str, values: Sequence[object] | Row) -> list[Row]:
        """The rows of one statement."""
        async with self.alone() as conn:
            return await (await conn.execute(_trusted(sql), values)).fetchall()

    async def found(self, sql: str, values: Sequence[object] | Row) -> list[Row]:
        """As ``all``, for values that say which rows: what no row can hold finds none."""
        return await self.all(sql, values) if _storable(values) else []

    async def one(self, sql: str, values: Sequence[object] | Row) -> Row | None:
        """The first row ``found``."""
        rows = await self.found(sql, values)
        return rows[0] if rows else None

    async def change(self, sql: str, values: Sequence[object] | Row) -> bool:
        """Run one statement that writes; whether it met a row."""
        async with self.alone() as conn:
            return (await conn.execute(_trusted(sql), values)).rowcount > 0

    async def change_found(self, sql: str, values: Sequence[object] | Row) -> bool:
        """As ``change``, for values that say which rows: what no row can hold meets none."""
        return _storable(values) and await self.change(sql, values)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    async def _check(self, conn: Connection) -> None:
        # What was of use a moment ago is asked nothing, unless its server has said by itself that it ends.
        if monotonic() - self._used.get(conn, 0.0) < FRESH_SECONDS and not _readable(conn):
            return
        with _bounded(conn, WAIT_SECONDS):
            await AsyncConnectionPool.check_connection(conn)


@contextmanager
def connection_there() -> Iterator[None]:
    """For what belongs to a connection that was there a moment ago. Raises ``UnknownConnection``."""
    try:
        yield
    except psycopg.errors.ForeignKeyViolation as error:
        raise connection_gone() from error


def _readable(conn: Connection) -> bool:
    if conn.closed:
        return True
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def _bounded(conn: Connection, seconds: float) -> Iterator[None]:
    """Cut the connection when what is done with it takes longer; psycopg then finds it lost.

    Cancelling the task would not do: psycopg waits for the server's word that it has cancelled.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _cut, conn)
    try:
        yield
    finally:
        timer.cancel()


def _cut(conn: Connection) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(conn.fileno())) as duplicate:
        duplicate.shutdown(socket.SHUT_RDWR)


def _steps() -> list[tuple[str, bytes]]:
    """Name and text of each numbered file, in order. One that was released is never changed."""
    folder = files("api.store") / "sql"
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")]
    return sorted((file.name.removesuffix(".sql"), file.read_bytes()) for file in found)


def _trusted(sql: str) -> Any:
    """psycopg asks for literals to keep injections out; ours are joined from constants of this package."""
    return sql


def _storable(values: Sequence[object] | Row) -> bool:
    """Whether PostgreSQL has a place for these: its texts end where a NUL would stand."""
    given = values.values() if isinstance(values, dict) else values
    return not any(isinstance(value, str) and "\0" in value for value in given)


def _sqlstate(error: Exception) -> str:
    return getattr(error, "sqlstate", None) or ""
