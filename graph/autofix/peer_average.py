"""Things held against the average of all, where that of their own group is asked: "more than the average of
their department".

The subquery that averages is held to the rows of the same group; a ``GROUP BY`` in it, which would give
several rows, goes.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import thing_column
from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier

_ASKED = (
    re.compile(
        r"\baverage\b(?:\s+[\w-]+){0,4}?\s+(?:of|in|for|within|at|among|on|from)\s+"
        r"(?:its|their|his|her|the\s+same|that)\s+(?:own\s+|respective\s+)?(?P<group>\w+(?:\s+\w+){0,2})",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:its|their|his|her)\s+(?:own\s+)?(?P<group>\w+(?:\s+\w+)?)['’]s?\s+(?:own\s+)?average\b",
        re.IGNORECASE,
    ),
)
_COMPARED = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_PEERS = "peers"


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = next((hit for pattern in _ASKED if (hit := pattern.search(context.question))), None)
    if asked is None or not isinstance(select, exp.Select) or select.args.get("group"):
        return None
    scope = names.scopes[-1]
    where = select.args.get("where")
    if scope.expression is not select or where is None:
        return None
    sources = names.sources(scope)
    for test in where.find_all(*_COMPARED):
        inner = test.expression.find(exp.Select) if test.parent_select is select else None
        if inner is None or not isinstance(test.this, exp.Column):
            continue
        found = _averaged(inner, test.this, names, sources)
        if found is None:
            continue
        outer, average = found
        group = thing_column(asked["group"], [outer], names)
        if group is None or group[1] == folded(test.this.this):
            continue
        key = group[1]
        table = inner.args["from_"].this
        table.set("alias", exp.TableAlias(this=exp.to_identifier(_PEERS)))
        average.this.set("table", exp.to_identifier(_PEERS))
        for column in inner.find_all(exp.Column):
            column.set("table", exp.to_identifier(_PEERS))
        same = exp.EQ(
            this=exp.column(identifier(key), table=_PEERS),
            expression=exp.column(identifier(key), table=outer.alias),
        )
        inner.set("group", None)
        own = inner.args.get("where")
        inner.set("where", exp.Where(this=exp.and_(*([own.this.copy()] if own is not None else []), same)))
        return f"The average asked for is that of the same {key}, not of all."
    return None


def _averaged(
    inner: exp.Select, column: exp.Column, names: Names, sources: list[Source]
) -> tuple[Source, exp.Avg] | None:
    """The source whose rows a subquery averages, by the column that is held against it."""
    scope = next((one for one in names.scopes if one.expression is inner), None)
    if scope is None or len(inner.selects) != 1 or inner.args.get("joins") or inner.args.get("having"):
        return None
    within = names.sources(scope)
    average = inner.selects[0].unalias()
    if len(within) != 1 or within[0].table is None or not isinstance(average, exp.Avg):
        return None
    if not isinstance(average.this, exp.Column) or folded(average.this.this) != folded(column.this):
        return None
    if inner.find(exp.Subquery) or any(
        folded(one.args.get("table")) not in {"", within[0].alias} for one in inner.find_all(exp.Column)
    ):
        return None
    same = [one for one in sources if one.table is within[0].table]
    return (same[0], average) if len(same) == 1 else None


RULE = Rule("peer_average", _fix)
