"""A span of time that the query's own condition makes negative: ``due - returned`` where ``due < returned``.

Whoever asks how late the late ones are wants a span, whichever way round it was written. Amounts are left
alone: a margin of what was sold below its cost is meant to be negative.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import conditions_of, folded


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        later = dict(filter(None, map(_earlier_and_later, conditions_of(select))))
        for span in (span for item in select.selects for span in item.find_all(exp.Sub)):
            one, other = _bare(span.this), _bare(span.expression)
            if one is None or other is None or later.get(_said(one)) != _said(other):
                continue
            if not {kind_of(one, names, scope), kind_of(other, names, scope)} <= MOMENTS:
                continue
            early, late = span.this.copy(), span.expression.copy()
            span.set("this", late)
            span.set("expression", early)
            return (
                f"{one.name} is before {other.name} here: it is taken from it, and not the other way round."
            )
    return None


def _earlier_and_later(condition: exp.Expr) -> tuple[str, str] | None:
    """The two columns that a condition holds against each other, the lesser first."""
    if not isinstance(condition, exp.LT | exp.LTE | exp.GT | exp.GTE):
        return None
    one, other = _bare(condition.this), _bare(condition.expression)
    if one is None or other is None:
        return None
    lesser_first = isinstance(condition, exp.LT | exp.LTE)
    return (_said(one), _said(other)) if lesser_first else (_said(other), _said(one))


def _said(column: exp.Column) -> str:
    return f"{folded(column.args.get('table'))}.{folded(column.this)}"


def _bare(side: exp.Expr) -> exp.Column | None:
    while isinstance(side, exp.Cast | exp.Paren):
        side = side.this
    return side if isinstance(side, exp.Column) else None


RULE = Rule("turned_difference", _fix)
