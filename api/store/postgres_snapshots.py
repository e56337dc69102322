"""Snapshots in PostgreSQL."""

import asyncio
from collections.abc import Sequence

from api.store.gathered import Gathered
from api.store.pool import Pool
from api.store.records import SnapshotMark, StoredSnapshot
from api.store.rows import marks_of
from wire.snapshot import SchemaSnapshot


class PostgresSnapshots:
    """``protocols.Snapshots``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._marks = Gathered(self._marks_of)

    async def mark(self, connection_id: str) -> SnapshotMark | None:
        return await self._marks.ask(connection_id)

    async def _marks_of(self, connection_ids: Sequence[str]) -> list[SnapshotMark | None]:
        sql = (
            "SELECT connection_id, fingerprint, policy_digest FROM snapshots"
            " WHERE connection_id = ANY(%s::text[])"
        )
        rows = await self._pool.all(sql, [list(connection_ids)])
        return marks_of(rows, connection_ids)

    async def get(self, connection_id: str) -> StoredSnapshot | None:
        sql = "SELECT policy_digest, snapshot FROM snapshots WHERE connection_id = %s"
        row = await self._pool.one(sql, [connection_id])
        if row is None:
            return None
        # In a thread: ten thousand tables take a while to read.
        snapshot = await asyncio.to_thread(SchemaSnapshot.model_validate_json, row["snapshot"])
        return StoredSnapshot(snapshot, row["policy_digest"])

    async def put(self, connection_id: str, snapshot: SchemaSnapshot, policy_digest: str) -> None:
        text = await asyncio.to_thread(snapshot.model_dump_json)
        await self._pool.change(
            "INSERT INTO snapshots (connection_id, fingerprint, policy_digest, snapshot)"
            " SELECT connection_id, %s, %s, %s FROM connections WHERE connection_id = %s"
            " ON CONFLICT (connection_id) DO UPDATE SET fingerprint = excluded.fingerprint,"
            " policy_digest = excluded.policy_digest, snapshot = excluded.snapshot",
            [snapshot.fingerprint, policy_digest, text, connection_id],
        )
