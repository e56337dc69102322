"""A span of time asked for "in hours" or "how many days", given as an interval or in seconds.

Only where the question names the unit, and the query shows a plain span.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of
from graph.autofix.names import Names

_ASKED = re.compile(
    r"\b(?:in|how\s+many|number\s+of|average|of)\s+(?:\w+\s+)?(second|minute|hour|day|week)s?\b|"
    r"\((?:in\s+)?(second|minute|hour|day|week)s?\)",
    re.IGNORECASE,
)
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_WINDOW = re.compile(
    r"\b(?:last|past|previous|next|within|first)\s+(?:\w+\s+)?(?:second|minute|hour|day|week)s?\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    found = {(one or other).lower() for one, other in _ASKED.findall(_WINDOW.sub(" ", context.question))}
    if len(found) != 1 or not isinstance(context.tree, exp.Select):
        return None
    unit = found.pop()
    scope = context.names.scopes[-1]
    if scope.expression is not context.tree:
        return None
    for item in context.tree.selects:
        if said := _convert(item.unalias(), unit, context.names, scope):
            return said
    return None


def _convert(value: exp.Expr, unit: str, names: Names, scope: Scope) -> str | None:
    if isinstance(value, exp.Round | exp.Abs | exp.Floor | exp.Ceil):
        value = value.this
    while isinstance(value, exp.Paren):
        value = value.this
    if isinstance(value, exp.Column):
        return None
    if kind_of(value, names, scope) == "interval":
        value.replace(_in_unit(exp.Extract(this=exp.var("EPOCH"), expression=value.copy()), unit))
        return f"The span of time is given in {unit}s, as asked."
    span = value.this if isinstance(value, exp.AggFunc) else value
    while isinstance(span, exp.Paren):
        span = span.this
    if not isinstance(span, exp.Extract) or kind_of(span.expression, names, scope) != "interval":
        return None
    given = span.this.name.lower().rstrip("s")
    if given == "epoch" and unit != "second":
        span.replace(_in_unit(span.copy(), unit))
        return f"Seconds are given in {unit}s, as asked."
    if given == unit and given in {"hour", "minute", "second"}:
        whole = exp.Extract(this=exp.var("EPOCH"), expression=span.expression.copy())
        span.replace(_in_unit(whole, unit))
        return f"The whole span is given in {unit}s, not only what is left of it beside days."
    return None


def _in_unit(seconds: exp.Expr, unit: str) -> exp.Expr:
    if unit == "second":
        return seconds
    return exp.paren(exp.Div(this=seconds, expression=exp.Literal.number(_SECONDS[unit]), typed=True))


RULE = Rule("asked_unit", _fix)
