"""Snapshots in SQLite."""

import json
from collections.abc import Sequence

from sqlite_utils import Database

from api.store.gathered import Gathered
from api.store.lane import Lane
from api.store.records import SnapshotMark, StoredSnapshot
from api.store.rows import marks_of
from wire.snapshot import SchemaSnapshot


class SqliteSnapshots:
    """``protocols.Snapshots``."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader
        self._marks = Gathered(self._marks_of)

    async def mark(self, connection_id: str) -> SnapshotMark | None:
        return await self._marks.ask(connection_id)

    async def _marks_of(self, connection_ids: Sequence[str]) -> list[SnapshotMark | None]:
        sql = (
            "SELECT connection_id, fingerprint, policy_digest FROM snapshots"
            " WHERE connection_id IN (SELECT value FROM json_each(?))"
        )
        rows = await self._reader.do(lambda db: list(db.query(sql, [json.dumps(list(connection_ids))])))
        return marks_of(rows, connection_ids)

    async def get(self, connection_id: str) -> StoredSnapshot | None:
        def work(db: Database) -> StoredSnapshot | None:
            sql = "SELECT policy_digest, snapshot FROM snapshots WHERE connection_id = ?"
            rows = db.execute(sql, [connection_id]).fetchall()
            # Read here, in the reader's thread: ten thousand tables take a while.
            return (
                StoredSnapshot(SchemaSnapshot.model_validate_json(rows[0][1]), rows[0][0]) if rows else None
            )

        return await self._reader.do(work)

    async def put(self, connection_id: str, snapshot: SchemaSnapshot, policy_digest: str) -> None:
        def work(db: Database) -> None:
            with db.atomic():
                db.execute(
                    "INSERT OR REPLACE INTO snapshots (connection_id, fingerprint, policy_digest, snapshot)"
                    " SELECT connection_id, ?, ?, ? FROM connections WHERE connection_id = ?",
                    [snapshot.fingerprint, policy_digest, snapshot.model_dump_json(), connection_id],
                )

        await self._writer.do(work)
