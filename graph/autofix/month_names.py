"""Months kept as names (January, Feb) and used as numbers: the number of the month is taken.

``month > 6``, ``month BETWEEN '06' AND '12'`` and ``(SELECT month …) - 2`` over a column whose known values
are names of months.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of
from graph.autofix.names import Names, known_values

MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_NUMBER = re.compile(r"0?[1-9]|1[0-2]")
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        for node in list(scope.find_all(*_COMPARED, exp.Sub, exp.Add, exp.Between, exp.In)):
            found = _month_beside_number(node, names, scope)
            if found is not None:
                column, value = found
                value.replace(_number_of(value))
                return f"{column.name} holds names of months; their numbers are compared."
    return None


def _month_beside_number(node: exp.Expr, names: Names, scope: Scope) -> tuple[exp.Column, exp.Expr] | None:
    """The month's column, and the expression that gives it, beside something that is a number."""
    if isinstance(node, exp.Between | exp.In):
        others = [node.args["low"], node.args["high"]] if isinstance(node, exp.Between) else node.expressions
        pairs = [(node.this, others)]
    else:
        pairs = [(node.this, [node.expression]), (node.expression, [node.this])]
    for value, beside in pairs:
        column = _month(value, names, scope)
        if column is None or not beside or not all(_is_number(one, names, scope) for one in beside):
            continue
        for one in beside:
            if isinstance(one, exp.Literal) and one.is_string:
                one.replace(exp.Literal.number(int(one.name)))
        return column, value
    return None


def _month(value: exp.Expr, names: Names, scope: Scope) -> exp.Column | None:
    """The column of month names that this is, or that a subquery in its place selects."""
    if isinstance(value, exp.Column):
        known = names.column(value, scope)
        values = known_values(known)[0] if known is not None else []
        named = [one for one in values if any(month.startswith(one.strip().lower()) for month in MONTHS)]
        long = all(len(one.strip()) >= 3 for one in values)
        return value if values and long and len(named) == len(values) else None
    inner = value.unnest() if isinstance(value, exp.Subquery) else None
    if not isinstance(inner, exp.Select) or len(inner.selects) != 1:
        return None
    own = next((one for one in names.scopes if one.expression is inner), None)
    item = inner.selects[0].unalias()
    return _month(item, names, own) if own is not None and isinstance(item, exp.Column) else None


def _is_number(node: exp.Expr, names: Names, scope: Scope) -> bool:
    if isinstance(node, exp.Literal) and node.is_string:
        return bool(_NUMBER.fullmatch(node.name))
    return kind_of(node, names, scope) in {"integer", "number"}


def _number_of(value: exp.Expr) -> exp.Expr:
    read = exp.Anonymous(this="TO_DATE", expressions=[value.copy(), exp.Literal.string("Month")])
    return exp.Extract(this=exp.var("MONTH"), expression=read)


RULE = Rule("month_names", _fix)
