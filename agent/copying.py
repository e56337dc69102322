"""A whole result as ``COPY (…) TO STDOUT`` writes it: by far the quickest way out of PostgreSQL.

``COPY`` puts brackets around the statement, so a text that closed them itself could go on as it likes
(``… TO PROGRAM``). That is shut out without trusting the gate: the same text has been taken before as the
whole of a cursor's query, so it is one SELECT with its brackets in balance; and it goes by the extended
protocol, which takes one statement.
"""

from collections.abc import AsyncGenerator, Callable
from functools import partial
from itertools import islice
from typing import Any, Literal

import psycopg
from psycopg.abc import PQGen
from psycopg.generators import execute, fetch_many
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Wait

from agent.database import Connection
from agent.intake import EXPORT_AT_ONCE_BYTES, BoundedConnection, too_wide
from agent.stopping import give_up

CopyFormat = Literal["csv", "text"]

BODY_BYTES = 128 * 1024
"""Size at which a body is sent."""
_MOST_ROWS = 2_048
"""Rows asked for in one go; libpq has seldom as many."""
_NOTHING_YET = (0, b"")
_ENDED = -1
"""What libpq says instead of a row's length."""
_PREFIX = "COPY (\n"

Piece = tuple[bytes, int]
"""A body and the rows that end in it."""


class Copying:
    """One ``COPY`` on a connection inside a transaction, read to its end or given up.

    Args:
        conn: nothing else uses it meanwhile.
        sql: the statement, which a cursor has been declared for in this transaction.
        max_body: bytes of a body at most; a wider row comes in several.
        max_rows, max_bytes: of all bodies together; ``truncated`` names the one that was met.

    As a context manager: at its end PostgreSQL runs nothing of it any more.
    """

    def __init__(
        self,
        conn: Connection,
        sql: str,
        format: CopyFormat,
        *,
        max_body: int,
        max_rows: int,
        max_bytes: int,
    ) -> None:
        self.truncated: Literal["rows", "bytes"] | None = None
        self._conn = conn
        self._rows_left, self._bytes_left = max_rows, max_bytes
        # A newline before the bracket: the statement may end in a comment.
        self._command = f"{_PREFIX}{sql}\n) TO STDOUT (FORMAT {format}, ENCODING 'UTF8')".encode()
        self._max_body = max_body
        self._open = False

    async def __aenter__(self) -> "Copying":
        if isinstance(self._conn, BoundedConnection):
            self._conn.at_once = EXPORT_AT_ONCE_BYTES
        await self._conn.wait(_start(self._conn.pgconn, self._command))
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._open:
            await self._give_up()

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """The rows in order, each body whole rows or a piece of one.

        Raises:
            psycopg.Error: PostgreSQL could not go on.
            StatementTooWide: a row takes more than ``EXPORT_AT_ONCE_BYTES``.
        """
        target = 1  # the first row goes at once, the others in company
        while self._open:
            rows, size, results = await self._conn.wait(_read(self._conn.pgconn, target, self._look))
            if size > EXPORT_AT_ONCE_BYTES and max(map(len, rows)) > EXPORT_AT_ONCE_BYTES:
                # It may have come in so quickly that nobody could look before it was whole.
                raise too_wide(EXPORT_AT_ONCE_BYTES)
            if len(rows) <= self._rows_left and size <= min(self._bytes_left, self._max_body):
                # All but the last body and those of wide rows: nothing is done row by row.
                self._rows_left -= len(rows)
                self._bytes_left -= size
                if rows:
                    yield b"".join(rows), len(rows)
            else:
                for piece in packed(self._within(rows), self._max_body):
                    yield piece
            if results is not None:
                self._open = False
                _raise_for(results, self._conn)
            if self.truncated is not None:
                return
            target = min(BODY_BYTES, self._max_body)

    def _look(self) -> None:
        if isinstance(self._conn, BoundedConnection):
            self._conn.look()

    def _within(self, rows: list[bytes]) -> list[bytes]:
        """As many of the rows as the caps still allow."""
        size = sum(map(len, rows))
        if len(rows) > self._rows_left:
            rows, self.truncated = rows[: self._rows_left], "rows"
            size = sum(map(len, rows))
        if size > self._bytes_left:
            self.truncated = "bytes"
            left, kept = self._bytes_left, 0
            while len(rows[kept]) <= left:
                left -= len(rows[kept])
                kept += 1
            rows = rows[:kept]
        self._rows_left -= len(rows)
        self._bytes_left -= size
        return rows

    async def _give_up(self) -> None:
        """In the middle of a COPY nothing else can be said."""
        try:
            await give_up(self._conn, self._conn.wait(_drain(self._conn.pgconn, self._look)))
        finally:
            self._open = False


def _start(pgconn: PGconn, command: bytes) -> PQGen[None]:
    pgconn.send_query_params(command, None)
    results = yield from execute(pgconn)
    if results[-1].status != ExecStatus.COPY_OUT:
        raise psycopg.errors.error_from_result(results[-1])


def _read(
    pgconn: PGconn, target: int, look: Callable[[], None]
) -> PQGen[tuple[list[bytes], int, list[PGresult] | None]]:
    """Rows of ``target`` bytes together, or what there is when the next is long in coming; and their size.

    libpq hands out one row a call, a million for a million rows, so they are called for without a line of
    Python in between: that took longer than all else that an export does here.
    """
    rows: list[bytes] = []
    size = 0
    take = partial(pgconn.get_copy_data, 1)
    while size < target:
        taken: list[tuple[int, Any]] = []
        try:
            taken.extend(islice(iter(take, _NOTHING_YET), _MOST_ROWS))
        except psycopg.OperationalError:
            # Asked once more after the end, libpq knows of no COPY.
            if not taken or taken[-1][0] != _ENDED:
                raise
        ended = bool(taken) and taken[-1][0] == _ENDED
        if ended:
            taken.pop()
        if taken:
            lengths, data = zip(*taken, strict=True)
            rows += data
            size += sum(lengths)
        if ended:
            results = yield from fetch_many(pgconn)
            return rows, size, results
        if len(taken) < _MOST_ROWS and size < target:
            while not (yield Wait.R):
                if rows:
                    return rows, size, None
            pgconn.consume_input()
            look()
    return rows, size, None


def _drain(pgconn: PGconn, look: Callable[[], None]) -> PQGen[None]:
    while True:
        *_, results = yield from _read(pgconn, BODY_BYTES, look)
        if results is not None:
            return


def packed(rows: list[bytes], most: int) -> list[Piece]:
    """Rows joined into bodies of at most ``most`` bytes."""
    pieces: list[Piece] = []
    held: list[bytes] = []
    size = 0
    for row in rows:
        if size + len(row) > most:
            if held:
                pieces.append((b"".join(held), len(held)))
                held, size = [], 0
            if len(row) > most:
                cuts = [bytes(row[start : start + most]) for start in range(0, len(row), most)]
                pieces += [(cut, 0) for cut in cuts[:-1]]
                pieces.append((cuts[-1], 1))
                continue
        held.append(row)
        size += len(row)
    if held:
        pieces.append((b"".join(held), len(held)))
    return pieces


def _raise_for(results: list[PGresult], conn: Connection) -> None:
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, encoding=conn.info.encoding)
