"""What reading a catalog costs: a snapshot of many tables, and the look that tells that it still holds."""

import psycopg

from agent.database import Database
from agent.introspect import catalog_state, introspect
from evals.bench.figure import Figure, measure
from evals.harness import EVAL_POLICY
from wire.messages import Snapshot
from wire.packing import pack

TABLES = 500
COLUMNS = 12


def prepare(dsn: str, tables: int = TABLES) -> None:
    """Make so many tables of ``COLUMNS`` columns."""
    columns = ", ".join(f"column_{place} text" for place in range(1, COLUMNS))
    with psycopg.connect(dsn, autocommit=True) as conn:
        for first in range(0, tables, 500):
            script = ";".join(
                f"CREATE TABLE bench.wide_{number} (id integer PRIMARY KEY, {columns})"
                for number in range(first, min(first + 500, tables))
            )
            conn.execute(script.encode())


async def catalog_figures(dsn: str, *, bursts: int, tables: int = TABLES) -> list[Figure]:
    """The whole snapshot, and the look for changes, against ``information_schema.columns`` alone."""
    async with Database(dsn, size=1) as database, await psycopg.AsyncConnection.connect(dsn) as conn:

        async def snapshot(_: int) -> object:
            return (await introspect(database, EVAL_POLICY)).fingerprint

        async def looked(_: int) -> object:
            return await catalog_state(database)

        async def listed(_: int) -> object:
            query = "SELECT * FROM information_schema.columns WHERE table_schema = 'bench'"
            return await (await conn.execute(query)).fetchall()

        base = "information_schema.columns alone"
        many = f"{tables:,} tables"
        return [
            await measure(
                "introspection", f"a snapshot of {many} : {base}", snapshot, listed, bursts=bursts, burst=2
            ),
            await measure(
                "unchanged", f"{many} found unchanged : {base}", looked, listed, bursts=bursts, burst=2
            ),
        ]


async def snapshot_bytes(dsn: str) -> int:
    """Of the first snapshot's frame as it travels."""
    async with Database(dsn, size=1) as database:
        taken = await introspect(database, EVAL_POLICY)
    text = Snapshot(request_id="r", snapshot=taken).model_dump_json(exclude_defaults=True)
    return len(pack("r", text).model_dump_json())
