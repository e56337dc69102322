"""Rows of our own catalog queries, through any connection."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import AsyncConnection


async def fetch(connection: AsyncConnection[Any], query: str) -> list[list[Any]]:
    """The rows of a query of ours, each column under a name of its own.

    They travel as one JSON text, so that the connection's row factory and loaders, whatever they are, do not
    matter: statements' connections hand every value over as text.

    Raises:
        psycopg.Error: the server refused or went away.
    """
    wrapped = f"select coalesce(json_agg(t), '[]'::json)::text from ({query}) as t"  # noqa: S608 (ours)
    cursor = await connection.execute(wrapped.encode())
    row = await cursor.fetchone()
    assert row is not None
    text = next(iter(row.values())) if isinstance(row, dict) else row[0]
    found: list[list[Any]] = json.loads(text, object_pairs_hook=_values)
    return found


def _values(pairs: list[tuple[str, Any]]) -> list[Any]:
    return [value for _, value in pairs]
