"""The cursor that a statement is declared as, and its rows, a few at a time.

``DECLARE`` goes by the extended protocol, so it can hold only one statement, and PostgreSQL takes only a
SELECT or VALUES there. It goes in one flight with what describes the columns and with the first ``FETCH``
(libpq's pipeline), so that a small statement costs one round trip.
"""

import contextlib
from collections.abc import AsyncGenerator
from types import TracebackType

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import Transformer
from psycopg.generators import fetch, fetch_many, send
from psycopg.pq import ExecStatus, Format, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from agent.batches import TextRow
from agent.database import Connection
from agent.intake import AT_ONCE_BYTES, BoundedConnection
from agent.stop import Stop, StoppedEarly
from agent.stopping import give_up

CURSOR = "custard"
DECLARE_PREFIX = f'DECLARE "{CURSOR}" CURSOR FOR '
"""What stands before the statement; PostgreSQL counts error positions from its start."""

FIRST_FETCH_ROWS = 64
"""Rows of the first FETCH: small, so that the first rows are seen soon and their width is learned."""
FETCH_BYTES = 256 * 1024
"""Bytes that one FETCH aims at after that."""
FETCH_ROWS = 2_000
"""Rows of one FETCH at most."""
CHUNK_ROWS = 32
"""Rows that libpq holds at once at most; fewer when they are wide."""
FIRST_CHUNK_ROWS = 4
"""The same while their width is not known: rows as wide as a frame still pass ``agent.intake``'s bound."""
GROUP_BYTES = 64 * 1024
"""Characters of cells that are turned into values before they are packed."""


class Cursor:
    """One statement as a cursor, on a connection inside a transaction that nothing else uses meanwhile.

    As a context manager: declared inside, and at its end PostgreSQL runs nothing of it any more. What is left
    of it goes with the transaction.

    Args:
        most: rows that will be asked for; 0 when only the columns are wanted.
    """

    described: PGresult
    """What describes the columns."""

    def __init__(self, conn: Connection, sql: str, most: int) -> None:
        self.conn = conn
        self._declare = (DECLARE_PREFIX + sql).encode()
        self._most = most
        self._wanted = min(FIRST_FETCH_ROWS, most)
        """Rows of the FETCH that is under way; 0 when none is."""
        self._held: list[TextRow] = []
        self._reader = Transformer(conn)
        self._readable = False

    async def __aenter__(self) -> "Cursor":
        if self._most and isinstance(self.conn, BoundedConnection):
            self.conn.at_once = AT_ONCE_BYTES
        try:
            self.described = await self.conn.wait(_open(self.conn.pgconn, self._declare, self._wanted))
        except BaseException:
            await self._give_up()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._give_up()

    async def pause(self, bytes: int) -> None:
        """Take in the rows that are under way, so that the connection can be asked something else.

        Beyond so many ``bytes`` they are let go of: nobody may want more of them.
        """
        size = 0
        while self._wanted and (rows := await self._next()) is not None:
            if size <= bytes:
                self._held += rows
                size += sum(len(cell) for row in rows for cell in row if cell)

    async def groups(self, stop: Stop) -> AsyncGenerator[list[TextRow], None]:
        """The rows, a few at a time.

        libpq hands over a few rows at a time while a FETCH still runs, so that neither one wide row nor the
        jump from narrow rows to wide ones makes the agent hold more than ``CHUNK_ROWS`` of them.

        Raises:
            StoppedEarly: stopped between two fetches.
            psycopg.Error: PostgreSQL could not go on, or was stopped.
        """
        wanted, chunk, seen, width = min(FIRST_FETCH_ROWS, self._most), FIRST_CHUNK_ROWS, 0, 1
        while seen < self._most:
            if stop.reason is not None:
                # A cancel that found nothing running has no error to show for it.
                raise StoppedEarly
            if seen:
                await self.conn.wait(_fetch(self.conn.pgconn, wanted, chunk))
                self._wanted = wanted
            got, group, held, widest = 0, list[TextRow](), 0, 1
            while rows := await self._rows():
                for row in rows:
                    group.append(row)
                    got += 1
                    if got % 4 == 1:  # a sample: measuring every row costs half as much again as reading it
                        size = sum(map(len, filter(None, row)))
                        widest = max(widest, size)
                        held += 4 * size
                if len(group) >= CHUNK_ROWS or held >= GROUP_BYTES:
                    yield group
                    group, held = [], 0
            if group:
                yield group
            seen += got
            if got < wanted:
                return
            width = max(width // 2, widest)
            wanted = min(max(1, min(FETCH_ROWS, FETCH_BYTES // width)), self._most - seen)
            chunk = max(1, min(CHUNK_ROWS, FETCH_BYTES // width))

    async def _rows(self) -> list[TextRow] | None:
        """The next rows of the FETCH that is under way; None at its end."""
        if self._held:
            rows, self._held = self._held[:CHUNK_ROWS], self._held[CHUNK_ROWS:]
            return rows
        return await self._next() if self._wanted else None

    async def _next(self) -> list[TextRow] | None:
        result = await self.conn.wait(_next(self.conn.pgconn))
        if result is None:
            self._wanted = 0
            return None
        self._reader.set_pgresult(result, set_loaders=not self._readable, format=Format.TEXT)
        self._readable = True
        return self._reader.load_rows(0, result.ntuples, tuple)

    async def _give_up(self) -> None:
        pgconn = self.conn.pgconn
        if self.conn.closed:
            return
        if pgconn.transaction_status == TransactionStatus.ACTIVE or pgconn.pipeline_status:
            await give_up(self.conn, _drained(self.conn))
            if pgconn.transaction_status == TransactionStatus.ACTIVE or pgconn.pipeline_status:
                pgconn.finish()


def _open(pgconn: PGconn, declare: bytes, first: int) -> PQGen[PGresult]:
    """Declare the cursor, and ask for its first rows along with it; what describes its columns."""
    pgconn.enter_pipeline_mode()
    pgconn.send_query_params(declare, None)
    pgconn.send_describe_portal(CURSOR.encode())
    if first:
        pgconn.send_query_params(_fetching(first), None)
    pgconn.pipeline_sync()
    yield from send(pgconn)
    yield from _accepted(pgconn)
    described = yield from _accepted(pgconn)
    if first:
        pgconn.set_chunked_rows_mode(FIRST_CHUNK_ROWS)
    else:
        yield from _next(pgconn)
    return described


def _accepted(pgconn: PGconn) -> PQGen[PGresult]:
    """What came of the pipeline's next command; an error ends the pipeline."""
    results: list[PGresult] = yield from fetch_many(pgconn)
    if results and results[-1].status == ExecStatus.COMMAND_OK:
        return results[-1]
    with contextlib.suppress(psycopg.Error):  # what counts is the first
        while (yield from _next(pgconn)) is not None:
            pass
    if not results:
        raise psycopg.OperationalError("the connection was lost")
    raise psycopg.errors.error_from_result(results[-1])


def _fetch(pgconn: PGconn, rows: int, chunk: int) -> PQGen[None]:
    pgconn.send_query_params(_fetching(rows), None)
    pgconn.set_chunked_rows_mode(chunk)
    yield from send(pgconn)


def _fetching(rows: int) -> bytes:
    return f'FETCH FORWARD {rows} FROM "{CURSOR}"'.encode()


def _next(pgconn: PGconn) -> PQGen[PGresult | None]:
    """The next rows of what is under way; None at its end, and then nothing is under way any more."""
    result: PGresult | None = yield from fetch(pgconn)
    if result is not None and result.status == ExecStatus.TUPLES_CHUNK:
        return result
    failed = None
    while result is not None and result.status != ExecStatus.PIPELINE_SYNC:
        if result.status == ExecStatus.FATAL_ERROR:
            failed = result
        result = yield from fetch(pgconn)
        if result is None and pgconn.pipeline_status != PipelineStatus.OFF:
            result = yield from fetch(pgconn)
    if pgconn.pipeline_status != PipelineStatus.OFF:
        pgconn.exit_pipeline_mode()
    if failed is not None:
        raise psycopg.errors.error_from_result(failed)
    return None


async def _drained(conn: Connection) -> None:
    while await conn.wait(_next(conn.pgconn)) is not None:
        pass
