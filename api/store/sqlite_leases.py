"""Leases in SQLite: columns of ``runs``, changed by SQLite's clock, which is the machine's."""

import json
from collections.abc import Sequence

from sqlite_utils import Database

from api.store.lane import Lane, alone, changed
from api.store.records import IMPLAUSIBLE_LEASES, Holder, Lease, RunRecord
from api.store.rows import Row, lease_of, taken_of

_FREE = (
    "SELECT run_id, max(0, (julianday('now') - julianday(coalesce(lease_until, created_at))) * 86400)"
    " AS left_seconds FROM runs WHERE finished_at IS NULL"
    " AND (owner IS NULL OR lease_until <= :now OR lease_until > :implausible"
    " OR (owner <> :owner AND owner IN (SELECT value FROM json_each(:dead))))"
    " AND (connection_id IN (SELECT value FROM json_each(:online))"
    " OR coalesce(lease_until, created_at) <= :overdue)"
)
_TAKE = (
    "UPDATE runs SET owner = :owner, epoch = epoch + 1, lease_until = :until"
    " WHERE run_id IN (SELECT value FROM json_each(:free))"
    " RETURNING run_id, tenant, connection_id, thread_id, status, question, created_at, finished_at,"
    " detached, epoch, stop_reason, coalesce(listened_until > :now, 0) AS listened"
)


class SqliteLeases:
    """``protocols.Leases``."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def renew(self, holder: Holder, run_ids: Sequence[str]) -> list[Lease]:
        sql = (
            "UPDATE runs SET lease_until = :until WHERE run_id IN (SELECT value FROM json_each(:runs))"
            " AND owner = :owner AND finished_at IS NULL"
            " RETURNING run_id, epoch, stop_reason, coalesce(listened_until > :now, 0) AS listened"
        )

        def work(db: Database) -> list[Row]:
            values = {
                "until": until(db, holder.seconds),
                "runs": json.dumps(list(run_ids)),
                "owner": holder.owner,
                "now": until(db, 0),
            }
            with db.atomic():
                return list(db.query(sql, values))

        return [lease_of(row) for row in await self._writer.do(work)]

    async def take(
        self, holder: Holder, *, dead: Sequence[str], online: Sequence[str], overdue_seconds: float
    ) -> list[tuple[RunRecord, Lease]]:
        def work(db: Database) -> list[Row]:
            with alone(db):
                found = {
                    "owner": holder.owner,
                    "now": until(db, 0),
                    "implausible": until(db, holder.seconds * IMPLAUSIBLE_LEASES),
                    "dead": json.dumps(list(dead)),
                    "online": json.dumps(list(online)),
                    "overdue": until(db, -overdue_seconds),
                }
                left = {row["run_id"]: row["left_seconds"] for row in db.query(_FREE, found)}
                if not left:
                    return []
                taken = {
                    "owner": holder.owner,
                    "now": found["now"],
                    "until": until(db, holder.seconds),
                    "free": json.dumps(list(left)),
                }
                return [{**row, "left_seconds": left[row["run_id"]]} for row in db.query(_TAKE, taken)]

        rows = await self._writer.do(work)
        return sorted((taken_of(row) for row in rows), key=lambda taken: taken[0].run_id)

    async def owners(self) -> set[str]:
        sql = "SELECT DISTINCT owner FROM runs WHERE finished_at IS NULL AND owner IS NOT NULL"
        return {row[0] for row in await self._reader.do(lambda db: db.execute(sql).fetchall())}

    async def release(self, owner: str) -> None:
        sql = "UPDATE runs SET owner = NULL, lease_until = ? WHERE owner = ? AND finished_at IS NULL"
        await self._writer.do(lambda db: changed(db, sql, [until(db, 0), owner]))

    async def ask_stop(self, run_id: str, reason: str) -> None:
        sql = "UPDATE runs SET stop_reason = ? WHERE run_id = ? AND finished_at IS NULL"
        await self._writer.do(lambda db: changed(db, sql, [reason, run_id]))

    async def heard(self, run_id: str, seconds: float) -> bool:
        sql = "UPDATE runs SET listened_until = ? WHERE run_id = ? AND finished_at IS NULL"
        return await self._writer.do(lambda db: changed(db, sql, [until(db, seconds), run_id]))


def until(db: Database, seconds: float) -> str:
    """So long from now by SQLite's clock, as ``rows.moment`` writes a time.

    One machine has one clock; that of a process may be another, and is not asked.
    """
    sql = "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now', ?) || '000+00:00'"
    return str(db.execute(sql, [f"{seconds:+.3f} seconds"]).fetchone()[0])
