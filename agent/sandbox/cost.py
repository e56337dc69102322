"""What the planner expects a statement to cost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import AsyncConnection


async def estimate(connection: AsyncConnection[Any], sql: str) -> float:
    """The total cost that EXPLAIN gives; it never runs the statement.

    Args:
        sql: the text of a verdict, so that it is one SELECT.

    Raises:
        psycopg.Error: the server would refuse the statement itself too, or its timeout struck.
    """
    # Streamed, because a statement without parameters would go by the simple protocol, which takes several.
    # ``prepare=True`` is no way round that: psycopg ignores it where the connection prepares nothing.
    stream = connection.cursor().stream(f"EXPLAIN (FORMAT JSON) {sql}".encode())
    (row,) = [row async for row in stream]
    plan = next(iter(row.values())) if isinstance(row, dict) else row[0]
    if isinstance(plan, str | bytes):
        plan = json.loads(plan)
    return float(plan[0]["Plan"]["Total Cost"])
