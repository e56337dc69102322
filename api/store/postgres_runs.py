"""Threads and runs in PostgreSQL. A run's events are the truth; row and record are views of them."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from api.errors import StoreRefused, StoreUnavailable
from api.store.pool import Pool, connection_there
from api.store.records import Batch, Fate, Holder, IdempotencyKey, Page, RunRecord, StoredEvent, ThreadRecord
from api.store.rows import (
    KEY_HOURS,
    Row,
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

# Texts go as binary arrays: as text, psycopg escapes each quote of their JSON by a call of Python, which is
# ten times the work of all the rest.
_APPEND = (
    "WITH given AS (SELECT * FROM unnest(%(runs)b::text[], %(firsts)s::integer[], %(epochs)s::bigint[])"
    " AS g (run_id, first, epoch)),"
    # The rows' locks let one of two writers in; the other then meets the first one's positions. They are
    # taken in one order, so that two who write for several runs cannot each wait for the other.
    " open AS (SELECT r.run_id FROM runs r JOIN given g ON r.run_id = g.run_id WHERE r.finished_at IS NULL"
    " AND (g.epoch IS NULL OR r.epoch = g.epoch) ORDER BY r.run_id FOR NO KEY UPDATE OF r),"
    " fits AS (SELECT o.run_id FROM open o JOIN given g ON o.run_id = g.run_id WHERE g.first ="
    " (SELECT coalesce(max(e.position), 0) + 1 FROM events e WHERE e.run_id = o.run_id)),"
    " told AS (INSERT INTO events (run_id, position, type, data)"
    " SELECT n.run_id, n.position, n.type, n.data FROM unnest(%(event_runs)b::text[],"
    " %(positions)s::integer[], %(types)b::text[], %(data)b::text[]) AS n (run_id, position, type, data)"
    " JOIN fits ON fits.run_id = n.run_id),"
    " ended AS (UPDATE runs r SET status = n.status, finished_at = n.finished_at, record = n.record"
    " FROM unnest(%(ended_runs)b::text[], %(statuses)b::text[], %(finished)s::timestamptz[],"
    " %(records)b::text[]) AS n (run_id, status, finished_at, record)"
    " JOIN fits ON fits.run_id = n.run_id WHERE r.run_id = n.run_id)"
    " SELECT run_id FROM fits"
)
_START = (
    "WITH thread AS (INSERT INTO threads (thread_id, tenant, connection_id, title, created_at, updated_at)"
    " VALUES (%(thread)s, %(tenant)s, %(connection)s, %(title)s, %(now)s, %(now)s)"
    " ON CONFLICT (thread_id) DO UPDATE SET updated_at = excluded.updated_at),"
    " run AS (INSERT INTO runs (run_id, tenant, connection_id, thread_id, status, question, created_at,"
    " detached, owner, epoch, lease_until) VALUES (%(run)s, %(tenant)s, %(connection)s, %(thread)s,"
    " %(status)s, %(question)s, %(now)s, %(detached)s, %(owner)s, %(epoch)s,"
    " clock_timestamp() + make_interval(secs => %(seconds)s)))"
    " INSERT INTO events (run_id, position, type, data) VALUES (%(run)s, %(position)s, %(type)s, %(data)s)"
)
"""Thread, run and first event in one round trip: foreign keys are looked at when the statement is done."""


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
        rows = await self._pool.found(
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
        return await self._pool.change_found(sql, [title, tenant, thread_id])

    async def delete(self, tenant: str, thread_id: str) -> bool:
        sql = "DELETE FROM threads WHERE tenant = %s AND thread_id = %s"
        return await self._pool.change_found(sql, [tenant, thread_id])

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
        row = await self._pool.one(_EARLIER, _since(tenant, key))
        return None if row is None else same_body(key, row["body_hash"], row["run_id"])

    async def start(
        self,
        run: RunRecord,
        first: StoredEvent,
        *,
        thread_title: str,
        key: IdempotencyKey | None,
        holder: Holder | None = None,
    ) -> str | None:
        started = {
            "thread": run.thread_id,
            "tenant": run.tenant,
            "connection": run.connection_id,
            "title": thread_title,
            "now": run.created_at,
            "run": run.run_id,
            "status": run.status,
            "question": run.question,
            "detached": run.detached,
            "owner": holder.owner if holder else None,
            "epoch": 1 if holder else 0,
            "seconds": holder.seconds if holder else None,
            "position": first.position,
            "type": first.type,
            "data": first.data,
        }
        with connection_there():
            if key is None:
                await self._pool.change(_START, started)
                return None
            return await self._start_once(run, started, key)

    async def _start_once(self, run: RunRecord, started: Row, key: IdempotencyKey) -> str | None:
        async with self._pool.transaction() as conn:
            # Two that come at once take turns here: the second finds what the first has written.
            await conn.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{run.tenant}\n{key.key}"]
            )
            cursor = await conn.execute(_EARLIER, _since(run.tenant, key))
            if (row := await cursor.fetchone()) is not None:
                return same_body(key, row["body_hash"], row["run_id"])
            await conn.execute(_START, started)
            await conn.execute(
                "INSERT INTO idempotency_keys (tenant, key, body_hash, run_id, created_at)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant, key) DO UPDATE SET"
                " body_hash = excluded.body_hash, run_id = excluded.run_id,"
                " created_at = excluded.created_at",
                [run.tenant, key.key, key.body_hash, run.run_id, run.created_at],
            )
        return None

    async def append(self, batches: Sequence[Batch]) -> list[Fate]:
        try:
            return await self._together(batches)
        except psycopg.IntegrityError:
            pass  # another writer of the same epoch has just taken a position of one of them
        except StoreUnavailable as error:
            deadlock = isinstance(error.__cause__, psycopg.errors.DeadlockDetected)
            if not deadlock and not isinstance(error, StoreRefused):
                raise
        fates: list[Fate] = []
        for batch in batches:
            fates.append(await self._alone(batch))
            if isinstance(fates[-1], StoreUnavailable) and not isinstance(fates[-1], StoreRefused):
                # Some are written, so it is no longer for all of them; the others would wait each in turn.
                return fates + [fates[-1]] * (len(batches) - len(fates))
        return fates

    async def _alone(self, batch: Batch) -> Fate:
        try:
            (written,) = await self._together([batch])
        except psycopg.IntegrityError:
            return False
        except StoreUnavailable as error:
            return error
        return written

    async def _together(self, batches: Sequence[Batch]) -> list[Fate]:
        events = [(batch.run_id, event) for batch in batches for event in batch.events]
        ended = [batch.ended for batch in batches if batch.ended is not None]
        taken = await self._pool.all(
            _APPEND,
            {
                "runs": [batch.run_id for batch in batches],
                "firsts": [batch.events[0].position for batch in batches],
                "epochs": [batch.epoch for batch in batches],
                "event_runs": [run_id for run_id, _ in events],
                "positions": [event.position for _, event in events],
                "types": [event.type for _, event in events],
                "data": [event.data for _, event in events],
                "ended_runs": [run.run_id for run in ended],
                "statuses": [run.status for run in ended],
                "finished": [run.finished_at for run in ended],
                "records": [run.model_dump_json() for run in ended],
            },
        )
        written = {row["run_id"] for row in taken}
        return [batch.run_id in written for batch in batches]

    async def events(self, run_id: str, after: int) -> list[StoredEvent]:
        sql = "SELECT position, type, data FROM events WHERE run_id = %s AND position > %s ORDER BY position"
        return [StoredEvent(**row) for row in await self._pool.all(sql, [run_id, after])]

    async def get(self, tenant: str, run_id: str) -> RunRecord | None:
        row = await self._pool.one(f"{_RUN} WHERE tenant = %s AND run_id = %s", [tenant, run_id])
        return run_of(row) if row else None

    async def load(self, run_id: str) -> Run | None:
        row = await self._pool.one("SELECT record FROM runs WHERE run_id = %s", [run_id])
        if row is None:
            return None
        if row["record"] is not None:
            return Run.model_validate_json(row["record"])
        # Read later, they may tell more than the row did, and never less.
        events = await self.events(run_id, 0)
        return fold(RUN_EVENT.validate_json(event.data) for event in events)

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
        rows = await self._pool.found(
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

    async def of_thread(self, thread_id: str, *, limit: int, before: str | None) -> Page[Run]:
        rows = await self._pool.found(
            "SELECT run_id, record FROM runs WHERE thread_id = %(thread)s"
            " AND (%(before)s::text IS NULL OR run_id < %(before)s) ORDER BY run_id DESC LIMIT %(limit)s",
            {"thread": thread_id, "before": before, "limit": limit + 1},
        )
        shown = rows[:limit]
        # Many whole runs take a while to read, and the event loop has others to serve.
        ended = await asyncio.to_thread(_ended_runs, shown)
        runs = [ended.get(row["run_id"]) or await self.load(row["run_id"]) for row in reversed(shown)]
        return Page(
            [run for run in runs if run is not None], shown[-1]["run_id"] if len(rows) > limit else None
        )

    async def results_of_thread(self, thread_id: str) -> list[str]:
        # By the text: json's own functions refuse a document that holds a NUL anywhere. Within a value the
        # quotes would be escaped, so that only the field itself is met.
        rows = await self._pool.found(
            'SELECT DISTINCT substring(e.data FROM \'"result_ref":"([^"]+)"\') AS ref FROM runs r'
            " JOIN events e ON e.run_id = r.run_id WHERE r.thread_id = %s AND e.type = 'executed'",
            [thread_id],
        )
        return [row["ref"] for row in rows if row["ref"] is not None]

    async def unfinished(self) -> list[RunRecord]:
        rows = await self._pool.all(f"{_RUN} WHERE finished_at IS NULL ORDER BY run_id", [])
        return [run_of(row) for row in rows]


_EARLIER = (
    "SELECT body_hash, run_id FROM idempotency_keys WHERE tenant = %s AND key = %s AND created_at >= %s"
)


def _ended_runs(rows: Sequence[Row]) -> dict[str, Run]:
    """Those that are written whole, by id."""
    return {row["run_id"]: Run.model_validate_json(row["record"]) for row in rows if row["record"]}


def _since(tenant: str, key: IdempotencyKey) -> list[object]:
    """What ``_EARLIER`` is asked with."""
    return [tenant, key.key, datetime.now(UTC) - timedelta(hours=KEY_HOURS)]
