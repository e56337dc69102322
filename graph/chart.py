"""How a result can be drawn, chosen by code from its shape alone."""

import math
import re
from typing import Any

from graph.record import Chart
from wire.outcome import ResultColumn, Rows

MAX_BARS = 50
"""More categories than this are a table, not a chart."""
MAX_SERIES = 4
"""Numeric columns drawn side by side."""

_NUMERIC = re.compile(r"^(?:smallint|integer|bigint|numeric|decimal|real|double precision|money|oid)\b")
_TIME = re.compile(r"^(?:date|timestamp)\b")
_KEY = re.compile(r"(?:^|_)(?:id|key|code|zip|phone|number|no)$", re.IGNORECASE)
_CALENDAR = re.compile(r"(?:^|_)(?:year|month|quarter|week|day|hour|decade)(?:$|_)", re.IGNORECASE)


def choose_chart(rows: Rows) -> Chart:
    """A number, bars, a line, or none with its reason."""
    columns = rows.columns
    if rows.row_count == 0 or not rows.preview:
        return _none("The result has no rows.")
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        return _none("Two columns have the same name.")
    measures = [place for place, column in enumerate(columns) if is_measure(column, rows, place)]
    if rows.row_count == 1:
        if len(measures) == 1 and len(columns) <= 2:
            return Chart(kind="number", y=[names[measures[0]]])
        return _none("One row reads best as it is.")
    if not measures:
        return _none("No column is a quantity.")
    axes = [place for place in range(len(columns)) if place not in measures]
    if not axes:
        return _none("No column names what the numbers stand for.")
    if len(axes) == 1:
        return _one_axis(rows, axes[0], [names[place] for place in measures[:MAX_SERIES]])
    if len(axes) == 2 and len(measures) == 1:
        times = [place for place in axes if _is_time(columns[place])]
        if len(times) == 1:
            other = next(place for place in axes if place not in times)
            split = len({str(row[other]) for row in rows.preview})
            if split <= MAX_SERIES * 2:
                line = _one_axis(rows, times[0], [names[measures[0]]], repeats=True)
                return line.model_copy(update={"series": names[other]}) if line.kind == "line" else line
    return _none("It has more than one column of names.")


def _one_axis(rows: Rows, axis: int, y: list[str], *, repeats: bool = False) -> Chart:
    column = rows.columns[axis]
    labels = [str(row[axis]) for row in rows.preview]
    if not repeats and len(set(labels)) < len(labels):
        return _none(f"{column.name} repeats.")
    if _is_time(column):
        return Chart(kind="line", x=column.name, y=y)
    if rows.row_count > MAX_BARS:
        return _none(f"{rows.row_count:,} bars are too many to read.")
    return Chart(kind="bar", x=column.name, y=y)


def is_measure(column: ResultColumn, rows: Rows, place: int) -> bool:
    """A quantity: a numeric column that is neither a key nor a part of the calendar, with finite values."""
    if not _NUMERIC.match(column.type) or _KEY.search(column.name) or _is_time(column):
        return False
    values = [row[place] for row in rows.preview if place < len(row) and row[place] is not None]
    return bool(values) and all(_finite(value) for value in values)


def _is_time(column: ResultColumn) -> bool:
    return bool(_TIME.match(column.type) or (_NUMERIC.match(column.type) and _CALENDAR.search(column.name)))


def _finite(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(str(value).replace("$", "").replace(",", "")))
    except ValueError:
        return False


def _none(reason: str) -> Chart:
    return Chart(kind="none", reason=reason)
