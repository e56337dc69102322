"""The first time of each thing, counted as any time: "customers who placed their first order in 2025".

``COUNT(DISTINCT customer_id) … WHERE year(ordered_on) = 2025`` counts all who ordered then. The first moment
of each is taken before it is asked when it was.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_groups import asked_things, is_called
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import folded, identifier
from graph.context.words import stem

_HOW_MANY = re.compile(
    r"\b(?:how\s+many|number\s+of)\s+((?:\w+\s+){0,2}\w+)[^.;?]*?\b(?:their\s+(?:very\s+)?first\s+(\w+)|"
    r"for\s+the\s+first\s+time)\b",
    re.IGNORECASE,
)
_PARTS = ("having", "limit", "distinct", "with_", "joins")


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = _HOW_MANY.search(context.question)
    scope = names.scopes[-1]
    if asked is None or not isinstance(select, exp.Select) or scope.expression is not select:
        return None
    if any(select.args.get(part) for part in _PARTS) or select.find(exp.Window, exp.Subquery):
        return None
    sources = names.sources(scope)
    table = sources[0].table if len(sources) == 1 else None
    rows = select.args["from_"].this if select.args.get("from_") else None
    if table is None or not isinstance(rows, exp.Table):
        return None
    if (
        asked[2]
        and names.joins.short.table_words(table)[-1:] != []
        and stem(asked[2]) not in {stem(word) for word in names.joins.short.table_words(table)}
    ):
        return None
    things = asked_things(asked[1])
    keys = [
        column.name
        for column in table.columns
        if column.name != names.joins.own.key(table)
        and is_called(exp.column(identifier(column.name)), things, sources, names)
    ]
    counts = [item for item in select.selects if isinstance(item.unalias(), exp.Count)]
    if len(keys) != 1 or len(counts) != 1 or len(list(select.find_all(exp.AggFunc))) > 2:
        return None
    where = select.args.get("where")
    tests = _conjuncts(where.this) if where is not None else []
    moments = {
        folded(column.this) for column in names.columns(scope) if kind_of(column, names, scope) in MOMENTS
    }
    if len(moments) != 1:
        return None
    [moment] = moments
    timed = [one for one in tests if _names(one) == {moment}]
    others = [one for one in tests if moment not in _names(one)]
    group = select.args.get("group")
    shown = [item for item in select.selects if item not in counts]
    if len(timed) + len(others) != len(tests) or not (timed or group):
        return None
    if any(_names(item) != {moment} for item in shown):
        return None
    key = exp.column(identifier(keys[0]))
    first = exp.alias_(exp.Min(this=exp.column(identifier(moment))), identifier(moment))
    inner = exp.select(key.copy(), first).from_(rows.copy())
    inner.set("where", exp.Where(this=exp.and_(*(one.copy() for one in others))) if others else None)
    inner.set("group", exp.Group(expressions=[key.copy()]))
    counts[0].unalias().set("this", exp.Star())
    rows.replace(inner.subquery(identifier(sources[0].alias)))
    select.set("where", exp.Where(this=exp.and_(*(one.copy() for one in timed))) if timed else None)
    return f"The first {moment} of each {keys[0]} is taken; any other time does not count."


def _conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _names(node: exp.Expr) -> set[str]:
    return {folded(column.this) for column in node.find_all(exp.Column)}


RULE = Rule("first_time", _fix)
