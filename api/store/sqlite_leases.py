"""Leases in SQLite: columns of ``runs``, changed in single statements."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlite_utils import Database

from api.store.lane import Lane, changed
from api.store.records import Holder, Lease, RunRecord
from api.store.rows import Row, lease_of, moment, taken_of


class SqliteLeases:
    """``protocols.Leases``."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def renew(self, holder: Holder) -> list[Lease]:
        sql = (
            "UPDATE runs SET lease_until = :until WHERE owner = :owner AND finished_at IS NULL"
            " RETURNING run_id, epoch, stop_reason, coalesce(listened_until > :now, 0) AS listened"
        )
        values = {"until": until(holder.seconds), "owner": holder.owner, "now": until(0)}
        return [lease_of(row) for row in await self._writer.do(lambda db: _returned(db, sql, values))]

    async def take(
        self, holder: Holder, *, dead: Sequence[str], online: Sequence[str], overdue_seconds: float
    ) -> list[tuple[RunRecord, Lease]]:
        sql = (
            "UPDATE runs SET owner = :owner, epoch = epoch + 1, lease_until = :until"
            " WHERE finished_at IS NULL AND (owner IS NULL OR lease_until < :now"
            " OR (owner <> :owner AND owner IN (SELECT value FROM json_each(:dead))))"
            " AND (connection_id IN (SELECT value FROM json_each(:online))"
            " OR coalesce(lease_until, created_at) < :overdue)"
            " RETURNING run_id, tenant, connection_id, thread_id, status, question, created_at, finished_at,"
            " detached, epoch, stop_reason, coalesce(listened_until > :now, 0) AS listened"
        )
        values = {
            "owner": holder.owner,
            "until": until(holder.seconds),
            "now": until(0),
            "dead": json.dumps(list(dead)),
            "online": json.dumps(list(online)),
            "overdue": until(-overdue_seconds),
        }
        rows = await self._writer.do(lambda db: _returned(db, sql, values))
        return sorted((taken_of(row) for row in rows), key=lambda taken: taken[0].run_id)

    async def owners(self) -> set[str]:
        sql = "SELECT DISTINCT owner FROM runs WHERE finished_at IS NULL AND owner IS NOT NULL"
        return {row[0] for row in await self._reader.do(lambda db: db.execute(sql).fetchall())}

    async def release(self, owner: str) -> None:
        sql = "UPDATE runs SET owner = NULL, lease_until = ? WHERE owner = ? AND finished_at IS NULL"
        await self._writer.do(lambda db: changed(db, sql, [until(0), owner]))

    async def ask_stop(self, run_id: str, reason: str) -> None:
        sql = "UPDATE runs SET stop_reason = ? WHERE run_id = ? AND finished_at IS NULL"
        await self._writer.do(lambda db: changed(db, sql, [reason, run_id]))

    async def heard(self, run_id: str, seconds: float) -> bool:
        sql = "UPDATE runs SET listened_until = ? WHERE run_id = ? AND finished_at IS NULL"
        return await self._writer.do(lambda db: changed(db, sql, [until(seconds), run_id]))


def until(seconds: float) -> str:
    """So long from now. One machine has one clock, so that of the process serves."""
    return moment(datetime.now(UTC) + timedelta(seconds=seconds))


def _returned(db: Database, sql: str, values: Row) -> list[Row]:
    with db.atomic():
        return list(db.query(sql, values))
