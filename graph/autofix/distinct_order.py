"""SELECT DISTINCT ordered by something that is not selected: said with GROUP BY, which may order by it."""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import output_name


def _fix(context: Context) -> str | None:
    for scope in context.names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        distinct, order = select.args.get("distinct"), select.args.get("order")
        if distinct is None or distinct.args.get("on") or order is None or select.args.get("group"):
            continue
        if any(item.find(exp.AggFunc, exp.Window, exp.Star) for item in select.selects):
            continue
        shown = {item.unalias().sql() for item in select.selects} | {
            output_name(item) for item in select.selects
        }
        hidden = [
            key
            for key in order.expressions
            if key.this.sql() not in shown and key.this.name.lower() not in shown and not key.this.is_int
        ]
        if not hidden or any(key.this.find(exp.AggFunc, exp.Window) for key in hidden):
            continue
        for key in hidden:
            chosen = exp.Max if key.args.get("desc") else exp.Min
            key.set("this", chosen(this=key.this.copy()))
        select.set("distinct", None)
        keys = [item.unalias().copy() for item in select.selects]
        select.set("group", exp.Group(expressions=keys))
        return "DISTINCT cannot be ordered by what is not shown; the rows are grouped instead."
    return None


RULE = Rule("distinct_order", _fix)
