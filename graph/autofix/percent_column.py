"""A share taken as a number of whole ones, where its column holds per cent: ``price * (1 - discount_pct)``.

A column that is called so may hold 0.15 or 15. A type with room for two digits before the point is made for
the latter; where the type leaves it open, nothing is changed.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded
from graph.context.words import name_words

_PERCENT = frozenset({"pct", "pc", "percent", "percentage", "prc", "perc"})
_WHOLE = ("smallint", "integer", "bigint")
_DIGITS = re.compile(r"numeric\((\d+),(\d+)\)")
_TWO = 2


def _fix(context: Context) -> str | None:
    for scope in context.names.scopes:
        for column in context.names.columns(scope):
            if not _is_taken_whole(column) or not _holds_per_cent(column, context, scope):
                continue
            # A product is never cut to a whole number, as a quotient of integers is.
            hundredth = exp.Mul(this=column.copy(), expression=exp.Literal.number("0.01"))
            column.replace(exp.paren(hundredth))
            return f"{folded(column.this)} is in per cent: a hundredth of it is taken."
    return None


def _is_taken_whole(column: exp.Column) -> bool:
    """Whether it is a factor, or taken from 1 or added to it, and nothing around it reckons with hundreds."""
    if not _PERCENT.intersection(name_words(folded(column.this))):
        return False
    inner: exp.Expr = column
    while isinstance(inner.parent, exp.Paren | exp.Coalesce | exp.Cast):
        inner = inner.parent
    around = inner.parent
    if isinstance(around, exp.Sub | exp.Add):
        taken = around.this if around.expression is inner else around.expression
        if not _is_one(taken):
            return False
    elif not isinstance(around, exp.Mul):
        return False
    whole: exp.Expr = around
    reckoning = (exp.Binary, exp.Paren, exp.AggFunc, exp.Round, exp.Cast, exp.Coalesce)
    while isinstance(whole.parent, reckoning) and not isinstance(whole.parent, exp.Predicate):
        whole = whole.parent
    numbers = (node for node in whole.find_all(exp.Literal) if not node.is_string)
    return all(float(number.this) not in (100.0, 0.01) for number in numbers)


def _is_one(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and float(node.this) == 1


def _holds_per_cent(column: exp.Column, context: Context, scope: Scope) -> bool:
    known = context.names.column(column, scope)
    if known is None:
        return False
    if known.type in _WHOLE:
        return True
    digits = _DIGITS.fullmatch(known.type.replace(" ", ""))
    return digits is not None and int(digits[1]) - int(digits[2]) >= _TWO


RULE = Rule("percent_column", _fix)
