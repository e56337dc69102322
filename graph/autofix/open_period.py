"""A time that is open at one end, cut at another day: "since March 2025" as ``> '2025-03-31'``.

Since, after, before and by the end of a month or a year say which day is the first or the last: after 2023
begins with 2024, before 2024 ends with 2023, by the end of 2024 includes its last day. Mended is the one
test of a moment, or of a year, that the statement has, where it was made of that very period.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.month_names import MONTHS
from graph.autofix.names import Names, folded
from graph.context.words import name_words

_MONTH = rf"(?:{'|'.join(MONTHS)}|{'|'.join(name[:3] for name in MONTHS)})"
_ASKED = re.compile(
    rf"(?<!\byear\s)(?<!\bmonth\s)(?<!\bday\s)(?<!\bweek\s)(?<!\byears\s)(?<!\bmonths\s)(?<!\bdays\s)(?<!\bweeks\s)"
    rf"\b(?:(?P<since>since)(?:\s+the\s+(?:start|beginning)\s+of)?|(?P<after>after|later\s+than)(?:\s+the\s+end\s+of)?|"
    rf"(?P<before>before|prior\s+to|earlier\s+than)(?:\s+the\s+(?:start|beginning)\s+of)?|"
    rf"(?P<ends>(?:by|before|until|till|up\s+to|through|at)\s+the\s+end\s+of|up\s+to\s+and\s+including)|(?P<on>from))"
    rf"\s+(?:the\s+year\s+)?(?:(?P<month>{_MONTH})\.?,?\s+(?:of\s+)?)?(?P<year>(?:19|20)\d\d)\b(?!\s*[-/])"
    rf"(?P<onwards>\s+(?:on(?:wards?)?|or\s+later|and\s+later)\b)?",
    re.IGNORECASE,
)
_OTHER_TIME = re.compile(
    rf"\b(?:19|20)\d\d\b|\b(?:{'|'.join(one for one in MONTHS if one not in {'march', 'may'})}|"
    r"between|fiscal|financial|"
    r"academic|school|season|quarter|today|yesterday|ago|next|last|this)\b",
    re.IGNORECASE,
)
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T]00:00(?::00)?|[ T]23:59(?::59)?)?$")
_FROM, _TO = (exp.GT, exp.GTE), (exp.LT, exp.LTE)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A first day, or the first one that is too late."""

    day: date
    is_first: bool
    said: str
    first: date
    """The period's own first day, and the first after it."""
    after: date


def _fix(context: Context) -> str | None:
    bound, names = _bound(context.question), context.names
    if bound is None or re.search(r"\b(?:19|20)\d\d\b", context.notes):
        return None
    found: list[tuple[exp.Expr, Scope]] = [
        (test, scope)
        for scope in names.scopes
        for test in scope.find_all(*_FROM, *_TO, exp.EQ, exp.Between)
        if _is_timed(test.this, names, scope) and not test.find(exp.CurrentDate, exp.CurrentTimestamp)
    ]
    if len(found) != 1:
        return None
    test, scope = found[0]
    if test.find_ancestor(exp.Not, exp.Or, exp.Case, exp.Filter) or isinstance(test.this, exp.Literal):
        return None
    if isinstance(test.this, exp.Column) and kind_of(test.this, names, scope) in MOMENTS:
        new = _of_days(test, bound, is_day=kind_of(test.this, names, scope) == "date")
    else:
        new = _of_years(test, bound)
    if new is None:
        return None
    test.replace(new)
    which = "from" if bound.is_first else "before"
    return f"Asked for {bound.said}: that is {which} {bound.day.isoformat()}."


def _bound(question: str) -> _Bound | None:
    """The end of the one time that the question speaks of."""
    match = _ASKED.search(question)
    if match is None or (match["on"] and not match["onwards"]):
        return None
    if _OTHER_TIME.search(question[: match.start()] + " " + question[match.end() :]):
        return None
    year = int(match["year"])
    month = match["month"]
    at = next((at for at, name in enumerate(MONTHS, 1) if month and name.startswith(month.lower()[:3])), 0)
    first = date(year, at or 1, 1)
    after = date(year + (not at or at == 12), (at % 12 + 1) if at else 1, 1)
    said = " ".join(match[0].split())
    if match["since"] or match["on"]:
        return _Bound(first, True, said, first, after)
    if match["after"]:
        return _Bound(after, True, said, first, after)
    return _Bound(after if match["ends"] else first, False, said, first, after)


def _is_timed(node: exp.Expr, names: Names, scope: Scope) -> bool:
    if isinstance(node, exp.Column):
        return kind_of(node, names, scope) in MOMENTS or (
            name_words(folded(node.this))[-1:] == ["year"] and kind_of(node, names, scope) == "integer"
        )
    return isinstance(node, exp.Extract) and node.this.name.lower() == "year"


def _of_days(test: exp.Expr, bound: _Bound, *, is_day: bool) -> exp.Expr | None:
    if isinstance(test, exp.Between):
        low, high = _day(test.args["low"]), _day(test.args["high"])
        # All of the period, and no more: as if the question said "in".
        if low != bound.first or high is None or high + timedelta(days=1) != bound.after:
            return None
    elif isinstance(test, exp.EQ):
        return None
    else:
        day = _day(test.expression)
        if day is None or isinstance(test, _FROM) != bound.is_first:
            return None
        if not bound.first - timedelta(days=1) <= day <= bound.after:
            return None
        is_next = isinstance(test, exp.LTE) or (isinstance(test, exp.GT) and is_day)
        if day + timedelta(days=is_next) == bound.day and not (isinstance(test, exp.GT) and not is_day):
            return None
    kind = exp.GTE if bound.is_first else exp.LT
    return kind(this=test.this.copy(), expression=exp.Literal.string(bound.day.isoformat()))


def _of_years(test: exp.Expr, bound: _Bound) -> exp.Expr | None:
    """Years held against a number: only where whole years are asked for."""
    if bound.first.month != 1 or bound.after != date(bound.first.year + 1, 1, 1):
        return None
    number = test.args.get("expression")
    if not isinstance(number, exp.Literal) or not number.name.isdigit():
        return None
    year = int(number.name)
    if abs(year - bound.first.year) > 1:
        return None
    if isinstance(test, exp.EQ):
        if year != bound.first.year:
            return None
    elif (
        isinstance(test, _FROM) != bound.is_first
        or year + isinstance(test, exp.GT | exp.LTE) == bound.day.year
    ):
        return None
    kind = exp.GTE if bound.is_first else exp.LT
    return kind(this=test.this.copy(), expression=exp.Literal.number(bound.day.year))


def _day(bound: exp.Expr) -> date | None:
    if isinstance(bound, exp.Add) and bound.expression.name == "1":
        before = _day(bound.this)
        return before + timedelta(days=1) if before is not None else None
    while isinstance(bound, exp.Cast | exp.Paren):
        bound = bound.this
    match = _DAY.match(bound.name) if isinstance(bound, exp.Literal) and bound.is_string else None
    try:
        return date(*(int(part) for part in match.groups())) if match is not None else None
    except ValueError:
        return None


RULE = Rule("open_period", _fix)
