"""What became of fresh exports, in the store's file."""

from datetime import timedelta

from sqlite_utils import Database

from api.store.lane import Lane
from api.store.records import KEPT_MANIFESTS, ExportRecord
from api.store.rows import export_of, moment


class SqliteExports:
    """``protocols.Exports``."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def note(self, record: ExportRecord) -> None:
        """As ``protocols.Exports``."""

        def work(db: Database) -> None:
            with db.atomic():
                # Each new one sweeps the old ones out; in its later states it is too young to be one.
                too_old = moment(record.started_at - timedelta(seconds=KEPT_MANIFESTS))
                db.execute("DELETE FROM exports WHERE started_at < ?", [too_old])
                db.execute(
                    "INSERT INTO exports (export_id, run_id, replica, started_at, manifest)"
                    " SELECT ?, run_id, ?, ?, ? FROM runs WHERE run_id = ?"
                    " ON CONFLICT (export_id) DO UPDATE SET manifest = excluded.manifest",
                    [
                        record.export_id,
                        record.replica,
                        moment(record.started_at),
                        record.manifest,
                        record.run_id,
                    ],
                )

        await self._writer.do(work)

    async def get(self, run_id: str, export_id: str) -> ExportRecord | None:
        """As ``protocols.Exports``."""
        sql = "SELECT * FROM exports WHERE run_id = ? AND export_id = ?"
        rows = await self._reader.do(lambda db: list(db.query(sql, [run_id, export_id])))
        return export_of(rows[0]) if rows else None
