"""What reading a catalog costs: a snapshot of many tables, and the look that tells that it still holds."""

import psycopg

from agent.database import Database
from agent.introspect import catalog_state, introspect
from evals.bench.figure import Figure, figure_of, measure
from evals.harness import EVAL_POLICY
from wire.messages import Introspect, Snapshot, Unchanged
from wire.packing import pack

TABLES = 500
COLUMNS = 12
MANY = 10_000
"""Tables, of which the goals speak."""


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
        whole, seen = tables >= MANY, f"a snapshot of {many} : {base}"
        taken = await measure("introspection", seen, snapshot, listed, bursts=bursts, burst=2)
        found = f"{many} found unchanged : {base}"
        same = await measure("unchanged", found, looked, listed, bursts=bursts, burst=2)
        return [
            taken.aiming(median=700 if whole else None),
            same.aiming(median=250 if whole else None),
            *await _told(database, many, whole=whole),
        ]


async def _told(database: Database, many: str, *, whole: bool) -> list[Figure]:
    """What travels: of the first snapshot, and when nothing has changed."""
    taken = await introspect(database, EVAL_POLICY)
    text = Snapshot(request_id="r", snapshot=taken).model_dump_json(exclude_defaults=True)
    frame = len(pack("r", text).model_dump_json())
    asked = Introspect(request_id="r", known=taken.fingerprint).model_dump_json()
    same = Unchanged(request_id="r", fingerprint=taken.fingerprint).model_dump_json()
    first = figure_of(
        "snapshot_frame",
        f"the snapshot of {many} as it travels : as JSON",
        [frame],
        [len(text)],
        unit="KiB",
        scale=1 / 1024,
    )
    again = figure_of(
        "unchanged_frames",
        f"question and answer where {many} are unchanged : the first snapshot's frame",
        [len(asked) + len(same)],
        [frame],
        unit="KiB",
        scale=1 / 1024,
    )
    return [first.aiming(median=300 if whole else None), again.aiming(median=1)]
