"""A whole result for a file: straight out of ``COPY``, or through a cursor where masks are to be checked."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Literal

from agent.batches import TextRow
from agent.copying import CopyFormat, Copying, Piece, packed
from agent.database import Connection
from agent.delivery import Delivery

Groups = Callable[[Connection, int], AsyncGenerator[list[TextRow], None]]
"""The rows of the cursor that is open on the connection, so many at most."""
Truncated = Literal["rows", "bytes"]

_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)
_CSV_MARKS = frozenset(',"\r\n')


async def copy_out(copying: Copying, delivery: Delivery) -> tuple[bool, Truncated | None]:
    """Deliver what ``COPY`` writes; whether it was not stopped, and the cap that cut it."""
    async with copying, contextlib.aclosing(copying.pieces()) as pieces:
        done = await _deliver(pieces, delivery)
    return done, copying.truncated


async def fetch_out(
    groups: AsyncGenerator[list[TextRow], None],
    format: CopyFormat,
    delivery: Delivery,
    *,
    max_body: int,
    max_rows: int,
    max_bytes: int,
) -> tuple[bool, Truncated | None]:
    """Deliver the same bytes with a look at each row: the slow way, for results with masked columns."""
    cut: list[Truncated] = []

    async def pieces() -> AsyncIterator[Piece]:
        write = csv_line if format == "csv" else text_line
        rows_left, bytes_left = max_rows, max_bytes
        async for group in groups:
            delivery.check(group)
            lines: list[bytes] = []
            for row in group:
                line = write(row)
                if not rows_left or len(line) > bytes_left:
                    cut.append("bytes" if rows_left else "rows")
                    break
                lines.append(line)
                rows_left, bytes_left = rows_left - 1, bytes_left - len(line)
            for piece in packed(lines, max_body):
                yield piece
            if cut:
                return

    done = await _deliver(pieces(), delivery)
    return done, cut[0] if cut else None


async def _deliver(pieces: AsyncIterator[Piece], delivery: Delivery) -> bool:
    async for body, rows in pieces:
        if not await delivery.send(body, rows):
            return False
    return True


def csv_line(row: TextRow) -> bytes:
    """A row as ``COPY``'s CSV: NULL is nothing, an empty text is ``""``."""
    alone = len(row) == 1
    cells = ["" if cell is None else _csv_cell(cell, alone) for cell in row]
    return (",".join(cells) + "\n").encode()


def _csv_cell(cell: str, alone: bool) -> str:
    if not cell or not _CSV_MARKS.isdisjoint(cell) or (alone and cell == "\\."):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def text_line(row: TextRow) -> bytes:
    r"""A row as ``COPY``'s text: cells between tabs, NULL is ``\N``."""
    return ("\t".join("\\N" if cell is None else cell.translate(_ESCAPES) for cell in row) + "\n").encode()
