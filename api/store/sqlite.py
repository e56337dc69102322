"""The store in one SQLite file: what a single backend needs, without a service."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from api.store.gathered import Gathered
from api.store.lane import Lane, changed, connection_there
from api.store.migrations import migrations
from api.store.records import (
    AgentFacts,
    AgentRecord,
    Attached,
    ConnectionRecord,
    JoinCodeRecord,
)
from api.store.rows import FACTS, agent_of, connection_of, moment, policy_of, policy_text
from api.store.sqlite_exports import SqliteExports
from api.store.sqlite_leases import SqliteLeases
from api.store.sqlite_runs import SqliteRuns, SqliteThreads
from api.store.sqlite_snapshots import SqliteSnapshots


class SqliteStore:
    """``api.store.protocols.Store`` in a file: one thread writes, another reads (WAL lets both go on)."""

    def __init__(self, path: Path) -> None:
        self._writer = Lane(path, "writer")
        self._reader = Lane(path, "reader")
        self.connections = SqliteConnections(self._writer, self._reader)
        self.agents = SqliteAgents(self._writer, self._reader)
        self.snapshots = SqliteSnapshots(self._writer, self._reader)
        self.threads = SqliteThreads(self._writer, self._reader)
        self.runs = SqliteRuns(self._writer, self._reader)
        self.leases = SqliteLeases(self._writer, self._reader)
        self.exports = SqliteExports(self._writer, self._reader)

    async def open(self) -> None:
        """Create the file, or bring an older one up to date."""
        await self._writer.do(lambda db: migrations.apply(db))

    async def check(self) -> None:
        """Take and give back the write lock, with a page touched; raises ``StoreUnavailable``."""
        await self._writer.do(_touch)

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        await self._writer.close()
        await self._reader.close()


def _touch(db: Database) -> None:
    with db.atomic():
        db.execute("CREATE TABLE IF NOT EXISTS liveness (id INTEGER PRIMARY KEY, at TEXT NOT NULL) STRICT")
        db.execute("INSERT OR REPLACE INTO liveness (id, at) VALUES (1, datetime('now'))")


class SqliteConnections:
    """``protocols.Connections``."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader

    async def add(self, record: ConnectionRecord) -> None:
        def work(db: Database) -> None:
            with db.atomic():
                db.execute(
                    "INSERT INTO connections"
                    " (connection_id, tenant, name, description, instructions, created_at, policy)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        record.connection_id,
                        record.tenant,
                        record.name,
                        record.description,
                        record.instructions,
                        moment(record.created_at),
                        policy_text(record.policy),
                    ],
                )

        await self._writer.do(work)

    async def all(self, tenant: str) -> list[ConnectionRecord]:
        sql = "SELECT * FROM connections WHERE tenant = ? ORDER BY connection_id"
        return [connection_of(row) for row in await self._reader.do(lambda db: list(db.query(sql, [tenant])))]

    async def get(self, tenant: str, connection_id: str) -> ConnectionRecord | None:
        sql = "SELECT * FROM connections WHERE tenant = ? AND connection_id = ?"
        rows = await self._reader.do(lambda db: list(db.query(sql, [tenant, connection_id])))
        return connection_of(rows[0]) if rows else None

    async def update(self, record: ConnectionRecord) -> bool:
        sql = (
            "UPDATE connections SET name = ?, description = ?, instructions = ?, policy = ?"
            " WHERE tenant = ? AND connection_id = ?"
        )
        said = [record.name, record.description, record.instructions, policy_text(record.policy)]
        values = [*said, record.tenant, record.connection_id]
        return await self._writer.do(lambda db: changed(db, sql, values))

    async def delete(self, tenant: str, connection_id: str) -> bool:
        sql = "DELETE FROM connections WHERE tenant = ? AND connection_id = ?"
        return await self._writer.do(lambda db: changed(db, sql, [tenant, connection_id]))


class SqliteAgents:
    """``protocols.Agents``."""

    def __init__(self, writer: Lane, reader: Lane) -> None:
        self._writer = writer
        self._reader = reader
        self._found = Gathered(self._by_tokens)
        self._attached = Gathered(self._attach)
        self._heard = Gathered(self._note_heard)

    async def add_code(self, code: JoinCodeRecord) -> None:
        def work(db: Database) -> None:
            with db.atomic():
                # Codes are few and short-lived: each new one sweeps the old ones out.
                db.execute("DELETE FROM join_codes WHERE expires_at < ?", [moment(code.created_at)])
                db.execute(
                    "INSERT INTO join_codes (code_hash, tenant, connection_id, created_at, expires_at)"
                    " VALUES (?, ?, ?, ?, ?)",
                    [
                        code.code_hash,
                        code.tenant,
                        code.connection_id,
                        moment(code.created_at),
                        moment(code.expires_at),
                    ],
                )

        with connection_there():
            await self._writer.do(work)

    async def redeem(
        self, code_hash: str, agent_id: str, name: str, token_hash: str, now: datetime
    ) -> AgentRecord | None:
        def work(db: Database) -> AgentRecord | None:
            with db.atomic():
                # Deleted, not marked: of two who come at once, one finds it gone.
                codes = db.execute(
                    "DELETE FROM join_codes WHERE code_hash = ? AND expires_at >= ?"
                    " RETURNING tenant, connection_id",
                    [code_hash, moment(now)],
                ).fetchall()
                if not codes:
                    return None
                tenant, connection_id = codes[0]
                db.execute(
                    "INSERT INTO agents (agent_id, tenant, connection_id, name, token_hash, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    [agent_id, tenant, connection_id, name, token_hash, moment(now)],
                )
            return AgentRecord(agent_id, tenant, connection_id, name, token_hash, now)

        return await self._writer.do(work)

    async def of_connection(self, tenant: str, connection_id: str) -> list[AgentRecord]:
        sql = "SELECT * FROM agents WHERE tenant = ? AND connection_id = ? ORDER BY agent_id DESC"
        rows = await self._reader.do(lambda db: list(db.query(sql, [tenant, connection_id])))
        return [agent_of(row) for row in rows]

    async def by_token(self, token_hash: str) -> AgentRecord | None:
        return await self._found.ask(token_hash)

    async def _by_tokens(self, hashes: Sequence[str]) -> list[AgentRecord | None]:
        sql = "SELECT * FROM agents WHERE token_hash IN (SELECT value FROM json_each(?))"
        rows = await self._reader.do(lambda db: list(db.query(sql, [json.dumps(list(hashes))])))
        known = {row["token_hash"]: agent_of(row) for row in rows}
        return [known.get(token_hash) for token_hash in hashes]

    async def attached(self, agent_id: str, facts: AgentFacts, now: datetime) -> Attached | None:
        return await self._attached.ask((agent_id, FACTS.dump_json(facts).decode(), moment(now)))

    async def _attach(self, hellos: Sequence[tuple[str, str, str]]) -> list[Attached | None]:
        def work(db: Database) -> list[Attached | None]:
            with db.atomic():
                return [_attached(db, *hello) for hello in hellos]

        return await self._writer.do(work)

    async def heard(self, agent_id: str, facts: AgentFacts | None, now: datetime) -> None:
        told = None if facts is None else FACTS.dump_json(facts).decode()
        await self._heard.ask((told, moment(now), agent_id))

    async def _note_heard(self, heard: Sequence[tuple[str | None, str, str]]) -> list[None]:
        def work(db: Database) -> None:
            sql = "UPDATE agents SET facts = coalesce(?, facts), last_seen_at = ? WHERE agent_id = ?"
            with db.atomic():
                for one in heard:
                    db.execute(sql, one)

        await self._writer.do(work)
        return [None] * len(heard)

    async def revoke(self, tenant: str, connection_id: str, agent_id: str, now: datetime) -> bool:
        sql = (
            "UPDATE agents SET revoked_at = coalesce(revoked_at, ?)"
            " WHERE tenant = ? AND connection_id = ? AND agent_id = ?"
        )
        values = [moment(now), tenant, connection_id, agent_id]
        return await self._writer.do(lambda db: changed(db, sql, values))


def _attached(db: Database, agent_id: str, facts: str, now: str) -> Attached | None:
    found = db.execute(
        "UPDATE agents SET epoch = epoch + 1, facts = ?, last_seen_at = ?"
        " WHERE agent_id = ? AND revoked_at IS NULL"
        " RETURNING epoch, (SELECT c.policy FROM connections c WHERE c.connection_id = agents.connection_id)",
        [facts, now, agent_id],
    ).fetchall()
    return Attached(int(found[0][0]), policy_of(found[0][1])) if found else None
