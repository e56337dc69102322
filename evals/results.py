"""Whether two result sets say the same.

Rows are compared as sets: without order, without duplicates. Columns may stand in any order and have any
name. Numbers are equal within ``TOLERANCE``; a date equals the same day's midnight; text must be equal.
"""

import datetime as dt
import math
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, Literal

Match = Literal["exact", "subset", "none"]

TOLERANCE = 1e-5
"""Relative difference up to which two numbers are the same: sums of floats vary with the order of rows."""

_DIGITS = 5
_MAX_TRIES = 20_000
"""Ways of laying columns over columns that are tried before two results count as different."""

_MAX_PAIRING = 400
"""Rows up to which nearly equal ones are searched for one by one."""

Row = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class ResultSet:
    """What a query returned, values as the driver gives them."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def compare(accepted: ResultSet, predicted: ResultSet) -> Match:
    """``exact``: the same columns and rows. ``subset``: the accepted ones and further columns beside them."""
    wanted, given = len(accepted.columns), len(predicted.columns)
    if given < wanted or (not accepted.rows) != (not predicted.rows):
        return "none"
    if not accepted.rows:
        # Two empty results agree in every row they have; only the number of columns can tell them apart.
        return "exact" if given == wanted else "subset"
    if _layout(accepted, predicted):
        return "exact" if given == wanted else "subset"
    return "none"


def _layout(accepted: ResultSet, predicted: ResultSet) -> bool:
    """Whether some choice of the predicted columns, in some order, holds exactly the accepted rows."""
    accepted_rows = [tuple(_plain(value) for value in row) for row in accepted.rows]
    predicted_rows = [tuple(_plain(value) for value in row) for row in predicted.rows]
    target = set(accepted_rows)
    left = [frozenset(row[place] for row in accepted_rows) for place in range(len(accepted.columns))]
    right = [frozenset(row[place] for row in predicted_rows) for place in range(len(predicted.columns))]
    fits = [[place for place, seen in enumerate(right) if _alike(wanted, seen)] for wanted in left]
    for layout in islice(_layouts(fits), _MAX_TRIES):
        projected = {tuple(row[place] for place in layout) for row in predicted_rows}
        if projected == target or _close(projected, target):
            return True
    return False


def _layouts(fits: Sequence[Sequence[int]], taken: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    if len(taken) == len(fits):
        yield taken
        return
    for place in fits[len(taken)]:
        if place not in taken:
            yield from _layouts(fits, (*taken, place))


def _plain(value: Any) -> Hashable:
    """A value in the one form in which it is compared."""
    match value:
        case bool():
            return ("boolean", value)  # Python holds True for 1
        case None | str():
            return value
        case int():
            return float(value) if abs(value) < 2**53 else value
        case float():
            return "NaN" if math.isnan(value) else value
        case Decimal():
            if not value.is_finite():
                return str(value)
            return float(value) if abs(value) < 2**53 else value.normalize()
        case dt.datetime():
            return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
        case dt.date():
            return dt.datetime(value.year, value.month, value.day)
        case list():
            return tuple(_plain(item) for item in value)
        case dict():
            return repr(sorted((key, _plain(item)) for key, item in value.items()))
        case bytes() | memoryview():
            return bytes(value)
        case _:
            return value if isinstance(value, Hashable) else repr(value)


def _alike(wanted: frozenset[Hashable], seen: frozenset[Hashable]) -> bool:
    """Whether two columns can be the same one: equal values, or numbers that are nearly equal."""
    if wanted == seen:
        return True
    return _close({(value,) for value in wanted}, {(value,) for value in seen})


def _close(left: set[Row], right: set[Row]) -> bool:
    """Whether the rows can be paired so that each pair is equal within the tolerance."""
    if len(left) != len(right):
        # Nearly equal rows may have merged on one side only: 0.1 + 0.2 beside 0.3.
        left, right = _merged(left), _merged(right)
        if len(left) != len(right):
            return False
    ordered = sorted(left, key=_sort_key), sorted(right, key=_sort_key)
    if all(_equal_rows(a, b) for a, b in zip(*ordered, strict=True)):
        return True
    # Two numbers a hair apart may sort differently on the two sides; with few rows, look for each one.
    return len(left) <= _MAX_PAIRING and _can_be_paired(*ordered)


def _can_be_paired(left: list[Row], right: list[Row]) -> bool:
    rest = list(right)
    for row in left:
        partner = next((other for other in rest if _equal_rows(row, other)), None)
        if partner is None:
            return False
        rest.remove(partner)
    return True


def _merged(rows: set[Row]) -> set[Row]:
    return {tuple(_rounded(value) for value in row) for row in rows}


def _sort_key(row: Row) -> tuple[object, ...]:
    """What is not a number first: only rows that agree in it can be nearly equal."""
    texts = tuple("" if isinstance(value, float) else f"{type(value).__name__}:{value!r}" for value in row)
    return texts, tuple(value for value in row if isinstance(value, float))


def _equal_rows(left: Row, right: Row) -> bool:
    return all(_equal(a, b) for a, b in zip(left, right, strict=True))


def _equal(left: Hashable, right: Hashable) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=1e-9)
    return left == right


def _rounded(value: Hashable) -> Hashable:
    if isinstance(value, float) and math.isfinite(value) and value:
        return float(f"{value:.{_DIGITS - 1}e}")
    return value
