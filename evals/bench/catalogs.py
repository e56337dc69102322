"""What reading a catalog costs: a snapshot of many tables against the plainest list of columns."""

import psycopg

from agent.database import Database
from agent.introspect import introspect
from evals.bench.figure import Figure, measure
from evals.harness import EVAL_POLICY

TABLES = 500
COLUMNS = 12


def prepare(dsn: str) -> None:
    """Make ``TABLES`` tables of ``COLUMNS`` columns."""
    columns = ", ".join(f"column_{place} text" for place in range(1, COLUMNS))
    script = ";".join(
        f"CREATE TABLE bench.wide_{number} (id integer PRIMARY KEY, {columns})" for number in range(TABLES)
    )
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute(script.encode())


async def catalog_figures(dsn: str, *, bursts: int) -> list[Figure]:
    """The whole snapshot against ``information_schema.columns`` alone."""
    async with Database(dsn, size=1) as database, await psycopg.AsyncConnection.connect(dsn) as conn:

        async def snapshot(_: int) -> object:
            return (await introspect(database, EVAL_POLICY)).fingerprint

        async def listed(_: int) -> object:
            query = "SELECT * FROM information_schema.columns WHERE table_schema = 'bench'"
            return await (await conn.execute(query)).fetchall()

        what = f"a snapshot of {TABLES} tables : information_schema.columns alone"
        return [await measure("introspection", what, snapshot, listed, bursts=bursts, burst=2)]
