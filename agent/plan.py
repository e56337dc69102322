"""A statement's plan: its figures, and its shape without any name."""

import contextlib
import json
from collections.abc import AsyncGenerator
from typing import cast

from agent.batches import TextRow
from agent.database import Connection
from agent.request import Planned


async def planned(conn: Connection, sql: str) -> Planned:
    """The plan's cost, rows and shape."""
    plan = json.loads(await explain_json(conn, sql))[0]["Plan"]
    return Planned(float(plan["Total Cost"]), float(plan["Plan Rows"]), "\n".join(_shape(plan, 0)))


async def explain_json(conn: Connection, sql: str) -> str:
    """The plan of ``sql`` as PostgreSQL's JSON text; by the extended protocol, so of one statement only."""
    rows = conn.cursor().stream(b"EXPLAIN (FORMAT JSON) " + sql.encode())
    async with contextlib.aclosing(cast(AsyncGenerator[TextRow, None], rows)) as stream:
        return "".join([str(row[0]) async for row in stream])


def _shape(plan: dict[str, object], depth: int) -> list[str]:
    """The plan's nodes, indented. No names and no conditions: a view's plan names what the policy hides."""
    line = f"{'  ' * depth}{plan['Node Type']}  (cost={plan['Total Cost']} rows={plan['Plan Rows']})"
    below = plan.get("Plans")
    lines = [line]
    if isinstance(below, list):
        for child in below:
            lines.extend(_shape(child, depth + 1))
    return lines
