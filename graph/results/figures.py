"""Figures that cannot be what was asked for: shares above one, lists cut among equals."""

import re
from decimal import Decimal, InvalidOperation

from sqlglot import exp

from graph.autofix.names import output_name
from graph.results.base import Check, Seen

_SHARE = re.compile(r"\b(?:share|fraction|proportion)\s+of\b", re.IGNORECASE)
_PERCENT = re.compile(r"\bpercent(?:age)?\s+of\b|%\s+of\b", re.IGNORECASE)
_GROWTH = re.compile(r"\b(?:growth|change|increase|decrease|difference|compared|to)\b", re.IGNORECASE)


def _out_of_range(seen: Seen) -> str | None:
    share, percent = _SHARE.search(seen.question), _PERCENT.search(seen.question)
    found = seen.outermost
    if not (share or percent) or _GROWTH.search(seen.question) or found is None:
        return None
    for place, item in enumerate(found[2].selects):
        if item.find(exp.Div) is None or place >= len(seen.rows.columns):
            continue
        values = [value for row in seen.rows.preview if (value := _number(row[place])) is not None]
        if any(value < 0 or value > 100 for value in values):
            return f"{seen.rows.columns[place].name} is no part of a whole: it is not between 0 and 100 %."
    return None


def _number(cell: object) -> Decimal | None:
    if isinstance(cell, bool) or cell is None:
        return None
    try:
        value = Decimal(str(cell))
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _cut_among_equals(seen: Seen) -> str | None:
    """The last two rows of a cut list are equal in what it is ordered by: more may follow that are, too."""
    found = seen.outermost
    rows = seen.rows.preview
    if found is None or len(rows) < 2 or seen.rows.row_count != len(rows):
        return None
    select = found[2]
    limit, order = select.args.get("limit"), select.args.get("order")
    if not isinstance(limit, exp.Limit) or order is None or limit.expression.name != str(len(rows)):
        return None
    shown = {output_name(item): place for place, item in enumerate(select.selects)}
    shown |= {item.unalias().sql(): place for place, item in enumerate(select.selects)}
    places = [shown.get(key.this.sql(), shown.get(key.this.name.lower())) for key in order.expressions]
    if any(place is None for place in places):
        return None
    if all(rows[-1][place] == rows[-2][place] for place in places if place is not None):
        return f"Rows tie at place {len(rows)}: which of them are shown is chance."
    return None


RATIO_RANGE = Check(
    "ratio_range", _out_of_range, "Divide the part by the whole; the whole must count every row once."
)
TIED_LIMIT = Check("tied_limit", _cut_among_equals, "Use FETCH FIRST n ROWS WITH TIES.", asks=False)
