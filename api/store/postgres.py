"""The store in PostgreSQL: what several backends share."""

from collections.abc import Sequence
from datetime import datetime

from api.store.gathered import Gathered
from api.store.pool import Pool, connection_there
from api.store.postgres_exports import PostgresExports
from api.store.postgres_leases import PostgresLeases
from api.store.postgres_runs import PostgresRuns, PostgresThreads
from api.store.postgres_snapshots import PostgresSnapshots
from api.store.records import (
    AgentFacts,
    AgentRecord,
    Attached,
    ConnectionRecord,
    JoinCodeRecord,
)
from api.store.rows import FACTS, agent_of, connection_of, policy_of, policy_text


class PostgresStore:
    """``api.store.protocols.Store`` in a PostgreSQL database.

    Args:
        url: libpq's connection string or URL. Its first schema in ``search_path`` gets the tables.
    """

    def __init__(self, url: str) -> None:
        self._pool = pool = Pool(url)
        self.connections = PostgresConnections(pool)
        self.agents = PostgresAgents(pool)
        self.snapshots = PostgresSnapshots(pool)
        self.threads = PostgresThreads(pool)
        self.runs = PostgresRuns(pool)
        self.leases = PostgresLeases(pool)
        self.exports = PostgresExports(pool)

    async def open(self) -> None:
        """Connect and create or bring up to date the tables. Raises ``StoreUnavailable``."""
        try:
            await self._pool.open()
        except BaseException:
            await self._pool.close()
            raise

    async def check(self) -> None:
        """Write a row and take it back; raises ``StoreUnavailable``."""
        await self._pool.change("UPDATE custard_migrations SET applied_at = applied_at", [])

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()


class PostgresConnections:
    """``protocols.Connections``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, record: ConnectionRecord) -> None:
        await self._pool.change(
            "INSERT INTO connections"
            " (connection_id, tenant, name, description, instructions, created_at, policy)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [
                record.connection_id,
                record.tenant,
                record.name,
                record.description,
                record.instructions,
                record.created_at,
                policy_text(record.policy),
            ],
        )

    async def all(self, tenant: str) -> list[ConnectionRecord]:
        sql = "SELECT * FROM connections WHERE tenant = %s ORDER BY connection_id"
        return [connection_of(row) for row in await self._pool.all(sql, [tenant])]

    async def get(self, tenant: str, connection_id: str) -> ConnectionRecord | None:
        sql = "SELECT * FROM connections WHERE tenant = %s AND connection_id = %s"
        row = await self._pool.one(sql, [tenant, connection_id])
        return connection_of(row) if row else None

    async def update(self, record: ConnectionRecord) -> bool:
        return await self._pool.change(
            "UPDATE connections SET name = %s, description = %s, instructions = %s, policy = %s"
            " WHERE tenant = %s AND connection_id = %s",
            [
                record.name,
                record.description,
                record.instructions,
                policy_text(record.policy),
                record.tenant,
                record.connection_id,
            ],
        )

    async def delete(self, tenant: str, connection_id: str) -> bool:
        sql = "DELETE FROM connections WHERE tenant = %s AND connection_id = %s"
        return await self._pool.change_found(sql, [tenant, connection_id])


# Rows are locked in one order: of two replicas that write for several agents one waits for the other.
_ATTACH = (
    "WITH given AS (SELECT * FROM unnest(%(agents)b::text[], %(facts)b::text[], %(times)s::timestamptz[])"
    " AS g (agent_id, facts, at)),"
    " held AS (SELECT a.agent_id FROM agents a JOIN given g ON a.agent_id = g.agent_id"
    " ORDER BY a.agent_id FOR NO KEY UPDATE OF a)"
    " UPDATE agents a SET epoch = a.epoch + 1, facts = g.facts, last_seen_at = g.at"
    " FROM given g JOIN held ON held.agent_id = g.agent_id JOIN agents b ON b.agent_id = g.agent_id"
    " JOIN connections c ON c.connection_id = b.connection_id"
    " WHERE a.agent_id = g.agent_id AND a.revoked_at IS NULL RETURNING a.agent_id, a.epoch, c.policy"
)
_HEARD = (
    "WITH given AS (SELECT * FROM unnest(%(agents)b::text[], %(facts)s::text[], %(times)s::timestamptz[])"
    " AS g (agent_id, facts, at)),"
    " held AS (SELECT a.agent_id FROM agents a JOIN given g ON a.agent_id = g.agent_id"
    " ORDER BY a.agent_id FOR NO KEY UPDATE OF a)"
    " UPDATE agents a SET facts = coalesce(g.facts, a.facts), last_seen_at = g.at"
    " FROM given g JOIN held ON held.agent_id = g.agent_id WHERE a.agent_id = g.agent_id"
)


class PostgresAgents:
    """``protocols.Agents``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._found = Gathered(self._by_tokens)
        self._attached = Gathered(self._attach)
        self._heard = Gathered(self._note_heard)

    async def add_code(self, code: JoinCodeRecord) -> None:
        with connection_there():
            await self._add_code(code)

    async def _add_code(self, code: JoinCodeRecord) -> None:
        async with self._pool.transaction() as conn:
            # Codes are few and short-lived: each new one sweeps the old ones out.
            await conn.execute("DELETE FROM join_codes WHERE expires_at < %s", [code.created_at])
            await conn.execute(
                "INSERT INTO join_codes (code_hash, tenant, connection_id, created_at, expires_at)"
                " VALUES (%s, %s, %s, %s, %s)",
                [code.code_hash, code.tenant, code.connection_id, code.created_at, code.expires_at],
            )

    async def redeem(
        self, code_hash: str, agent_id: str, name: str, token_hash: str, now: datetime
    ) -> AgentRecord | None:
        async with self._pool.transaction() as conn:
            # Deleted, not marked: of two who come at once, one finds it gone.
            cursor = await conn.execute(
                "DELETE FROM join_codes WHERE code_hash = %s AND expires_at >= %s"
                " RETURNING tenant, connection_id",
                [code_hash, now],
            )
            code = await cursor.fetchone()
            if code is None:
                return None
            tenant, connection_id = code["tenant"], code["connection_id"]
            await conn.execute(
                "INSERT INTO agents (agent_id, tenant, connection_id, name, token_hash, created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [agent_id, tenant, connection_id, name, token_hash, now],
            )
        return AgentRecord(agent_id, tenant, connection_id, name, token_hash, now)

    async def of_connection(self, tenant: str, connection_id: str) -> list[AgentRecord]:
        sql = "SELECT * FROM agents WHERE tenant = %s AND connection_id = %s ORDER BY agent_id DESC"
        return [agent_of(row) for row in await self._pool.found(sql, [tenant, connection_id])]

    async def by_token(self, token_hash: str) -> AgentRecord | None:
        return await self._found.ask(token_hash)

    async def _by_tokens(self, hashes: Sequence[str]) -> list[AgentRecord | None]:
        rows = await self._pool.all(
            "SELECT * FROM agents WHERE token_hash = ANY(%s::text[])", [list(set(hashes))]
        )
        known = {row["token_hash"]: agent_of(row) for row in rows}
        return [known.get(token_hash) for token_hash in hashes]

    async def attached(self, agent_id: str, facts: AgentFacts, now: datetime) -> Attached | None:
        return await self._attached.ask((agent_id, FACTS.dump_json(facts).decode(), now))

    async def _attach(self, hellos: Sequence[tuple[str, str, datetime]]) -> list[Attached | None]:
        # Of an agent that says hello twice at once each gets an epoch of its own.
        twice = len({agent_id for agent_id, _, _ in hellos}) < len(hellos)
        if twice:
            return [told for hello in hellos for told in await self._attach([hello])]
        rows = await self._pool.all(
            _ATTACH,
            {
                "agents": [agent_id for agent_id, _, _ in hellos],
                "facts": [facts for _, facts, _ in hellos],
                "times": [now for _, _, now in hellos],
            },
        )
        known = {row["agent_id"]: Attached(int(row["epoch"]), policy_of(row["policy"])) for row in rows}
        return [known.get(agent_id) for agent_id, _, _ in hellos]

    async def heard(self, agent_id: str, facts: AgentFacts | None, now: datetime) -> None:
        told = None if facts is None else FACTS.dump_json(facts).decode()
        await self._heard.ask((agent_id, told, now))

    async def _note_heard(self, heard: Sequence[tuple[str, str | None, datetime]]) -> list[None]:
        # Of one that is told of twice the later counts, and facts are kept.
        last: dict[str, tuple[str | None, datetime]] = {}
        for agent_id, told, now in heard:
            last[agent_id] = (told or last.get(agent_id, (None, now))[0], now)
        await self._pool.change(
            _HEARD,
            {
                "agents": list(last),
                "facts": [told for told, _ in last.values()],
                "times": [now for _, now in last.values()],
            },
        )
        return [None] * len(heard)

    async def revoke(self, tenant: str, connection_id: str, agent_id: str, now: datetime) -> bool:
        return await self._pool.change_found(
            "UPDATE agents SET revoked_at = coalesce(revoked_at, %s)"
            " WHERE tenant = %s AND connection_id = %s AND agent_id = %s",
            [now, tenant, connection_id, agent_id],
        )
