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
    # Prepared, because a statement without parameters would go by the simple protocol, which takes several.
    cursor = await connection.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode(), prepare=True)
    row = await cursor.fetchone()
    assert row is not None
    plan = next(iter(row.values())) if isinstance(row, dict) else row[0]
    if isinstance(plan, str | bytes):
        plan = json.loads(plan)
    return float(plan[0]["Plan"]["Total Cost"])
