"""The first of each group, where the query gives the first of all: "for each category, the best product".

``… ORDER BY n DESC LIMIT 1`` becomes a rank within each group, ties included, as the question asks for one of
each; the first two of each likewise. The group is a column that the query shows, or one of FROM that the
question names after *each*. "Each vessel's latest inspection" may come ordered by time and not cut at all.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import thing_column
from graph.autofix.asked_limit import asked_number
from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import folded, identifier, output_name

_EACH = re.compile(
    r"\b(?:for|in|within|per|of|at|on|by)\s+(?:each|every)\s+((?:\w+[\s']+){0,2}\w+)|"
    r"^\W*per\s+((?:\w+[\s']+){0,1}\w+)|\b(?:each|every)\s+((?:\w+\s+){0,1}\w+)(?='s|s'|\W+(?:last|latest|first)\b)",
    re.IGNORECASE,
)
_BY_TIME = re.compile(r"\b(?:latest|last|most\s+recent(?:ly)?|newest|earliest|first|oldest)\b", re.IGNORECASE)
FIRST = re.compile(
    r"\b(?:most|least|highest|lowest|largest|smallest|biggest|longest|shortest|oldest|newest|latest|earliest|"
    r"top|best|worst|first|last|cheapest|maximum|minimum|heaviest|lightest|greatest|fewest|busiest|youngest|tallest|"
    r"priciest|dearest|fastest|slowest|strongest|hottest|coldest)\b",
    re.IGNORECASE,
)
_RANK, _INNER = "place", "ranked"


def _fix(context: Context) -> str | None:
    select = context.tree
    asked = _EACH.search(context.question)
    if not isinstance(select, exp.Select) or asked is None or not FIRST.search(context.question):
        return None
    order = select.args.get("order")
    number = _number(context)
    if number is None or order is None or select.args.get("distinct") or select.args.get("offset"):
        return None
    if select.args.get("with_") or select.is_star or select.find(exp.Window):
        return None
    names = context.names
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    found = thing_column(asked[1] or asked[2] or asked[3], sources, names)
    if found is None:
        return None
    source, column = found
    outputs = [output_name(item) for item in select.selects]
    if len(set(outputs)) != len(outputs) or "?column?" in outputs:
        return None
    shown = next((item for item in select.selects if _is(item.unalias(), column)), None)
    if len(outputs) < 2 and shown is not None:
        return None  # the group itself is what is asked for
    key = shown.unalias() if shown is not None else exp.column(identifier(column), table=source.alias)
    keys = [resolved_key(one, select) for one in order.expressions]
    if any(one is None for one in keys):
        return None
    if shown is None:
        outputs.insert(0, column)
        group = select.args.get("group")
        if group is not None and any(isinstance(one, exp.Literal) for one in group.expressions):
            return None
        select.set("expressions", [key.copy(), *select.expressions])
        if group is not None:
            group.append("expressions", key.copy())
    rank_within(select, [key], keys, outputs, number)
    many = "One of each" if number == 1 else f"{number} of each"
    return f"{many} {column} is asked for: the first within each, not of all."


def rank_within(
    select: exp.Select, parts: list[exp.Expr], keys: list[exp.Expr | None], outputs: list[str], number: int
) -> None:
    """Leave of the rows only the first of each part, by these keys; ties included."""
    inner = select.copy()
    inner.set("limit", None)
    inner.set("order", None)
    window = exp.Window(
        this=exp.Anonymous(this="RANK", expressions=[]),
        partition_by=[part.copy() for part in parts],
        order=exp.Order(expressions=keys),
    )
    inner.append("expressions", exp.alias_(window, _RANK))
    outer = exp.select(*(exp.column(identifier(name), table=_INNER) for name in outputs))
    place = exp.column(_RANK, table=_INNER)
    outer = outer.from_(inner.subquery(_INNER)).where(place.eq(1) if number == 1 else place <= number)
    for arg in list(select.args):
        select.set(arg, None)
    for arg, value in outer.args.items():
        select.set(arg, value)


def _number(context: Context) -> int | None:
    """How many of each are asked for; None when the query does not cut its order to as many."""
    select = context.tree
    limit, order = select.args.get("limit"), select.args.get("order")
    if limit is None:
        key = order.expressions[0].this if order is not None and len(order.expressions) == 1 else None
        scope = context.names.scopes[-1]
        ordered = key is not None and kind_of(key, context.names, scope) in MOMENTS
        return 1 if ordered and not select.args.get("group") and _BY_TIME.search(context.question) else None
    if not isinstance(limit, exp.Limit) or not isinstance(limit.expression, exp.Literal):
        return None
    written = limit.expression.this
    if written == "1":
        return 1
    return int(written) if written == str(asked_number(context.question)) else None


def _is(item: exp.Expr, column: str) -> bool:
    return isinstance(item, exp.Column) and folded(item.this) == column


def resolved_key(key: exp.Expr, select: exp.Select) -> exp.Expr | None:
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
