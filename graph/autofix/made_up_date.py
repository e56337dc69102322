"""A date that nobody named, where the question counts from today: ``paid_on < '2023-01-01'`` for "last year".

A model does not know what day it is. Where the question names one period by the present day, and no year, the
years in the conditions on one moment are made up: these become that period. So do dates made up for now
itself, where what is overdue or still to come is asked for.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.foreign_functions import interval, truncated
from graph.autofix.kinds import MOMENTS, Kind, kind_of
from graph.autofix.month_names import MONTHS
from graph.autofix.names import folded

_COUNTS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12,
}  # fmt: skip
_NAMED = re.compile(
    r"(?:(?<!\bthe\s)\b(?P<which>this|current|last|previous)|\bthe\s+(?P<the>current|previous))\s+(?:calendar\s+)?"
    r"(?P<unit>week|month|quarter|year)\b(?!\s*[-'’])|"
    r"\b(?P<until>year|month|quarter|week)[\s-]to[\s-]date\b|"
    rf"\b(?:(?:last|past|previous)\s+(?P<count>\d{{1,3}}|{'|'.join(_COUNTS)})\s+(?P<many>day|week|month|year)s|"
    r"(?:\bthe\s+last|past)\s+(?P<one>day|week|month|year))\b(?!\s+(?:of|before)\b|\s*[-'’])|"
    r"\b(?P<day>today|yesterday)\b(?!['’])",
    re.IGNORECASE,
)
_PAST = re.compile(r"\b(?:overdue|past\s+due|expired|lapsed|already|by\s+now|until\s+now)\b", re.IGNORECASE)
_TO_COME = re.compile(
    r"\b(?:upcoming|coming\s+up|in\s+the\s+future|still\s+to\s+come|from\s+now\s+on)\b", re.IGNORECASE
)
_OTHER_TIME = re.compile(
    rf"\b(?:19|20)\d\d\b|\b(?:{'|'.join(month for month in MONTHS if month not in {'march', 'may'})}|"
    r"christmas|easter|next|ago|decade|century)\b",
    re.IGNORECASE,
)
"""A time of its own, or one that is held against another."""
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_WHOLE_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[ T]00:00(?::00)?)?$")
_COMPARISONS = (exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.Like)

Period = tuple[exp.Expr, exp.Expr | None, str]
"""Its first moment, the first that is after it, and how it is said."""


def _fix(context: Context) -> str | None:
    question, names = context.question, context.names
    if not question or _OTHER_TIME.search(question) or _YEAR.search(context.notes):
        return None
    asked = list(_NAMED.finditer(question))
    now = bool(_PAST.search(question)), bool(_TO_COME.search(question))
    if len(asked) > 1 or (not asked and sum(now) != 1):
        return None
    found: list[tuple[exp.Expr, exp.Column, Kind]] = []
    for scope in names.scopes:
        for test in scope.find_all(*_COMPARISONS):
            column = _made_up(test)
            kind = kind_of(column, names, scope)
            if column is not None and kind in MOMENTS:
                found.append((test, column, kind))
    tops = {id(_top(test)) for test, _, _ in found}
    if len(tops) != 1 or len({folded(column.this) for _, column, _ in found}) != 1:
        return None
    tests, (_, column, kind) = [test for test, _, _ in found], found[0]
    top = _top(tests[0])
    if isinstance(top.parent, exp.Or | exp.Not):
        return None
    if not asked:
        return _as_now(tests, column, past=now[0])
    parts = _parts(top)
    said = any(_counts_from_today(part) and column in list(part.find_all(exp.Column)) for part in parts)
    period = _period(asked[0])
    new: list[exp.Expr] = []
    for part in parts:
        if part is tests[0] and not said:
            new += _within(column, kind, period)
        elif not any(part is test for test in tests):
            new.append(part.copy())
    if not new:
        return None
    top.replace(exp.and_(*new))
    return f"Nobody named a year: {column.name} is in {period[2]}, as counted from today."


def _made_up(test: exp.Expr) -> exp.Column | None:
    """The one column that a comparison holds against a year that is written out; None for any other test."""
    columns = list(test.find_all(exp.Column))
    if not columns or any(column != columns[0] for column in columns) or _counts_from_today(test):
        return None
    if test.find(exp.Query):
        return None
    years = [one for one in test.find_all(exp.Literal) if _YEAR.match(one.name)]
    return columns[0] if years else None


def _counts_from_today(node: exp.Expr) -> bool:
    return node.find(exp.CurrentDate, exp.CurrentTimestamp) is not None


def _top(node: exp.Expr) -> exp.Expr:
    """All that holds together with a condition, by AND."""
    while isinstance(node.parent, exp.And | exp.Paren):
        node = node.parent
    return node


def _parts(top: exp.Expr) -> list[exp.Expr]:
    bare = top.unnest()
    if not isinstance(bare, exp.And):
        return [bare]
    return [*_parts(bare.this), *_parts(bare.expression)]


def _period(match: re.Match[str]) -> Period:
    today: exp.Expr = exp.CurrentDate()
    said = " ".join(match[0].lower().split())
    if match["day"]:
        if said == "today":
            return today, exp.Add(this=today.copy(), expression=exp.Literal.number(1)), said
        return exp.Sub(this=today, expression=exp.Literal.number(1)), today.copy(), said
    if match["many"] or match["one"]:
        count = match["count"] or "1"
        number = _COUNTS.get(count.lower()) or int(count)
        return (
            exp.Sub(this=today, expression=interval(number, (match["many"] or match["one"]).lower())),
            None,
            said,
        )
    unit = (match["unit"] or match["until"]).lower()
    count, step = (3, "month") if unit == "quarter" else (1, unit)
    back = (match["which"] or match["the"] or "this").lower() in {"last", "previous"}
    begins = truncated(unit, exp.Sub(this=today, expression=interval(count, step)) if back else today)
    after = today.copy() if back else exp.Add(this=today.copy(), expression=interval(count, step))
    return begins, truncated(unit, after), said


def _within(column: exp.Column, kind: Kind, period: Period) -> list[exp.Expr]:
    first, after, said = period
    if said == "today" and kind == "date":
        return [exp.EQ(this=column.copy(), expression=first)]
    if said == "yesterday" and kind == "date":
        return [exp.EQ(this=column.copy(), expression=first)]
    begins = exp.GTE(this=column.copy(), expression=first)
    return [begins] if after is None else [begins, exp.LT(this=column.copy(), expression=after)]


def _as_now(tests: list[exp.Expr], column: exp.Column, *, past: bool) -> str | None:
    """``due_on < '2023-01-01'`` for what is overdue."""
    sides = (exp.LT, exp.LTE) if past else (exp.GT, exp.GTE)
    if len(tests) != 1 or not isinstance(tests[0], sides) or tests[0].this != column:
        return None
    bound = tests[0].expression
    while isinstance(bound, exp.Cast | exp.Paren):
        bound = bound.this
    if not isinstance(bound, exp.Literal) or not _WHOLE_DAY.match(bound.name):
        return None
    tests[0].set("expression", exp.CurrentDate())
    return f"Nobody named a day: {column.name} is held against today."


RULE = Rule("made_up_date", _fix)
