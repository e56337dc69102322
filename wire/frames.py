"""The binary frame that carries a part of a result: a fixed header, then the body as it is.

::

    offset  size  field
    0       2     magic ``CU``
    2       1     frame version, 1
    3       1     body kind: 1 = JSON rows, 2 = CSV, 3 = COPY text
    4       16    statement id
    20      2     attempt
    22      4     sequence, from 0
    26      4     rows in the body
    30      …     body

Integers are big-endian. A JSON body is an array of rows, each an array of PostgreSQL's text values or null:
the agent never interprets a value, so none can be altered there.

Bodies of an export are pieces of what PostgreSQL's ``COPY … TO STDOUT`` writes, in its CSV or its text
format, UTF-8, without a header line. Such a body ends at the end of a row, unless its header counts no row:
then it is a piece of one that is wider than a frame, and the next frame that counts one ends it.
"""

import json
import struct
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from wire.errors import MalformedFrame

_HEADER = struct.Struct(">2sBB16sHII")
_MAGIC = b"CU"
FRAME_VERSION = 1
BodyKind = Literal[1, 2, 3]
KIND_JSON_ROWS: Literal[1] = 1
KIND_CSV: Literal[2] = 2
KIND_TEXT: Literal[3] = 3
HEADER_BYTES = _HEADER.size

TextRow = list[str | None]
"""A row as PostgreSQL prints it: text, or None for NULL."""


@dataclass(frozen=True, slots=True)
class RowsFrame:
    """A batch of rows of one execution."""

    statement_id: str
    """32 hex digits."""
    attempt: int
    sequence: int
    row_count: int
    """Rows that end in the body."""
    body: bytes
    kind: BodyKind = KIND_JSON_ROWS

    def encode(self) -> bytes:
        """The frame's bytes."""
        header = _HEADER.pack(
            _MAGIC,
            FRAME_VERSION,
            self.kind,
            UUID(self.statement_id).bytes,
            self.attempt,
            self.sequence,
            self.row_count,
        )
        return header + self.body

    def rows(self) -> list[TextRow]:
        """The rows of a JSON body.

        Raises:
            MalformedFrame: the body is not an array of ``row_count`` arrays.
        """
        if self.kind != KIND_JSON_ROWS:
            raise MalformedFrame("Rows of an export came where JSON rows were due.")
        try:
            rows = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise MalformedFrame("The body of a rows frame is not JSON.") from error
        if not isinstance(rows, list) or len(rows) != self.row_count:
            raise MalformedFrame("The body of a rows frame does not hold the rows that its header counts.")
        if not all(isinstance(row, list) for row in rows):
            raise MalformedFrame("A row of a rows frame is not an array.")
        return rows


def encode_body(rows: list[TextRow]) -> bytes:
    """The JSON body of these rows, UTF-8."""
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def decode_frame(data: bytes) -> RowsFrame:
    """Read a binary frame.

    Raises:
        MalformedFrame: it is too short, or its magic, version or kind is not ours.
    """
    if len(data) < HEADER_BYTES:
        raise MalformedFrame(
            f"A binary frame needs {HEADER_BYTES} bytes of header; this one has {len(data)}."
        )
    magic, version, kind, statement, attempt, sequence, row_count = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != FRAME_VERSION or kind not in (1, 2, 3):
        raise MalformedFrame("The header of a binary frame is not one that this version writes.")
    return RowsFrame(UUID(bytes=statement).hex, attempt, sequence, row_count, data[HEADER_BYTES:], kind)
