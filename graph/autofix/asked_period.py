"""A month, quarter, half or year that the question names, cut at another day: ``< '2027-01-01'`` for a May.

The end is mended where the statement begins with the period's first day, and the year that a month lacks, or
its months. The beginning is mended as well (a second half from June on) where all that the statement compares
with written days is one moment, and nothing is held against an earlier time.
"""

import re
from datetime import date, timedelta

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.month_tests import is_known, mend_months
from graph.autofix.named_period import Period, named_period
from graph.autofix.names import Names, folded

_AGAINST = re.compile(
    r"\b(?:previous|preceding|prior|compar\w+|versus|vs|grow\w*|grew|changes?|changed|increas\w+|decreas\w+|rose|fell|"
    r"than|to[\s-]date|cumulative|running|rolling|trailing|so\s+far)\b|\bover[\s-](?:year|quarter|month)\b",
    re.IGNORECASE,
)
"""What is held against another time needs that time as well."""
_OTHER_YEAR = re.compile(r"\b(?:fiscal|financial|academic|school|budget|season)\b", re.IGNORECASE)
"""A year that does not begin in January."""
_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T][\d:.]+)?$")
_ENDS = (exp.Between, exp.LT, exp.LTE)
_BOUNDS = (*_ENDS, exp.GT, exp.GTE)
_MONTH = 31
"""Days of the longest month."""


def _fix(context: Context) -> str | None:
    period = named_period(context.question)
    if period is None or _OTHER_YEAR.search(f"{context.question} {context.notes}"):
        return None
    names, is_all = context.names, not _AGAINST.search(context.question)
    for scope in names.scopes:
        for top in _conditions(scope):
            parts = _parts(top)
            said = _mend_bounds(parts, period, names, scope, is_all=is_all)
            if said is None and is_all:
                said = mend_months(parts, period, names, scope)
            if said:
                return said
    return None


def _conditions(scope: Scope) -> list[exp.Expr]:
    """What rows must be in this scope, first for all of it, then for one of its figures."""
    found = [node.this for node in scope.find_all(exp.Where)]
    found += [node.args["on"] for node in scope.find_all(exp.Join) if node.args.get("on") is not None]
    return found + [node.this for node in scope.find_all(exp.If)]


def _parts(top: exp.Expr) -> list[exp.Expr]:
    """The tests that all hold together."""
    if isinstance(top, exp.Paren):
        return _parts(top.this)
    return [*_parts(top.this), *_parts(top.expression)] if isinstance(top, exp.And) else [top]


def _mend_bounds(
    parts: list[exp.Expr], period: Period, names: Names, scope: Scope, *, is_all: bool
) -> str | None:
    for part in parts:
        if _is_first_day(part, parts, period, names, scope):
            low = exp.GTE(this=part.this.copy(), expression=_written(period.first))
            part.replace(exp.and_(low, exp.LT(this=part.this.copy(), expression=_written(period.after))))
            return f"Asked for {period.said}: all of it is meant, and not its first day."
        column = part.this if isinstance(part, exp.Between | exp.GT | exp.GTE) else None
        kind = kind_of(column, names, scope)
        if not isinstance(column, exp.Column) or kind not in MOMENTS:
            continue
        tests = [one for one in parts if column in one.find_all(exp.Column) and not is_known(one)]
        if len(tests) > 2 or any(not isinstance(one, _BOUNDS) or one.this != column for one in tests):
            continue
        begins = _begin(part, is_day=kind == "date")
        ends = [_end(one) for one in tests if isinstance(one, _ENDS)]
        if begins is None or None in ends or len(ends) + (not isinstance(part, exp.Between)) != len(tests):
            continue
        if begins == period.first:
            is_cut = ends != [period.after]
            is_cut = is_cut and (_is_of_all(part) or _is_alone(column, {begins}, ends, period, names))
        else:
            is_cut = is_all and _is_meant(begins, ends, period)
            is_cut = is_cut and _is_alone(column, {begins, period.first}, ends, period, names)
        if not is_cut:
            continue
        _set_bounds(part, tests, period, keeps=begins == period.first and not isinstance(part, exp.GT))
        where = "ends" if begins == period.first else "begins and ends"
        return f"Asked for {period.said}: the time {where} with it."
    return None


def _is_first_day(part: exp.Expr, parts: list[exp.Expr], period: Period, names: Names, scope: Scope) -> bool:
    """``joined = '2026-01-01'`` for 2026, of a moment that nothing else is asked of."""
    column = part.this
    if isinstance(column, exp.Cast):
        column = column.this
    if not isinstance(part, exp.EQ) or not isinstance(column, exp.Column):
        return False
    if kind_of(column, names, scope) not in MOMENTS or _day(part.expression) != period.first:
        return False
    return not any(one is not part and column in one.find_all(exp.Column) for one in parts)


def _set_bounds(part: exp.Expr, tests: list[exp.Expr], period: Period, *, keeps: bool) -> None:
    column, written = part.this, part.args.get("low") or part.expression
    low = exp.GTE(this=column.copy(), expression=written.copy() if keeps else _written(period.first))
    high = exp.LT(this=column.copy(), expression=_written(period.after))
    for other in tests:
        if other is not part:
            other.replace(high)
    part.replace(low if len(tests) > 1 else exp.and_(low, high))


def _is_of_all(part: exp.Expr) -> bool:
    """Whether it is a condition on a query's rows, and not on those of one figure."""
    where = part.find_ancestor(exp.Where, exp.If, exp.Join)
    return isinstance(where, exp.Where) and isinstance(where.parent, exp.Select)


def _is_meant(begins: date, ends: list[date | None], period: Period) -> bool:
    """Whether bounds that are not the period's are so near to it that they can only be meant for it."""
    if (period.after - period.first).days <= _MONTH or period.is_year:
        return False
    if begins.day != 1 or begins.year != period.first.year:
        return False
    latest = max(period.after, date(period.first.year + 1, 1, 1))
    return all(end is not None and period.first < end <= latest for end in ends)


def _is_alone(
    column: exp.Column, begins: set[date], ends: list[date | None], period: Period, names: Names
) -> bool:
    """Whether the statement compares no other moment, and this one with no other days."""
    if names.tree.find(exp.Lag, exp.Lead):
        return False
    for test in names.tree.find_all(*_BOUNDS, exp.EQ, exp.NEQ, exp.In):
        if test.this.find(exp.Extract):
            return False
        if not any(_DAY.match(one.name) for one in test.find_all(exp.Literal)):
            continue
        if not isinstance(test, _BOUNDS) or not isinstance(test.this, exp.Column):
            return False
        if folded(test.this.this) != folded(column.this):
            return False
        if not isinstance(test, exp.LT | exp.LTE) and _begin(test, is_day=True) not in begins:
            return False
        if isinstance(test, _ENDS) and _end(test) not in {*ends, period.after}:
            return False
    return True


def _begin(test: exp.Expr, *, is_day: bool) -> date | None:
    """The first day that a bound lets through; None where it is not written out."""
    day = _day(test.args["low"] if isinstance(test, exp.Between) else test.expression)
    if not isinstance(test, exp.GT):
        return day
    return day + timedelta(days=1) if day is not None and is_day else None


def _end(test: exp.Expr) -> date | None:
    """The first day that a bound does not let through; None where it is not written out."""
    day = _day(test.args["high"] if isinstance(test, exp.Between) else test.expression)
    return day if day is None or isinstance(test, exp.LT) else day + timedelta(days=1)


def _day(bound: exp.Expr) -> date | None:
    """The day that is written, ``'2026-10-31'`` or the one after it, ``CAST('2026-10-31' AS DATE) + 1``.

    For a day that its month does not have it is one of the next month, and never its first.
    """
    if isinstance(bound, exp.Add) and bound.expression.name == "1":
        day = _day(bound.this)
        return day + timedelta(days=1) if day is not None else None
    while isinstance(bound, exp.Cast | exp.Paren):
        bound = bound.this
    match = _DAY.match(bound.name) if isinstance(bound, exp.Literal) and bound.is_string else None
    if match is None:
        return None
    year, month, day_of_month = (int(part) for part in match.groups())
    try:
        return date(year, month, day_of_month)
    except ValueError:
        return date(year, min(max(month, 1), 12), 1) + timedelta(days=40)


def _written(day: date) -> exp.Expr:
    return exp.Literal.string(day.isoformat())


RULE = Rule("asked_period", _fix)
