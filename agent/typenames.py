"""Names of result column types, as ``format_type`` prints them."""

from psycopg.pq.abc import PGresult

from agent.database import Connection
from wire.outcome import ResultColumn

_CACHE_ENTRIES = 10_000


class TypeNames:
    """(type OID, type modifier) → name, asked of the server once.

    A cache belongs to one database: OIDs of enums and domains mean something else in another.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[int, int], str] = {}

    def know(self, result: PGresult) -> bool:
        """Whether ``columns`` need not ask the server."""
        return all(
            (result.ftype(place), result.fmod(place)) in self._names for place in range(result.nfields)
        )

    async def columns(self, conn: Connection, result: PGresult) -> list[ResultColumn]:
        """The columns of ``result``; asks the server, in the running transaction, for unknown types.

        A column may have an empty name or one that occurs twice: both are legal in PostgreSQL.
        """
        keys = [(result.ftype(place), result.fmod(place)) for place in range(result.nfields)]
        await self._learn(conn, {key for key in keys if key not in self._names})
        return [
            ResultColumn(
                name=(result.fname(place) or b"").decode("utf-8", "replace"),
                type=self._names[key],
                oid=key[0],
            )
            for place, key in enumerate(keys)
        ]

    async def _learn(self, conn: Connection, unknown: set[tuple[int, int]]) -> None:
        if not unknown:
            return
        if len(self._names) + len(unknown) > _CACHE_ENTRIES:
            self._names = {}
        pairs = sorted(unknown)
        cursor = await conn.execute(
            "SELECT oid::text, modifier::text, pg_catalog.format_type(oid, modifier)"
            " FROM unnest(%s::pg_catalog.oid[], %s::pg_catalog.int4[]) AS wanted (oid, modifier)",
            ([oid for oid, _ in pairs], [modifier for _, modifier in pairs]),
        )
        for oid, modifier, name in await cursor.fetchall():
            self._names[int(oid), int(modifier)] = name
