"""A span of days whose last day is cut off: ``ts BETWEEN '2026-10-01' AND '2026-10-31'``.

A moment of the last day is after its beginning; a day written without a time, beside a moment, means all of
it. So it does where it is to be that day: ``ts = '2026-10-31'`` is midnight alone.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}$")


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        for node in list(scope.find_all(exp.EQ, exp.In)):
            days = [node.args.get("expression")] if isinstance(node, exp.EQ) else node.expressions
            if days and all(_day(one) for one in days if one) and _is_moment(node.this, names, scope):
                column = node.this
                node.set("this", exp.cast(column.copy(), exp.DType.DATE))
                return f"All of the day is meant: {column.name} is a moment, not a day."
        for node in list(scope.find_all(exp.Between, exp.LTE)):
            column = node.this
            bound = node.args["high"] if isinstance(node, exp.Between) else node.expression
            day = _day(bound)
            if day is None or not _is_moment(column, names, scope):
                continue
            below = exp.LT(this=column.copy(), expression=_next_day(day))
            if isinstance(node, exp.Between):
                from_first = exp.GTE(this=column.copy(), expression=node.args["low"].copy())
                node.replace(exp.paren(exp.and_(from_first, below)))
            else:
                node.replace(below)
            return f"{day} counts to its end: {column.name} is a moment, not a day."
    return None


def _is_moment(column: exp.Expr, names: Names, scope: Scope) -> bool:
    return isinstance(column, exp.Column) and names.type_of(column, scope).startswith("timestamp")


def _day(bound: exp.Expr | None) -> str | None:
    """The day that is written, when it is one without a time."""
    if isinstance(bound, exp.Cast) and bound.is_type("date", "timestamp"):
        bound = bound.this
    if isinstance(bound, exp.Literal) and bound.is_string and _DAY.match(bound.name):
        return bound.name
    return None


def _next_day(day: str) -> exp.Expr:
    first = exp.cast(exp.Literal.string(day), exp.DType.DATE)
    return exp.Add(this=first, expression=exp.Literal.number(1))


RULE = Rule("last_day", _fix)
