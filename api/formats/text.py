"""JSON and CSV, and the text format of ``COPY`` read back into rows."""

import re

import orjson

from api.cells import cells, converters
from api.formats import Told, Writer
from wire.errors import MalformedFrame
from wire.frames import TextRow
from wire.outcome import ResultColumn

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so may be taken for a formula by a spreadsheet."""
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
)
_MEANT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class JsonWriter(Writer):
    """A ``ResultDocument``."""

    tells_cut = True

    def begin(self, columns: list[ResultColumn]) -> bytes:
        self._how = converters(columns)
        self._first = True
        return b'{"columns":' + orjson.dumps([column.model_dump() for column in columns]) + b',"rows":['

    def add(self, body: bytes) -> bytes:
        rows = copied_rows(body, len(self._how))
        if not rows:
            return b""
        inner = orjson.dumps([cells(row, self._how) for row in rows])[1:-1]
        joint, self._first = (b"" if self._first else b","), False
        return joint + inner

    def end(self, told: Told) -> bytes:
        rest = {"row_count": told.rows, "truncated": told.truncated}
        return b"]," + orjson.dumps(rest)[1:]


class CsvWriter(Writer):
    """RFC 4180 with a header, in PostgreSQL's own text, lines ended by LF; NULL is empty, the empty text
    ``""``."""

    takes = "csv"
    verbatim = True

    def begin(self, columns: list[ResultColumn]) -> bytes:
        return (",".join(quoted(column.name) for column in columns) + "\n").encode()

    def add(self, body: bytes) -> bytes:
        return body

    def end(self, told: Told) -> bytes:
        return b""


class SafeCsvWriter(Writer):
    """As ``CsvWriter``, and no cell acts as a formula in a spreadsheet."""

    def begin(self, columns: list[ResultColumn]) -> bytes:
        self._width = len(columns)
        return (",".join(quoted(neutral(column.name)) for column in columns) + "\n").encode()

    def add(self, body: bytes) -> bytes:
        rows = copied_rows(body, self._width)
        return csv_lines([[None if cell is None else neutral(cell) for cell in row] for row in rows])

    def end(self, told: Told) -> bytes:
        return b""


def csv_lines(rows: list[TextRow]) -> bytes:
    """Rows as ``COPY`` writes them in CSV."""
    return "".join(
        ",".join("" if cell is None else quoted(cell) for cell in row) + "\n" for row in rows
    ).encode()


def text_lines(rows: list[TextRow]) -> bytes:
    """Rows as ``COPY`` writes them in text."""
    return "".join(
        "\t".join("\\N" if cell is None else cell.translate(_ESCAPES) for cell in row) + "\n" for row in rows
    ).encode()


def quoted(cell: str) -> str:
    """A cell that is not NULL."""
    if cell == "" or any(mark in cell for mark in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def neutral(cell: str) -> str:
    """A cell that a spreadsheet takes for text, or for the number that it is."""
    if not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell


def copied_rows(body: bytes, width: int) -> list[TextRow]:
    """The rows of a body in ``COPY``'s text format, each of ``width`` cells.

    Raises:
        MalformedFrame: it is not that.
    """
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError as error:
        raise MalformedFrame("A body of an export is not UTF-8.") from error
    if lines.pop():
        raise MalformedFrame("A body of an export ends in the middle of a row.")
    if width == 0:
        return [[] for _ in lines]
    rows: list[TextRow] = []
    for line in lines:
        parts = line.split("\t")
        if len(parts) != width:
            raise MalformedFrame("A row has another number of cells than there are columns.")
        rows.append([_plain(part) for part in parts] if "\\" in line else list[str | None](parts))
    return rows


def _plain(part: str) -> str | None:
    if part == "\\N":
        return None
    return _ESCAPE.sub(lambda found: _MEANT.get(found[1], found[1]), part) if "\\" in part else part
