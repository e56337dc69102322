"""Leases in PostgreSQL: columns of ``runs``, changed in single statements by the server's clock."""

from collections.abc import Sequence

from api.store.pool import Pool
from api.store.records import IMPLAUSIBLE_LEASES, Holder, Lease, RunRecord
from api.store.rows import lease_of, taken_of

# Locked in the order in which events of several runs are written: one of two waits, neither is torn off.
_RENEW = (
    "WITH mine AS (SELECT run_id FROM runs WHERE run_id = ANY(%(runs)s::text[]) AND owner = %(owner)s"
    " AND finished_at IS NULL ORDER BY run_id FOR NO KEY UPDATE)"
    " UPDATE runs r SET lease_until = now() + make_interval(secs => %(seconds)s) FROM mine"
    " WHERE r.run_id = mine.run_id RETURNING r.run_id, r.epoch, r.stop_reason,"
    " coalesce(r.listened_until > now(), false) AS listened"
)
_RELEASE = (
    "WITH mine AS (SELECT run_id FROM runs WHERE owner = %(owner)s AND finished_at IS NULL"
    " ORDER BY run_id FOR NO KEY UPDATE)"
    " UPDATE runs r SET owner = NULL, lease_until = now() FROM mine WHERE r.run_id = mine.run_id"
)


class PostgresLeases:
    """``protocols.Leases``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def renew(self, holder: Holder, run_ids: Sequence[str]) -> list[Lease]:
        values = {"owner": holder.owner, "seconds": holder.seconds, "runs": list(run_ids)}
        rows = await self._pool.all(_RENEW, values)
        return [lease_of(row) for row in rows]

    async def take(
        self, holder: Holder, *, dead: Sequence[str], online: Sequence[str], overdue_seconds: float
    ) -> list[tuple[RunRecord, Lease]]:
        rows = await self._pool.all(
            # What another replica is just taking is skipped rather than waited for.
            "WITH free AS (SELECT run_id, greatest(0, extract(epoch FROM"
            " now() - coalesce(lease_until, created_at))) AS left_seconds FROM runs WHERE finished_at IS NULL"
            " AND (owner IS NULL OR lease_until < now()"
            " OR lease_until > now() + make_interval(secs => %(implausible)s)"
            " OR (owner <> %(owner)s AND owner = ANY(%(dead)s::text[])))"
            " AND (connection_id = ANY(%(online)s::text[])"
            " OR coalesce(lease_until, created_at) < now() - make_interval(secs => %(overdue)s))"
            " ORDER BY run_id FOR NO KEY UPDATE SKIP LOCKED)"
            " UPDATE runs r SET owner = %(owner)s, epoch = r.epoch + 1,"
            " lease_until = now() + make_interval(secs => %(seconds)s)"
            " FROM free WHERE r.run_id = free.run_id"
            " RETURNING r.run_id, r.tenant, r.connection_id, r.thread_id, r.status, r.question, r.created_at,"
            " r.finished_at, r.detached, r.epoch, r.stop_reason,"
            " coalesce(r.listened_until > now(), false) AS listened, free.left_seconds",
            {
                "owner": holder.owner,
                "seconds": holder.seconds,
                "implausible": holder.seconds * IMPLAUSIBLE_LEASES,
                "dead": list(dead),
                "online": list(online),
                "overdue": overdue_seconds,
            },
        )
        return sorted((taken_of(row) for row in rows), key=lambda taken: taken[0].run_id)

    async def owners(self) -> set[str]:
        sql = "SELECT DISTINCT owner FROM runs WHERE finished_at IS NULL AND owner IS NOT NULL"
        return {row["owner"] for row in await self._pool.all(sql, [])}

    async def release(self, owner: str) -> None:
        await self._pool.change(_RELEASE, {"owner": owner})

    async def ask_stop(self, run_id: str, reason: str) -> None:
        sql = "UPDATE runs SET stop_reason = %s WHERE run_id = %s AND finished_at IS NULL"
        await self._pool.change(sql, [reason, run_id])

    async def heard(self, run_id: str, seconds: float) -> bool:
        return await self._pool.change(
            "UPDATE runs SET listened_until = now() + make_interval(secs => %s)"
            " WHERE run_id = %s AND finished_at IS NULL",
            [seconds, run_id],
        )
