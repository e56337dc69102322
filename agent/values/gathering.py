"""Reads the values of text columns, as statements through the sandbox and so under the owner's policy.

Nothing here goes past the gate: a denied column is refused, a masked one shows masks (and is not asked for),
rows outside a filter do not exist. What it may cost is bounded four times: by rows looked at, by the
planner's estimate, by seconds of a statement and by seconds of all of them.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from agent.database import Connection, Database
from agent.introspect import read_catalog
from agent.inward import inward_sandbox
from agent.request import Request
from agent.sandbox.cost import estimate
from agent.sandbox.verdict import Verdict
from agent.sandbox.wrapping import literal, quote
from agent.stop import Stop
from agent.terms import Gate
from agent.values.index import ColumnValues, Index, Place
from wire.outcome import Failed, ResultColumn
from wire.policy import Limits, PolicyStack
from wire.snapshot import SchemaSnapshot
from wire.values import MAX_VALUE_CHARACTERS

SMALL_ROWS = 200_000
"""Rows up to which a table is read whole; of a larger one a sample is taken."""
SAMPLE_ROWS = 50_000
MAX_COST = 250_000.0
"""Of the planner. Reading a small table costs a tenth of it; a view that joins large ones costs more."""
STATEMENT_SECONDS = 3.0
BUILD_SECONDS = 60.0
"""Of all statements of one build together."""
MAX_COLUMNS = 500
MAX_VALUES_A_COLUMN = 5_000
MAX_VALUES = 50_000
MAX_CHARACTERS = 4 * 1024 * 1024
HELD_SECONDS = 0.3
"""At most, for a look whether a small table holds a value: a question waits for it."""

_ROWS = f"SELECT count(*) FROM (SELECT 1 FROM {{table}} LIMIT {SMALL_ROWS + 1}) AS looked_at"  # noqa: S608 (quoted names)
_VALUES = (
    "SELECT DISTINCT v FROM (SELECT {column}::text AS v FROM {table}{sample} LIMIT {rows}) AS looked_at"  # noqa: S608 (quoted names)
    f" WHERE length(v) BETWEEN 1 AND {MAX_VALUE_CHARACTERS} LIMIT {MAX_VALUES_A_COLUMN + 1}"
)
_HELD = "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {column} = {text} LIMIT 1) AS looked_at"


class GaveUp(Exception):
    """The database is away, or the index is no longer wanted. Internal: the keeper tries again later."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of texts that may be read."""

    place: Place
    source: str
    """Its table, as SQL names it."""
    estimate: int
    """Rows of the table as the planner thinks; below 0 when it does not know."""
    stored: bool
    """A table or materialized view, of which a sample can be taken."""


@dataclass
class _Cells:
    """A sink that keeps the first column."""

    values: list[str] = field(default_factory=list)

    async def columns(self, columns: list[ResultColumn]) -> None: ...

    async def rows(self, body: bytes, row_count: int) -> None:
        self.values.extend(row[0] for row in json.loads(body) if row[0] is not None)


class Reader:
    """The index's own way to the database: the gate that statements pass, and bounds of its own.

    Args:
        objection: as ``Sandbox`` has it.
        search_path: the gate's.
    """

    def __init__(
        self,
        database: Database,
        policy: PolicyStack,
        gate: Gate,
        search_path: Sequence[str],
        objection: Callable[[], Failed | None],
    ) -> None:
        own = Limits(
            statement_seconds=STATEMENT_SECONDS,
            lock_seconds=0.2,
            rows=MAX_VALUES_A_COLUMN + 1,
            bytes=4 * 1024 * 1024,
            cost=MAX_COST,
        )
        self._most = policy.limits.tighten(own).cost or MAX_COST
        self._stops: set[Stop] = set()
        self._closed = False
        self._sandbox = inward_sandbox(
            database,
            policy,
            gate,
            limits=own,
            concurrent=2,  # so that a question's look does not wait for the index to be built
            search_path=search_path,
            cost_verdict=self._too_costly,
            objection=objection,
        )

    async def values(self, sql: str, seconds: float | None = None) -> tuple[list[str], bool] | Failed:
        """The first column's values, and whether they are all."""
        cells, stop = _Cells(), Stop()
        if self._closed:
            stop.throw("policy")
        self._stops.add(stop)
        try:
            outcome = await self._sandbox.execute(
                Request(sql, run_id="values", timeout_seconds=seconds), cells, stop
            )
        finally:
            self._stops.discard(stop)
        if isinstance(outcome, Failed):
            return outcome
        return cells.values, outcome.truncated is None

    @property
    def closed(self) -> bool:
        """Whether nothing more is to be read, and what was read is not wanted any more."""
        return self._closed

    def close(self) -> None:
        """Stop what is being read; nothing more will be."""
        self._closed = True
        for stop in self._stops:
            stop.throw("policy")

    async def held(self, column: TextColumn, text: str, seconds: float = HELD_SECONDS) -> bool | None:
        """Whether a small table holds a text in this column now; None when that cannot be told in time."""
        sql = _HELD.format(table=column.source, column=quote(column.place.column), text=literal(text))
        read = await self.values(sql, seconds)
        return None if isinstance(read, Failed) else read[0] != ["0"]

    async def _too_costly(self, connection: Connection, judged: Verdict) -> Failed | None:
        if (await estimate(connection, judged.sql)).cost <= self._most:
            return None
        return Failed(code="policy", layer="cost", message="Reading these values would cost too much.")


async def text_columns(database: Database, snapshot: SchemaSnapshot) -> list[TextColumn]:
    """The text columns that the snapshot shows unmasked, those of small tables first.

    Raises:
        DatabaseUnavailable, IntrospectionFailed: the catalog cannot be read.
    """
    tables = {table.qualified_name: table for table in snapshot.listed if table.kind != "foreign_table"}
    found = []
    for schema_name, name, column, kind, rows in await read_catalog(database, "texts"):
        table = tables.get(f"{schema_name}.{name}")
        shown = table.column(column) if table is not None else None
        if shown is None or shown.masked:
            continue
        found.append(
            TextColumn(
                Place(f"{schema_name}.{name}", column),
                f"{quote(schema_name)}.{quote(name)}",
                -1 if kind == "v" else int(rows if rows is not None else -1),
                kind != "v",
            )
        )
    # What has no estimate may be anything; views, which cost the most for the least, come last.
    found.sort(key=lambda one: (not one.stored, one.estimate < 0, one.estimate))
    return found[:MAX_COLUMNS]


async def gather(
    reader: Reader,
    columns: Sequence[TextColumn],
    index: Index,
    pause: Callable[[float], Awaitable[None]],
) -> None:
    """Read every column anew, one after another; each is in the index as soon as it is read.

    Args:
        pause: waits between two statements; given how long the last one took, seconds.

    Raises:
        GaveUp: the database is away, or the reader was closed.
    """
    counted: dict[str, bool | None] = {}
    spent = 0.0
    for column in columns:
        if spent > BUILD_SECONDS:
            return
        started = time.monotonic()
        table = column.place.table
        if table not in counted:
            counted[table] = await _is_small(reader, column)
        small = counted[table]
        if small is not None:
            await _read(reader, column, index, small=small)
        took = time.monotonic() - started
        spent += took
        await pause(took)


async def _is_small(reader: Reader, column: TextColumn) -> bool | None:
    """Whether the table can be read whole; None when it should not be read at all."""
    if column.estimate > SMALL_ROWS:
        return False
    counted = await reader.values(_ROWS.format(table=column.source))
    if isinstance(counted, Failed):
        _heed(counted)
        return None
    return int(counted[0][0]) <= SMALL_ROWS


async def _read(reader: Reader, column: TextColumn, index: Index, *, small: bool) -> None:
    sample, rows = "", SMALL_ROWS
    if not small:
        rows = SAMPLE_ROWS
        if column.stored and column.estimate > SAMPLE_ROWS:
            sample = f" TABLESAMPLE SYSTEM ({100 * SAMPLE_ROWS / column.estimate:.6f})"
    text = _VALUES.format(column=quote(column.place.column), table=column.source, sample=sample, rows=rows)
    read = await reader.values(text)
    if isinstance(read, Failed):
        _heed(read)
        return
    values, all_of_them = read
    known = index.columns.get(column.place)
    others = index.count - (len(known.values) if known else 0)
    room = max(0, min(MAX_VALUES_A_COLUMN, MAX_VALUES - others))
    size = index.size - (known.size if known else 0) + sum(map(len, values))
    if not room or size > MAX_CHARACTERS:
        return
    whole = small and all_of_them and len(values) <= room
    # In a thread: taking thousands of values apart would hold up what the socket brings.
    taken = await asyncio.to_thread(ColumnValues, column.place, values[:room], whole=whole, small=small)
    if reader.closed:
        raise GaveUp
    index.put(taken)


def _heed(failed: Failed) -> None:
    if failed.code in ("database_unavailable", "cancelled", "agent_lost") or (
        failed.code == "policy" and failed.retryable
    ):
        raise GaveUp
