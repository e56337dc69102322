"""What became of fresh exports, in PostgreSQL."""

from datetime import timedelta

from api.store.pool import Pool
from api.store.records import KEPT_MANIFESTS, ExportRecord
from api.store.rows import export_of


class PostgresExports:
    """``protocols.Exports``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, record: ExportRecord) -> None:
        """As ``protocols.Exports``."""
        async with self._pool.transaction() as conn:
            # Each new one sweeps the old ones out; in its later states it is too young to be one.
            too_old = record.started_at - timedelta(seconds=KEPT_MANIFESTS)
            await conn.execute("DELETE FROM exports WHERE started_at < %s", [too_old])
            await conn.execute(
                "INSERT INTO exports (export_id, run_id, replica, started_at, manifest)"
                " SELECT %s, run_id, %s, %s, %s FROM runs WHERE run_id = %s"
                " ON CONFLICT (export_id) DO UPDATE SET manifest = excluded.manifest",
                [record.export_id, record.replica, record.started_at, record.manifest, record.run_id],
            )

    async def get(self, run_id: str, export_id: str) -> ExportRecord | None:
        """As ``protocols.Exports``."""
        sql = "SELECT * FROM exports WHERE run_id = %s AND export_id = %s"
        row = await self._pool.one(sql, [run_id, export_id])
        return export_of(row) if row else None
