"""A month, quarter, half or year that the question names, cut at another day: ``< '2027-01-01'`` for a May.

Only the end is mended, or the year that a month lacks, and only where the statement begins with the period's
first day or names its month, and the question speaks of no other time.
"""

import re
from datetime import date, timedelta

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.foreign_functions import extract
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.month_names import MONTHS

_QUARTERS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4,
    "last": 4, "final": 4,
}  # fmt: skip
_HALVES = {"first": 1, "second": 2, "1st": 1, "2nd": 2, "last": 2}
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_PERIOD = re.compile(
    rf"\b(?:in|during|of|for|throughout)\s+(?:the\s+)?(?:month\s+of\s+|year\s+)?(?:"
    rf"(?P<month>{'|'.join(MONTHS)}|{'|'.join(name[:3] for name in MONTHS)}),?\s+(?:of\s+)?|"
    rf"(?P<quarter>{'|'.join(_QUARTERS)})\s+quarter\s+(?:of\s+)?|q(?P<q>[1-4])\s+(?:of\s+)?|"
    rf"(?P<half>{'|'.join(_HALVES)})\s+half\s+(?:of\s+)?|h(?P<h>[12])\s+(?:of\s+)?|"
    rf"(?P<end>first|last|final)\s+(?P<count>{'|'.join(_COUNTS)}|[2-9]|1[01])\s+(?P<unit>month|quarter)s\s+"
    rf"(?:of\s+)?)?(?:the\s+year\s+)?"
    rf"(?P<year>(?:19|20)\d\d)\b(?!\s*-)",
    re.IGNORECASE,
)
_TIME = re.compile(
    rf"\b(?:{'|'.join(MONTHS)}|(?:19|20)\d\d|q[1-4]|quarter|since|until|till|between|before|after|from|through|"
    r"onwards?|later|earlier)\b",
    re.IGNORECASE,
)
_PART = re.compile(
    r"\b(?:half|halves|quarters?|months?|weeks?|weekends?|days?|nights?|part|end|start|beginning|middle|mid|rest|"
    r"remainder|early|late|spring|summer|autumn|fall|winter|christmas|easter|season|holidays?)\s+$",
    re.IGNORECASE,
)
"""Right before a year: a part of it that is not told by months."""
_YEAR = 12
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T][\d:.]+)?$")


def _fix(context: Context) -> str | None:
    period = _asked(context.question)
    if period is None:
        return None
    first, after, said = period
    for scope in context.names.scopes:
        where = scope.expression.args.get("where")
        if where is None:
            continue
        parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        for part in parts:
            column = part.this if isinstance(part, exp.Between | exp.GTE) else None
            if not isinstance(column, exp.Column) or kind_of(column, context.names, scope) not in MOMENTS:
                continue
            others = [one for one in parts if one is not part and column in list(one.find_all(exp.Column))]
            low = part.args["low"] if isinstance(part, exp.Between) else part.expression
            if _day(low) != first.isoformat():
                continue
            ends: list[exp.Expr] | None
            if isinstance(part, exp.Between):
                ends = [part] if not others and not _ends(part.args["high"], after) else []
            else:
                ends = _wrong_ends(others, column, after)
            if ends is None:
                continue
            if not others and isinstance(part, exp.GTE):
                part.replace(exp.and_(part.copy(), _below(column, after)))
            elif not ends:
                continue
            elif isinstance(part, exp.Between):
                begins = exp.GTE(this=column.copy(), expression=low.copy())
                part.replace(exp.and_(begins, _below(column, after)))
            else:
                ends[0].replace(_below(column, after))
            return f"Asked for {said}: the time ends with it."
    return _year_of_month(context, first, said)


def _asked(question: str) -> tuple[date, date, str] | None:
    """The period's first day, the day after its last, and how it is said; None unless it is the only time."""
    found = list(_PERIOD.finditer(question))
    if len(found) != 1 or _TIME.search(question[: found[0].start()] + " " + question[found[0].end() :]):
        return None
    match, year = found[0], int(found[0]["year"])
    if _PART.search(question[: match.start()]):
        return None
    months, month = 12, 1
    if match["month"]:
        months = 1
        month = next(at for at, name in enumerate(MONTHS, 1) if name.startswith(match["month"].lower()[:3]))
    elif match["quarter"] or match["q"]:
        quarter = int(match["q"] or _QUARTERS[match["quarter"].lower()])
        months, month = 3, 3 * quarter - 2
    elif match["half"] or match["h"]:
        half = int(match["h"] or _HALVES[match["half"].lower()])
        months, month = 6, 6 * half - 5
    elif match["end"]:
        count = _COUNTS.get(match["count"].lower()) or int(match["count"])
        months = count * (3 if match["unit"].lower() == "quarter" else 1)
        if months >= _YEAR:
            return None
        month = 1 if match["end"].lower() == "first" else _YEAR + 1 - months
    last = month + months
    said = match[0].split(maxsplit=1)[1]
    return date(year, month, 1), date(year + (last > 12), (last - 1) % 12 + 1, 1), said


def _day(bound: exp.Expr) -> str:
    """The day that is written, as ``2026-11-01``; ``""`` for anything else."""
    while isinstance(bound, exp.Cast | exp.Paren):
        bound = bound.this
    match = _DAY.match(bound.name) if isinstance(bound, exp.Literal) and bound.is_string else None
    return f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}" if match else ""


def _ends(bound: exp.Expr, after: date) -> bool:
    """Whether a last day is the period's, or is not written out."""
    day = _day(bound)
    return not day or day == (after - timedelta(days=1)).isoformat()


def _wrong_ends(others: list[exp.Expr], column: exp.Column, after: date) -> list[exp.Expr] | None:
    """The one upper bound, when it is written out and is not the period's; None where there are others."""
    if len(others) > 1:
        return None
    for other in others:
        if not isinstance(other, exp.LT | exp.LTE) or other.this != column or not _day(other.expression):
            return None
        good = after if isinstance(other, exp.LT) else after - timedelta(days=1)
        return [other] if _day(other.expression) != good.isoformat() else []
    return []


def _below(column: exp.Expr, after: date) -> exp.Expr:
    return exp.LT(this=column.copy(), expression=exp.Literal.string(after.isoformat()))


def _year_of_month(context: Context, first: date, said: str) -> str | None:
    """``EXTRACT(MONTH FROM x) = 11`` alone is that month of every year."""
    names = context.names
    for scope in names.scopes:
        where = scope.expression.args.get("where")
        if where is None:
            continue
        extracts = [one for one in where.find_all(exp.Extract) if one.this.name.lower() in {"month", "year"}]
        if len(extracts) != 1 or extracts[0].this.name.lower() != "month":
            continue
        column, part = extracts[0].expression, extracts[0].parent
        if not isinstance(column, exp.Column) or kind_of(column, names, scope) not in MOMENTS:
            continue
        if not isinstance(part, exp.EQ) or part.expression.name != str(first.month):
            continue
        if sum(one == column for one in where.find_all(exp.Column)) != 1:
            continue
        year = exp.EQ(this=extract("YEAR", column.copy()), expression=exp.Literal.number(first.year))
        both = exp.and_(part.copy(), year)
        part.replace(both if part.parent is where else exp.paren(both))
        return f"Asked for {said}: that month of no other year is taken."
    return None


RULE = Rule("asked_period", _fix)
