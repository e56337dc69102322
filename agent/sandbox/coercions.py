"""Casts that PostgreSQL makes by itself, asked of PostgreSQL.

An owner may have put an implicit cast between types that any value may have, ``text`` to ``integer`` say.
When it is made follows from the types of every operand and all overloads of every name, which the gate does
not infer. PostgreSQL does not show it either, neither by EXPLAIN nor in a view; but it prints what it has
parsed to a session that asks, and there each cast is the call that it is. Parsing runs nothing, and plans
nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.errors import Diagnostic

_SHOW = (
    b"SET LOCAL debug_print_parse = on; SET LOCAL debug_pretty_print = off;"
    b" SET LOCAL client_min_messages = log"
)
_HIDE = b"SET LOCAL debug_print_parse = off; SET LOCAL client_min_messages = notice"
_CALL = re.compile(r":funcid\s+(\d+)")


async def functions_called(connection: AsyncConnection[Any], sql: str) -> frozenset[int] | None:
    """The numbers of the functions that a statement calls, casts that are nowhere written included.

    Operators are not among them. None where the server does not show what it has parsed. The text, literals
    and all, goes to the server's log as well.

    Args:
        connection: inside the transaction that will run the statement, so that the names mean the same.
        sql: the text of a verdict.

    Raises:
        psycopg.Error: the server would refuse the statement itself too.
    """
    from psycopg.errors import error_from_result
    from psycopg.generators import execute
    from psycopg.pq import ExecStatus

    shown: list[str] = []

    def listen(message: Diagnostic) -> None:
        shown.append(message.message_detail or "")

    connection.add_notice_handler(listen)
    try:
        await connection.execute(_SHOW)
        # Not ``connection.execute``: that would also plan, and planning calls what is called immutable.
        connection.pgconn.send_prepare(b"", sql.encode())
        (result,) = await connection.wait(execute(connection.pgconn))
        if result.status != ExecStatus.COMMAND_OK:
            raise error_from_result(result)
        await connection.execute(_HIDE)
    finally:
        connection.remove_notice_handler(listen)
    trees = [text for text in shown if text.lstrip().startswith(("{QUERY", "({QUERY"))]
    if not trees:
        return None
    return frozenset(int(number) for text in trees for number in _CALL.findall(text))
