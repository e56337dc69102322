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
    select.set("expressions", [*(key.copy() for key in keys), *select.expressions])
    return f"{', '.join(key.name for key in keys)} is shown beside each group's figures."


RULE = Rule("shown_group", _fix)
