"""Connections to the owner's database: pooled, short-lived in what they remember, healed when it restarts.

What a statement may do inside its transaction is ``agent.transaction``'s business, not this module's.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap
from psycopg.generators import execute, fetch_many, send
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn
from psycopg.types.string import TextLoader
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from agent.conninfo import CONNECT_SECONDS, checked, connect_seconds, reason_of
from agent.errors import DatabaseUnavailable
from agent.intake import BoundedConnection, sever

_log = logging.getLogger("agent.database")

CHECKOUT_SECONDS = 6.0
"""How long a statement waits for a connection, seconds: enough for a database that is just restarting."""

OLDEST_SERVER = 130_000
"""``server_version_num`` below which nothing was ever tried, and the agent does not start to try it."""

Connection = AsyncConnection[tuple[Any, ...]]
Begin = str | Callable[[int], str]
"""What opens a transaction; a function is given ``server_version_num``."""


def text_adapters() -> AdaptersMap:
    """Adapters that hand over every value as PostgreSQL's own text, whatever its type.

    Parsing would alter values (100-digit numerics, dates BC, NaN) or fail on them (infinity as a date).
    """
    adapters = AdaptersMap(psycopg.adapters)
    for info in list(adapters.types):
        adapters.register_loader(info.oid, TextLoader)
        if info.array_oid:
            adapters.register_loader(info.array_oid, TextLoader)
    adapters.register_loader(0, TextLoader)
    return adapters


class _TextContext:
    """An adaptation context for ``connect(context=...)``."""

    def __init__(self) -> None:
        self.adapters = text_adapters()
        self.connection: None = None


class Database:
    """The pool of connections to one database.

    Args:
        dsn: a libpq connection string or URL, password included.
        size: connections at most, for statements and introspection together.
        checkout_seconds: how long ``connection`` waits before it gives up.

    Raises:
        SettingsError: the string cannot be read.
    """

    def __init__(self, dsn: str, *, size: int = 5, checkout_seconds: float = CHECKOUT_SECONDS) -> None:
        self.server_version = 0
        """``server_version_num`` of the last connection made; 0 before the first."""
        self._serializable = False
        """Whether the role's transactions are serializable by default, as a hot standby says of it."""
        self._size = size
        self._checkout_seconds = checkout_seconds
        self._last_error: Exception | None = None
        self._pool = AsyncConnectionPool(
            # The pool tells a log what the driver says of a string that it cannot read.
            checked(dsn),
            connection_class=self._connection_class(),
            kwargs={
                "autocommit": True,
                "context": _TextContext(),
                "client_encoding": "UTF8",
                "application_name": "custard-agent",
                "connect_timeout": connect_seconds(dsn),
                # A prepared statement would outlive its transaction, and PgBouncer may not keep it.
                "prepare_threshold": None,
            },
            min_size=1,
            max_size=size,
            timeout=checkout_seconds,
            reconnect_timeout=checkout_seconds,
            max_idle=120.0,
            open=False,
            name="custard-agent",
        )

    def _connection_class(self) -> type[Connection]:
        """A connection class that remembers why connecting failed: the pool only says that it waited."""
        database = self

        class Remembering(BoundedConnection):
            @classmethod
            async def connect(cls, *args: Any, **kwargs: Any) -> Any:
                try:
                    made = await super().connect(*args, **kwargs)
                    if _recovers(made):
                        database._serializable = await _is_serializable(made)
                except psycopg.Error as error:
                    database._last_error = error
                    raise
                database._last_error = None
                database.server_version = made.info.server_version
                return made

        return Remembering

    async def open(self) -> None:
        """Start connecting in the background; returns at once, whether or not the database is there."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close every connection. A statement that still runs loses its own."""
        await self._pool.close(timeout=2.0)

    async def __aenter__(self) -> "Database":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @contextlib.asynccontextmanager
    async def transaction(self, begin: Begin, *, timeout: float | None = None) -> AsyncIterator[Connection]:
        """``acquire``, and ``release`` at the end."""
        conn = await self.acquire(begin, timeout=timeout)
        try:
            yield conn
        finally:
            await self.release(conn)

    async def resize(self, size: int) -> None:
        """Allow so many connections from now on; those in use beyond are not cut off."""
        self._size = size
        await self._pool.resize(1, size)

    async def acquire(self, begin: Begin, *, timeout: float | None = None) -> Connection:
        """A connection inside the transaction that ``begin`` opens; give it back with ``release``.

        ``begin`` doubles as the check that the connection still lives: one that a restart has killed is put
        away and the next is tried, which costs a healthy connection no extra round trip.

        Args:
            begin: our own text, ``BEGIN …`` and settings, or what makes it from the server's version; never
                anything from outside.
            timeout: seconds to wait for a connection; None takes the default.

        Raises:
            DatabaseUnavailable: no connection could be had, none survived, or the server is too old.
        """
        deadline = time.monotonic() + (self._checkout_seconds if timeout is None else timeout)
        for _ in range(self._size + 2):
            try:
                conn = await self._pool.getconn(timeout=max(deadline - time.monotonic(), 0.05))
            except (PoolTimeout, psycopg.OperationalError) as error:
                raise self._unavailable(error) from error
            if isinstance(conn, BoundedConnection):
                conn.at_once = None
            if conn.info.server_version < OLDEST_SERVER:
                await self.release(conn)
                raise _too_old(conn.info.server_version)
            try:
                text = begin if isinstance(begin, str) else begin(conn.info.server_version)
                if self._serializable and _recovers(conn):
                    # As strict as a standby can be: serializable, it refuses whatever is asked of it.
                    text = text.replace("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ,", 1)
                await conn.wait(_begin(conn.pgconn, text.encode()))
            except psycopg.Error as error:
                self._last_error = error
                lost = conn.closed or isinstance(error, psycopg.OperationalError)
                await self.release(conn)
                if not lost:
                    raise
                continue
            except BaseException:
                await self.release(conn)
                raise
            return conn
        raise self._unavailable(self._last_error)

    async def release(self, conn: Connection) -> None:
        """Roll back, forget all that a statement may have left in the session, advisory locks included, and
        give the connection to the next; one that is broken, still busy, or that a cancel request may yet
        reach is replaced."""
        clean = False
        try:
            with contextlib.suppress(psycopg.Error):
                if not conn.closed and not (isinstance(conn, BoundedConnection) and conn.unfit):
                    await conn.wait(_reset(conn.pgconn))
                    clean = True
        finally:
            if not clean:
                conn.pgconn.finish()
            await self._pool.putconn(conn)

    def _unavailable(self, error: BaseException | None) -> DatabaseUnavailable:
        reason = reason_of(self._last_error or error)
        hint = "Check that PostgreSQL runs and that the agent's connection string and role are right."
        if "statement pooling" in reason:
            hint = "Set pool_mode = transaction for this database in PgBouncer, or connect past it."
        return DatabaseUnavailable(f"The agent cannot use its database: {reason}", hint)


def _too_old(version: int) -> DatabaseUnavailable:
    return DatabaseUnavailable(
        f"This server is PostgreSQL {version // 10_000}.{version % 10_000};"
        f" the agent works with {OLDEST_SERVER // 10_000} or newer.",
        "Upgrade the server, or point the agent at a replica of a newer version.",
    )


def _recovers(conn: Connection) -> bool:
    """Whether the server is a hot standby at present. It tells by itself, from version 14 on."""
    return conn.info.parameter_status("in_hot_standby") == "on"


async def _is_serializable(conn: Connection) -> bool:
    shown = await (await conn.execute("SHOW default_transaction_isolation")).fetchone()
    return shown is not None and shown[0] == "serializable"


def _begin(pgconn: PGconn, text: bytes) -> PQGen[None]:
    """Our own text, by the simple protocol: psycopg's cursors would cost as much again as PostgreSQL does."""
    pgconn.send_query(text)
    for result in (yield from execute(pgconn)):
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise psycopg.errors.error_from_result(result)


def _reset(pgconn: PGconn) -> PQGen[None]:
    """``ROLLBACK`` and ``DISCARD ALL`` in one flight, each on its own."""
    if pgconn.transaction_status == TransactionStatus.ACTIVE or pgconn.pipeline_status:
        raise psycopg.OperationalError("something still runs on the connection")
    began = pgconn.transaction_status != TransactionStatus.IDLE
    commands = (b"ROLLBACK", b"DISCARD ALL") if began else (b"DISCARD ALL",)
    pgconn.enter_pipeline_mode()
    for command in commands:
        pgconn.send_query_params(command, None)
        pgconn.pipeline_sync()
    yield from send(pgconn)
    for _ in commands:
        done = yield from fetch_many(pgconn)
        yield from fetch_many(pgconn)
        if not done or done[-1].status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError("the connection could not be cleared")
    pgconn.exit_pipeline_mode()


async def cancel_statement(conn: Connection, *, timeout: float = 2.0) -> None:
    """Ask PostgreSQL to stop what ``conn`` runs. Never raises: the caller asks again until it has stopped."""
    try:
        await conn.cancel_safe(timeout=timeout)
    except psycopg.errors.CancellationTimeout:
        # The server has the request and may heed it at any time: whatever runs on the connection then.
        if isinstance(conn, BoundedConnection):
            conn.doubtful = True
    except (psycopg.Error, OSError) as error:
        _log.debug("cancel request failed", extra={"reason": reason_of(error)})


def cut_connection(conn: Connection) -> None:
    """Cut the socket under ``conn``: the last resort against a statement that is deaf to cancelling.

    Its own task then sees the connection lost. The server sees it within
    ``client_connection_check_interval``, or, where it waits for room to write, when ``conn`` is closed.
    """
    with contextlib.suppress(OSError, psycopg.Error):
        sever(conn.fileno())


def literal(text: str) -> str:
    """``text`` as a quoted SQL literal, for settings that take no parameter."""
    return sql.Literal(text).as_string(None)


async def ping(dsn: str) -> int:
    """Connect once and return ``server_version_num``.

    Raises:
        DatabaseUnavailable: it could not be reached.
        SettingsError: the string cannot be read.
    """
    dsn = checked(dsn)
    try:
        async with asyncio.timeout(CONNECT_SECONDS + 1):
            conn = await psycopg.AsyncConnection.connect(dsn, connect_timeout=connect_seconds(dsn))
    except (psycopg.Error, OSError, TimeoutError) as error:
        raise DatabaseUnavailable(f"The database cannot be reached: {reason_of(error)}") from error
    async with conn:
        return conn.info.server_version
