"""PostgreSQL's text to a JSON cell, by type; whatever JSON would alter stays text (``wire.outcome.Cell``)."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from math import isfinite

from wire.frames import TextRow
from wire.outcome import Cell, ResultColumn

SAFE_INTEGER = 2**53
"""Beyond it a browser's numbers are no longer exact."""

_WHOLE = re.compile(r"-?[0-9]{1,19}")


def converters(columns: Sequence[ResultColumn]) -> list[Callable[[str], Cell]]:
    """What turns each column's text into a cell."""
    return [_BY_OID.get(column.oid, _text) for column in columns]


def cells(row: TextRow, how: Sequence[Callable[[str], Cell]]) -> list[Cell]:
    """A row of cells; NULL is None whatever the type."""
    return [None if text is None else convert(text) for text, convert in zip(row, how, strict=True)]


def _text(text: str) -> Cell:
    return text


def _boolean(text: str) -> Cell:
    return {"t": True, "f": False}.get(text, text)


def _integer(text: str) -> Cell:
    # A masked or broken value may be no number at all: it is shown as it came.
    if not _WHOLE.fullmatch(text):
        return text
    number = int(text)
    return number if abs(number) <= SAFE_INTEGER else text


def _float(text: str) -> Cell:
    try:
        number = float(text)
    except ValueError:
        return text
    return number if isfinite(number) else text


def _numeric(text: str) -> Cell:
    if "." not in text:
        return _integer(text)
    if len(text) > 24:
        return text
    try:
        number = float(text)
        exact = isfinite(number) and Decimal(repr(number)) == Decimal(text)
    except (ValueError, InvalidOperation):
        return text
    return number if exact else text


_BY_OID: dict[int, Callable[[str], Cell]] = {
    16: _boolean,
    20: _integer,
    21: _integer,
    23: _integer,
    26: _integer,
    700: _float,
    701: _float,
    1700: _numeric,
}
"""OIDs of ``pg_type`` that never change: bool, int8, int2, int4, oid, float4, float8, numeric."""
