"""A thread with a SQLite connection of its own: work for it queues, the event loop never waits on a disk."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import structlog
from sqlite_utils import Database

from api.errors import StoreRefused, StoreUnavailable, connection_gone

T = TypeVar("T")

BUSY_SECONDS = 2.0
"""How long a statement waits for a lock that another process holds."""

_log = structlog.get_logger("api.store")


class Lane:
    """Does one piece of work after the other, each with the connection, which is reopened after an error."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._database: Database | None = None
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"store-{name}")

    async def do(self, work: Callable[[Database], T]) -> T:
        """The work's result.

        Raises:
            StoreUnavailable: SQLite could not: disk full, read-only, locked, damaged.
            StoreRefused: it cannot hold just this.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._run, work)
        except RuntimeError as error:  # the executor was shut down
            raise StoreUnavailable("The store is closed.", "The backend is stopping; ask again.") from error

    async def close(self) -> None:
        """Finish what is queued and close the connection."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._close)
        except RuntimeError:
            return
        self._executor.shutdown(wait=False)

    def _run(self, work: Callable[[Database], T]) -> T:
        try:
            return work(self._connected())
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.DataError, UnicodeError, OverflowError) as error:
            raise StoreRefused(
                f"The store cannot hold this ({type(error).__name__}).", "Send something else."
            ) from error
        except (sqlite3.Error, OSError) as error:
            _log.error(
                "the store failed", kind=type(error).__name__, name=getattr(error, "sqlite_errorname", "")
            )
            self._close()
            raise StoreUnavailable(
                f"The store cannot be used: {error}.",
                f"See that {self._path.parent} has space, can be written and is not locked elsewhere.",
            ) from error

    def _connected(self) -> Database:
        if self._database is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            # WAL with NORMAL survives a killed process whole; only a crash of the machine may cost the last
            # moments, and a sync per event would cost every question tens of milliseconds.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            self._path.chmod(0o600)
            self._database = Database(connection)
        return self._database

    def _close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            try:
                database.conn.close()
            except sqlite3.Error:
                return


@contextmanager
def alone(db: Database) -> Iterator[None]:
    """A transaction that has the lock for writing from its start: what it reads is so when it writes."""
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.conn.rollback()
        raise
    db.conn.commit()


@contextmanager
def connection_there() -> Iterator[None]:
    """For what belongs to a connection that was there a moment ago. Raises ``UnknownConnection``."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        if error.sqlite_errorname != "SQLITE_CONSTRAINT_FOREIGNKEY":
            raise
        raise connection_gone() from error


def changed(db: Database, sql: str, values: Sequence[object]) -> bool:
    """Run a statement that writes, in a transaction; whether it met a row."""
    with db.atomic():
        return int(db.execute(sql, values).rowcount) > 0
