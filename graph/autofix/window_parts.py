"""A window over all rows, where one within each of something is asked for: the days between a member's loans.

``LAG(lent_on) OVER (ORDER BY lent_on)`` takes the loan before of whoever it was. Where the question says *for
each* of things that the query shows, or *within each*, the window is cut into parts by them. A rank of each
thing among all is none within it.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import thing_column
from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import folded

_EACH = re.compile(
    r"\b(?:for|of|per|by)\s+(?:each|every)\s+((?:\w+\s+){0,1}\w+)|\bper\s+((?:\w+\s+){0,1}\w+)", re.IGNORECASE
)
_WITHIN = re.compile(
    r"\b(?:within|inside|in)\s+(?:each|every|its|their)\s+((?:\w+\s+){0,1}\w+)", re.IGNORECASE
)
_NEIGHBOURS = (exp.Lag, exp.Lead)


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or scope.expression is not select or not isinstance(select, exp.Select):
        return None
    windows = [one for one in select.find_all(exp.Window) if one.parent_select is select]
    if not windows or any(one.args.get("partition_by") or not one.args.get("order") for one in windows):
        return None
    if len({one.sql() for one in windows}) != 1:
        return None
    within = _WITHIN.findall(context.question)
    each = [one or other for one, other in _EACH.findall(context.question)]
    phrases = within or (each if isinstance(windows[0].this, _NEIGHBOURS) else [])
    sources = names.sources(scope)
    if len(phrases) != 1 or any(source.table is None for source in sources):
        return None
    found = thing_column(phrases[0], sources, names)
    if found is None or kind_of_type((found[0].columns or {}).get(found[1], "")) in MOMENTS:
        return None
    shown = [item.unalias() for item in select.selects]
    part = next(
        (
            item
            for item in shown
            if isinstance(item, exp.Column)
            and (folded(item.this) == found[1] or _is_called(item, found[0].alias, context))
        ),
        None,
    )
    ordered = windows[0].args["order"]
    if part is None or part in ordered.find_all(exp.Column):
        return None
    for window in windows:
        window.set("partition_by", [part.copy()])
    return f"Asked within each {part.name}: the rows of each are looked at by themselves."


def _is_called(item: exp.Column, alias: str, context: Context) -> bool:
    """Whether the column says which of the things it is: the name of what the key tells apart."""
    source = next(
        (one for one in context.names.sources(context.names.scopes[-1]) if one.alias == alias), None
    )
    if source is None or source.table is None or folded(item.args.get("table")) not in {alias, ""}:
        return False
    return folded(item.this) in context.names.joins.own.called(source.table)


RULE = Rule("window_parts", _fix)
