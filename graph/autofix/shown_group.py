"""Aggregates per group without the group: ``SELECT SUM(x) … GROUP BY country`` shows numbers of nobody."""

from sqlglot import exp

from graph.autofix.base import Context, Rule


def _fix(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or select.args.get("distinct"):
        return None
    group = select.args.get("group")
    if group is None or not all(item.unalias().find(exp.AggFunc) for item in select.selects):
        return None
    keys = [key for key in group.expressions if isinstance(key, exp.Column)]
    if not keys or len(keys) != len(group.expressions):
        return None
    shown = [key.copy() for key in keys]
    # Places that ORDER BY counts must stay as they are.
    counted = any(isinstance(key.this, exp.Literal) for key in select.find_all(exp.Ordered))
    select.set("expressions", [*select.expressions, *shown] if counted else [*shown, *select.expressions])
    return f"{', '.join(key.name for key in keys)} is shown beside each group's figures."


RULE = Rule("shown_group", _fix)
