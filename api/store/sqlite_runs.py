"""Threads and runs in SQLite. A run's events are the truth; row and record are views of them."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlite_utils import Database

from api.errors import StoreRefused
from api.store.lane import Lane, changed, connection_there
from api.store.records import Batch, Fate, Holder, IdempotencyKey, Page, RunRecord, StoredEvent, ThreadRecord
from api.store.rows import (
    KEY_HOURS,
    after_page,
    moment,
    page_mark,
    run_of,
    same_body,
    thread_of,
    turn_of,
)
from api.store.sqlite_leases import until
from graph.events import RUN_EVENT
from graph.fold import fold
from graph.record import RunStatus, Turn
from graph.run import Run

_THREAD = (
    "SELECT t.thread_id, t.tenant, t.connection_id, t.title, t.created_at, t.updated_at,"
    " (SELECT count(*) FROM runs r WHERE r.thread_id = t.thread_id) AS turns FROM threads t"
)
_RUN = (
    "SELECT run_id, tenant, connection_id, thread_id, status, question, created_at, finished_at, detached"
    " FROM runs"
)

_REFUSED = (sqlite3.DataError, sqlite3.InterfaceError, UnicodeError, OverflowError)
"""What SQLite, or Python's way to it, says of a value that it cannot hold."""


class SqliteThreads:
    """``protocols.Threads``."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def get(self, tenant: str, thread_id: str) -> ThreadRecord | None:
        sql = f"{_THREAD} WHERE t.tenant = ? AND t.thread_id = ?"
        rows = await self._reader.do(lambda db: list(db.query(sql, [tenant, thread_id])))
        return thread_of(rows[0]) if rows else None

    async def page(
        self, tenant: str, *, connection_id: str | None, limit: int, before: str | None
    ) -> Page[ThreadRecord]:
        updated_at, thread_id = after_page(before)
        sql = (
            f"{_THREAD} WHERE t.tenant = :tenant AND (:connection IS NULL OR t.connection_id = :connection)"
            " AND (:updated IS NULL OR (t.updated_at, t.thread_id) < (:updated, :thread))"
            " ORDER BY t.updated_at DESC, t.thread_id DESC LIMIT :limit"
        )
        values = {
            "tenant": tenant,
            "connection": connection_id,
            "updated": updated_at,
            "thread": thread_id,
            "limit": limit + 1,
        }
        found = [thread_of(row) for row in await self._reader.do(lambda db: list(db.query(sql, values)))]
        return Page(found[:limit], page_mark(found[limit - 1]) if len(found) > limit else None)

    async def rename(self, tenant: str, thread_id: str, title: str) -> bool:
        sql = "UPDATE threads SET title = ? WHERE tenant = ? AND thread_id = ?"
        return await self._writer.do(lambda db: changed(db, sql, [title, tenant, thread_id]))

    async def delete(self, tenant: str, thread_id: str) -> bool:
        sql = "DELETE FROM threads WHERE tenant = ? AND thread_id = ?"
        return await self._writer.do(lambda db: changed(db, sql, [tenant, thread_id]))

    async def turns(self, thread_id: str, limit: int) -> list[Turn]:
        sql = (
            "SELECT record FROM runs WHERE thread_id = ? AND status IN ('succeeded', 'refused', 'clarify')"
            " AND record IS NOT NULL ORDER BY run_id DESC LIMIT ?"
        )
        rows = await self._reader.do(lambda db: db.execute(sql, [thread_id, limit]).fetchall())
        return [turn_of(Run.model_validate_json(row[0])) for row in reversed(rows)]


class SqliteRuns:
    """``protocols.Runs``."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def earlier(self, tenant: str, key: IdempotencyKey) -> str | None:
        return await self._reader.do(lambda db: _earlier(db, tenant, key))

    async def start(
        self,
        run: RunRecord,
        first: StoredEvent,
        *,
        thread_title: str,
        key: IdempotencyKey | None,
        holder: Holder | None = None,
    ) -> str | None:
        now = moment(run.created_at)

        def work(db: Database) -> str | None:
            with db.atomic():
                if key is not None and (earlier := _earlier(db, run.tenant, key)) is not None:
                    return earlier
                db.execute(
                    "INSERT INTO threads (thread_id, tenant, connection_id, title, created_at, updated_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (thread_id) DO UPDATE SET updated_at = excluded.updated_at",
                    [run.thread_id, run.tenant, run.connection_id, thread_title, now, now],
                )
                db.execute(
                    "INSERT INTO runs"
                    " (run_id, tenant, connection_id, thread_id, status, question, created_at, detached,"
                    " owner, epoch, lease_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        run.run_id,
                        run.tenant,
                        run.connection_id,
                        run.thread_id,
                        run.status,
                        run.question,
                        now,
                        int(run.detached),
                        holder.owner if holder else None,
                        1 if holder else 0,
                        until(db, holder.seconds) if holder else None,
                    ],
                )
                _insert(db, run.run_id, first)
                if key is not None:
                    db.execute(
                        "INSERT OR REPLACE INTO idempotency_keys (tenant, key, body_hash, run_id, created_at)"
                        " VALUES (?, ?, ?, ?, ?)",
                        [run.tenant, key.key, key.body_hash, run.run_id, now],
                    )
            return None

        with connection_there():
            return await self._writer.do(work)

    async def append(self, batches: Sequence[Batch]) -> list[Fate]:
        def work(db: Database) -> list[Fate]:
            try:
                with db.atomic():
                    return [_append(db, batch) for batch in batches]
            except _REFUSED:
                with db.atomic():
                    return [_append_alone(db, batch) for batch in batches]

        return await self._writer.do(work)

    async def events(self, run_id: str, after: int) -> list[StoredEvent]:
        sql = "SELECT position, type, data FROM events WHERE run_id = ? AND position > ? ORDER BY position"
        rows = await self._reader.do(lambda db: db.execute(sql, [run_id, after]).fetchall())
        return [StoredEvent(*row) for row in rows]

    async def get(self, tenant: str, run_id: str) -> RunRecord | None:
        sql = f"{_RUN} WHERE tenant = ? AND run_id = ?"
        rows = await self._reader.do(lambda db: list(db.query(sql, [tenant, run_id])))
        return run_of(rows[0]) if rows else None

    async def load(self, run_id: str) -> Run | None:
        return await self._reader.do(lambda db: _load(db, run_id))

    async def page(
        self,
        tenant: str,
        *,
        connection_id: str | None,
        thread_id: str | None,
        status: RunStatus | None,
        limit: int,
        before: str | None,
    ) -> Page[RunRecord]:
        sql = (
            f"{_RUN} WHERE tenant = :tenant AND (:connection IS NULL OR connection_id = :connection)"
            " AND (:thread IS NULL OR thread_id = :thread) AND (:status IS NULL OR status = :status)"
            " AND (:before IS NULL OR run_id < :before) ORDER BY run_id DESC LIMIT :limit"
        )
        values = {
            "tenant": tenant,
            "connection": connection_id,
            "thread": thread_id,
            "status": status,
            "before": before,
            "limit": limit + 1,
        }
        found = [run_of(row) for row in await self._reader.do(lambda db: list(db.query(sql, values)))]
        return Page(found[:limit], found[limit - 1].run_id if len(found) > limit else None)

    async def of_thread(self, thread_id: str, *, limit: int, before: str | None) -> Page[Run]:
        sql = (
            "SELECT run_id FROM runs WHERE thread_id = :thread AND (:before IS NULL OR run_id < :before)"
            " ORDER BY run_id DESC LIMIT :limit"
        )
        values = {"thread": thread_id, "before": before, "limit": limit + 1}

        def work(db: Database) -> Page[Run]:
            found = [row[0] for row in db.execute(sql, values).fetchall()]
            shown = found[:limit]
            runs = [_load(db, run_id) for run_id in reversed(shown)]
            return Page([run for run in runs if run is not None], shown[-1] if len(found) > limit else None)

        return await self._reader.do(work)

    async def results_of_thread(self, thread_id: str) -> list[str]:
        sql = (
            "SELECT DISTINCT json_extract(e.data, '$.outcome.result_ref') FROM runs r"
            " JOIN events e ON e.run_id = r.run_id WHERE r.thread_id = ? AND e.type = 'executed'"
        )
        rows = await self._reader.do(lambda db: db.execute(sql, [thread_id]).fetchall())
        return [row[0] for row in rows if row[0] is not None]

    async def unfinished(self) -> list[RunRecord]:
        sql = f"{_RUN} WHERE finished_at IS NULL ORDER BY run_id"
        return [run_of(row) for row in await self._reader.do(lambda db: list(db.query(sql)))]


def _append_alone(db: Database, batch: Batch) -> Fate:
    """As ``_append``, so that what this one holds spoils nothing but itself."""
    try:
        with db.atomic():  # a savepoint
            return _append(db, batch)
    except _REFUSED as error:
        return StoreRefused(f"The store cannot hold this ({type(error).__name__}).", "Ask otherwise.")


def _append(db: Database, batch: Batch) -> bool:
    first, *others = batch.events
    # One statement decides: the run is there and open, and the position is the next one.
    taken = db.execute(
        "INSERT INTO events (run_id, position, type, data)"
        " SELECT r.run_id, :position, :type, :data FROM runs r"
        " WHERE r.run_id = :run AND r.finished_at IS NULL"
        " AND (:epoch IS NULL OR r.epoch = :epoch) AND :position ="
        " (SELECT coalesce(max(e.position), 0) + 1 FROM events e WHERE e.run_id = :run)",
        {
            "run": batch.run_id,
            "position": first.position,
            "type": first.type,
            "data": first.data,
            "epoch": batch.epoch,
        },
    ).rowcount
    if taken != 1:
        return False
    for event in others:
        _insert(db, batch.run_id, event)
    if (ended := batch.ended) is not None and ended.finished_at is not None:
        db.execute(
            "UPDATE runs SET status = ?, finished_at = ?, record = ? WHERE run_id = ?",
            [ended.status, moment(ended.finished_at), ended.model_dump_json(), batch.run_id],
        )
    return True


def _load(db: Database, run_id: str) -> Run | None:
    rows = db.execute("SELECT record FROM runs WHERE run_id = ?", [run_id]).fetchall()
    if not rows:
        return None
    if rows[0][0] is not None:
        return Run.model_validate_json(rows[0][0])
    events = db.execute("SELECT data FROM events WHERE run_id = ? ORDER BY position", [run_id]).fetchall()
    return fold(RUN_EVENT.validate_json(row[0]) for row in events)


def _earlier(db: Database, tenant: str, key: IdempotencyKey) -> str | None:
    since = moment(datetime.now(UTC) - timedelta(hours=KEY_HOURS))
    sql = "SELECT body_hash, run_id FROM idempotency_keys WHERE tenant = ? AND key = ? AND created_at >= ?"
    rows = db.execute(sql, [tenant, key.key, since]).fetchall()
    if not rows:
        return None
    return same_body(key, rows[0][0], rows[0][1])


def _insert(db: Database, run_id: str, event: StoredEvent) -> None:
    db.execute(
        "INSERT INTO events (run_id, position, type, data) VALUES (?, ?, ?, ?)",
        [run_id, event.position, event.type, event.data],
    )
