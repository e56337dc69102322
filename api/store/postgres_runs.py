"""Threads and runs in PostgreSQL. A run's events are the truth; row and record are views of them."""

from datetime import UTC, datetime, timedelta

from api.store.pool import Connection, Pool
from api.store.records import Holder, IdempotencyKey, Page, RunRecord, StoredEvent, ThreadRecord
from api.store.rows import (
    KEY_HOURS,
    after_page,
    page_mark,
    run_of,
    same_body,
    thread_of,
    turn_of,
)
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


class PostgresThreads:
    """``protocols.Threads``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def get(self, tenant: str, thread_id: str) -> ThreadRecord | None:
        row = await self._pool.one(f"{_THREAD} WHERE t.tenant = %s AND t.thread_id = %s", [tenant, thread_id])
        return thread_of(row) if row else None

    async def page(
        self, tenant: str, *, connection_id: str | None, limit: int, before: str | None
    ) -> Page[ThreadRecord]:
        updated_at, thread_id = after_page(before)
        rows = await self._pool.all(
            f"{_THREAD} WHERE t.tenant = %(tenant)s"
            " AND (%(connection)s::text IS NULL OR t.connection_id = %(connection)s)"
            " AND (%(updated)s::timestamptz IS NULL"
            " OR (t.updated_at, t.thread_id) < (%(updated)s::timestamptz, %(thread)s))"
            " ORDER BY t.updated_at DESC, t.thread_id DESC LIMIT %(limit)s",
            {
                "tenant": tenant,
                "connection": connection_id,
                "updated": updated_at,
                "thread": thread_id,
                "limit": limit + 1,
            },
        )
        found = [thread_of(row) for row in rows]
        return Page(found[:limit], page_mark(found[limit - 1]) if len(found) > limit else None)

    async def rename(self, tenant: str, thread_id: str, title: str) -> bool:
        sql = "UPDATE threads SET title = %s WHERE tenant = %s AND thread_id = %s"
        return await self._pool.change(sql, [title, tenant, thread_id])

    async def delete(self, tenant: str, thread_id: str) -> bool:
        sql = "DELETE FROM threads WHERE tenant = %s AND thread_id = %s"
        return await self._pool.change(sql, [tenant, thread_id])

    async def turns(self, thread_id: str, limit: int) -> list[Turn]:
        rows = await self._pool.all(
            "SELECT record FROM runs WHERE thread_id = %s AND status IN ('succeeded', 'refused', 'clarify')"
            " AND record IS NOT NULL ORDER BY run_id DESC LIMIT %s",
            [thread_id, limit],
        )
        return [turn_of(Run.model_validate_json(row["record"])) for row in reversed(rows)]


class PostgresRuns:
    """``protocols.Runs``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def earlier(self, tenant: str, key: IdempotencyKey) -> str | None:
        async with self._pool.transaction() as conn:
            return await _earlier(conn, tenant, key)

    async def start(
        self,
        run: RunRecord,
        first: StoredEvent,
        *,
        thread_title: str,
        key: IdempotencyKey | None,
        holder: Holder | None = None,
    ) -> str | None:
        now = run.created_at
        async with self._pool.transaction() as conn:
            if key is not None:
                # Two that come at once take turns here: the second finds what the first has written.
                await conn.execute(
                    "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{run.tenant}\n{key.key}"]
                )
                if (earlier := await _earlier(conn, run.tenant, key)) is not None:
                    return earlier
            await conn.execute(
                "INSERT INTO threads (thread_id, tenant, connection_id, title, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (thread_id) DO UPDATE SET updated_at = excluded.updated_at",
                [run.thread_id, run.tenant, run.connection_id, thread_title, now, now],
            )
            await conn.execute(
                "INSERT INTO runs (run_id, tenant, connection_id, thread_id, status, question, created_at,"
                " detached, owner, epoch, lease_until) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
                " clock_timestamp() + make_interval(secs => %s))",
                [
                    run.run_id,
                    run.tenant,
                    run.connection_id,
                    run.thread_id,
                    run.status,
                    run.question,
                    now,
                    run.detached,
                    holder.owner if holder else None,
                    1 if holder else 0,
                    holder.seconds if holder else None,
                ],
            )
            await conn.execute(
                "INSERT INTO events (run_id, position, type, data) VALUES (%s, %s, %s, %s)",
                [run.run_id, first.position, first.type, first.data],
            )
            if key is not None:
                await conn.execute(
                    "INSERT INTO idempotency_keys (tenant, key, body_hash, run_id, created_at)"
                    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant, key) DO UPDATE SET"
                    " body_hash = excluded.body_hash, run_id = excluded.run_id,"
                    " created_at = excluded.created_at",
                    [run.tenant, key.key, key.body_hash, run.run_id, now],
                )
        return None

    async def append(
        self, run_id: str, event: StoredEvent, ended: Run | None, *, epoch: int | None = None
    ) -> bool:
        async with self._pool.transaction() as conn:
            # The row's lock lets one of two writers in; the other then meets the first one's position.
            taken = await conn.execute(
                "WITH open AS (SELECT run_id FROM runs"
                " WHERE run_id = %(run)s AND finished_at IS NULL"
                " AND (%(epoch)s::bigint IS NULL OR epoch = %(epoch)s) FOR NO KEY UPDATE)"
                " INSERT INTO events (run_id, position, type, data)"
                " SELECT run_id, %(position)s, %(type)s, %(data)s FROM open WHERE %(position)s ="
                " (SELECT coalesce(max(e.position), 0) + 1 FROM events e WHERE e.run_id = %(run)s)"
                " ON CONFLICT (run_id, position) DO NOTHING",
                {
                    "run": run_id,
                    "position": event.position,
                    "type": event.type,
                    "data": event.data,
                    "epoch": epoch,
                },
            )
            if taken.rowcount != 1:
                return False
            if ended is not None and ended.finished_at is not None:
                await conn.execute(
                    "UPDATE runs SET status = %s, finished_at = %s, record = %s WHERE run_id = %s",
                    [ended.status, ended.finished_at, ended.model_dump_json(), run_id],
                )
        return True

    async def events(self, run_id: str, after: int) -> list[StoredEvent]:
        sql = "SELECT position, type, data FROM events WHERE run_id = %s AND position > %s ORDER BY position"
        return [StoredEvent(**row) for row in await self._pool.all(sql, [run_id, after])]

    async def get(self, tenant: str, run_id: str) -> RunRecord | None:
        row = await self._pool.one(f"{_RUN} WHERE tenant = %s AND run_id = %s", [tenant, run_id])
        return run_of(row) if row else None

    async def load(self, run_id: str) -> Run | None:
        async with self._pool.transaction() as conn:
            return await _load(conn, run_id)

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
        rows = await self._pool.all(
            f"{_RUN} WHERE tenant = %(tenant)s"
            " AND (%(connection)s::text IS NULL OR connection_id = %(connection)s)"
            " AND (%(thread)s::text IS NULL OR thread_id = %(thread)s)"
            " AND (%(status)s::text IS NULL OR status = %(status)s)"
            " AND (%(before)s::text IS NULL OR run_id < %(before)s) ORDER BY run_id DESC LIMIT %(limit)s",
            {
                "tenant": tenant,
                "connection": connection_id,
                "thread": thread_id,
                "status": status,
                "before": before,
                "limit": limit + 1,
            },
        )
        found = [run_of(row) for row in rows]
        return Page(found[:limit], found[limit - 1].run_id if len(found) > limit else None)

    async def of_thread(self, thread_id: str) -> list[Run]:
        async with self._pool.transaction() as conn:
            sql = "SELECT run_id FROM runs WHERE thread_id = %s ORDER BY run_id"
            rows = await (await conn.execute(sql, [thread_id])).fetchall()
            runs = [await _load(conn, row["run_id"]) for row in rows]
        return [run for run in runs if run is not None]

    async def unfinished(self) -> list[RunRecord]:
        rows = await self._pool.all(f"{_RUN} WHERE finished_at IS NULL ORDER BY run_id", [])
        return [run_of(row) for row in rows]


async def _load(conn: Connection, run_id: str) -> Run | None:
    row = await (await conn.execute("SELECT record FROM runs WHERE run_id = %s", [run_id])).fetchone()
    if row is None:
        return None
    if row["record"] is not None:
        return Run.model_validate_json(row["record"])
    sql = "SELECT data FROM events WHERE run_id = %s ORDER BY position"
    events = await (await conn.execute(sql, [run_id])).fetchall()
    return fold(RUN_EVENT.validate_json(event["data"]) for event in events)


async def _earlier(conn: Connection, tenant: str, key: IdempotencyKey) -> str | None:
    since = datetime.now(UTC) - timedelta(hours=KEY_HOURS)
    cursor = await conn.execute(
        "SELECT body_hash, run_id FROM idempotency_keys WHERE tenant = %s AND key = %s AND created_at >= %s",
        [tenant, key.key, since],
    )
    row = await cursor.fetchone()
    return None if row is None else same_body(key, row["body_hash"], row["run_id"])
