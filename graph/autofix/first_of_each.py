"""The first of each group, where the query gives the first of all: "for each category, the best product".

``… ORDER BY n DESC LIMIT 1`` becomes a rank within each group, ties included, as the question asks for one of
each. The group is a column that the query shows, or one of FROM that the question names after *each*.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import named_column
from graph.autofix.base import Context, Rule
from graph.autofix.names import folded, identifier, output_name

_EACH = re.compile(
    r"\b(?:for|in|within|per|of|at|on|by)\s+(?:each|every)\s+((?:\w+[\s']+){0,2}\w+)|"
    r"^\W*per\s+((?:\w+[\s']+){0,1}\w+)",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"\b(?:most|least|highest|lowest|largest|smallest|biggest|longest|shortest|oldest|newest|latest|earliest|"
    r"top|best|worst|first|last|cheapest|maximum|minimum)\b",
    re.IGNORECASE,
)
_RANK, _INNER = "place", "ranked"


def _fix(context: Context) -> str | None:
    select = context.tree
    asked = _EACH.search(context.question)
    if not isinstance(select, exp.Select) or asked is None or not _FIRST.search(context.question):
        return None
    limit, order = select.args.get("limit"), select.args.get("order")
    if not isinstance(limit, exp.Limit) or order is None or not isinstance(limit.expression, exp.Literal):
        return None
    if limit.expression.this != "1" or select.args.get("distinct") or select.args.get("offset"):
        return None
    if select.args.get("with_") or select.is_star or select.find(exp.Window):
        return None
    names = context.names
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    found = named_column(asked[1] or asked[2], sources, names)
    if found is None:
        return None
    source, column = found
    outputs = [output_name(item) for item in select.selects]
    if len(set(outputs)) != len(outputs) or "?column?" in outputs:
        return None
    shown = next((item for item in select.selects if _is(item.unalias(), column)), None)
    if len(outputs) < 2 and shown is not None:
        return None  # the group itself is what is asked for
    inner = select.copy()
    inner.set("limit", None)
    inner.set("order", None)
    key = shown.unalias() if shown is not None else exp.column(identifier(column), table=source.alias)
    if shown is None:
        inner.set("expressions", [key.copy(), *inner.expressions])
        outputs.insert(0, column)
        group = inner.args.get("group")
        if group is not None:
            if any(isinstance(one, exp.Literal) for one in group.expressions):
                return None
            group.append("expressions", key.copy())
    keys = [_resolved(one, select) for one in order.expressions]
    if any(one is None for one in keys):
        return None
    window = exp.Window(
        this=exp.Anonymous(this="RANK", expressions=[]),
        partition_by=[key.copy()],
        order=exp.Order(expressions=keys),
    )
    inner.append("expressions", exp.alias_(window, _RANK))
    outer = exp.select(*(exp.column(identifier(name), table=_INNER) for name in outputs))
    outer = outer.from_(inner.subquery(_INNER)).where(exp.column(_RANK, table=_INNER).eq(1))
    for arg in list(select.args):
        select.set(arg, None)
    for arg, value in outer.args.items():
        select.set(arg, value)
    return f"One of each {column} is asked for: the first within each, not of all."


def _is(item: exp.Expr, column: str) -> bool:
    return isinstance(item, exp.Column) and folded(item.this) == column


def _resolved(key: exp.Expr, select: exp.Select) -> exp.Expr | None:
    """A key of ORDER BY, with the select item in the place of its alias or number."""
    by = key.this
    if isinstance(by, exp.Literal):
        place = int(by.this) - 1 if not by.is_string else -1
        if not 0 <= place < len(select.selects):
            return None
        by = select.selects[place].unalias()
    elif isinstance(by, exp.Column) and not by.args.get("table"):
        alias = next((item for item in select.selects if item.alias == by.name and item.alias), None)
        by = alias.unalias() if alias is not None else by
    resolved = key.copy()
    resolved.set("this", by.copy())
    return resolved


RULE = Rule("first_of_each", _fix)
