"""What the planner expects of a statement: what it costs, and how much it holds of all its rows at once.

A value that an aggregate makes of every row is built in one step, and is a gigabyte at most; but the rows
that it is built of are held without a bound, and without files: PostgreSQL has no limit of memory for them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.sandbox.sizes import GATHERING

if TYPE_CHECKING:
    from psycopg import AsyncConnection

OVERHEAD = 32
"""Bytes that a gathered value takes beside its own."""
MAX_GATHERED = 1024**3
"""Bytes, by the planner's guess of the rows: no value that holds them all can be made of more."""
MAX_COMPARED = 20_000
"""Gathered parts of which each is compared with each, by the same guess: 400 million pairs, in one step."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The planner's guess."""

    cost: float
    rows: float
    """Most rows of one group that anything in the plan puts together."""
    bytes: float
    """Most bytes of such rows, each taken to be at least ``wide``."""


_GATHERS = re.compile(
    rf"\b({'|'.join(sorted(GATHERING))}|json_arrayagg|json_objectagg)\((?!DISTINCT )", re.IGNORECASE
)
"""An aggregate that holds every row, as EXPLAIN prints it."""


async def estimate(
    connection: AsyncConnection[Any], sql: str, wide: int = 0, *, arrays: bool = False
) -> Estimate:
    """What EXPLAIN tells; it never runs the statement.

    Args:
        sql: the text of a verdict, so that it is one SELECT.
        wide: characters that a row's own calls build; 0 where nothing is gathered.
        arrays: arrays are made of subqueries.

    Raises:
        psycopg.Error: the server would refuse the statement itself too, or its timeout struck.
    """
    # Streamed, because a statement without parameters would go by the simple protocol, which takes several.
    # ``prepare=True`` is no way round that: psycopg ignores it where the connection prepares nothing.
    how = "VERBOSE, FORMAT JSON" if wide else "FORMAT JSON"
    stream = connection.cursor().stream(f"EXPLAIN ({how}) {sql}".encode())
    (row,) = [row async for row in stream]
    found = next(iter(row.values())) if isinstance(row, dict) else row[0]
    if isinstance(found, str | bytes):
        found = json.loads(found)
    plan = found[0]["Plan"]
    held = list(_held(plan, arrays)) if wide else []
    return Estimate(
        float(plan["Total Cost"]),
        max((rows for rows, _ in held), default=0.0),
        max((rows * (max(width, wide) + OVERHEAD) for rows, width in held), default=0.0),
    )


def _held(plan: dict[str, Any], arrays: bool) -> Iterator[tuple[float, float]]:
    """Rows of a group, and a row's width, of whatever in the plan gathers: an aggregate, also over a window,
    and a subquery of its own, where arrays are made of some. What only counts or sums holds no rows."""
    below = plan.get("Plans", [])
    for inner in below:
        yield from _held(inner, arrays)
    shown = [*plan.get("Output", ()), plan.get("Filter", "")]
    if plan["Node Type"] in ("Aggregate", "WindowAgg") and any(map(_GATHERS.search, shown)):
        groups = max(1.0, float(plan["Plan Rows"])) if plan["Node Type"] == "Aggregate" else 1.0
        for inner in below:
            if inner.get("Parent Relationship") == "Outer":
                yield float(inner["Plan Rows"]) / groups, float(inner["Plan Width"])
    elif arrays and plan.get("Parent Relationship") in ("InitPlan", "SubPlan"):
        yield float(plan["Plan Rows"]), float(plan["Plan Width"])
