"""The last of each, where the query takes the last of all or of groups that are too fine.

``SELECT v.name, i.result, MAX(i.held) … GROUP BY v.name, i.result`` gives the last inspection of each vessel
with each result; asked for is the result of each vessel's last one. And ``held = (SELECT MAX(held) FROM
inspection)`` gives the last day on which any vessel was inspected. The same for the first, and for the
largest and the smallest where the question says of which each.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import asked_groups, thing_column
from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Names, Source, folded, identifier, output_name
from graph.context.words import name_words, stem

_LAST = re.compile(r"\b(?:latest|last|most\s+recent(?:ly)?|newest|current(?:ly)?)\b", re.IGNORECASE)
_FIRST = re.compile(r"\b(?:first|earliest|oldest|original(?:ly)?|initial(?:ly)?)\b", re.IGNORECASE)
_MOST = re.compile(r"\b(?:largest|highest|biggest|greatest|most|longest|heaviest|best|maximum|max)\b", re.I)
_LEAST = re.compile(r"\b(?:smallest|lowest|least|shortest|lightest|cheapest|fewest|minimum|min)\b", re.I)
_EACH = re.compile(r"\b(?:each|every|per|by|and)\s+(\w+)", re.IGNORECASE)
"""Words of what is asked for each: "the last order of each customer and kind"."""
_RANK, _INNER = "place", "ranked"


def _fix(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or not context.names.scopes:
        return None
    last, first = bool(_LAST.search(context.question)), bool(_FIRST.search(context.question))
    if not last and not first:
        last, first = bool(_MOST.search(context.question)), bool(_LEAST.search(context.question))
    if last == first:
        return None
    kind = exp.Max if last else exp.Min
    return _too_fine(select, context, kind) or _of_all(select, context, kind)


def _too_fine(select: exp.Select, context: Context, kind: type[exp.Max] | type[exp.Min]) -> str | None:
    """Groups of a thing and of what the rows say: the row that is last for the thing is meant."""
    names = context.names
    scope = names.scopes[-1]
    sources = names.sources(scope)
    group = select.args.get("group")
    if scope.expression is not select or group is None or any(source.table is None for source in sources):
        return None
    if any(select.args.get(part) for part in ("having", "limit", "with_", "distinct")) or select.find(
        exp.Window
    ):
        return None
    aggregates = list(select.find_all(exp.AggFunc))
    ends = [one for one in aggregates if isinstance(one, kind) and one.parent_select is select]
    if not ends or len({one.sql() for one in aggregates}) != 1 or not isinstance(ends[0].this, exp.Column):
        return None
    moment = ends[0].this
    rows = _source(moment, sources)
    keys = group.expressions
    if rows is None or not all(isinstance(key, exp.Column) for key in keys):
        return None
    asked_for = [thing_column(one, sources, names) for one in asked_groups(context.question)]
    named = {found[1] for found in asked_for if found is not None}
    things = [key for key in keys if folded(key.this) in named]
    if not things and kind_of(moment, names, scope) in MOMENTS:
        things = [key for key in keys if _source(key, sources) is not rows or _refers(key, rows, names)]
    told = [_source(one, sources) for one in things if _is_own(one, sources, names)]
    said = [
        key for key in keys if not any(key is thing for thing in things) and _source(key, sources) not in told
    ]
    asked = {stem(word.lower()) for word in _EACH.findall(context.question)}
    if not things or not said or any(stem(name_words(key.name)[-1]) in asked for key in said):
        return None
    outputs = [output_name(item) for item in select.selects]
    if len(set(outputs)) != len(outputs) or "?column?" in outputs:
        return None
    inner = select.copy()
    for item in list(inner.selects):
        for end in list(item.find_all(kind)):
            bare = end.this.copy()
            if end is item:
                bare = exp.alias_(bare, output_name(end))
            end.replace(bare)
    inner.set("group", None)
    inner.set("order", None)
    window = exp.Window(
        this=exp.Anonymous(this="RANK", expressions=[]),
        partition_by=[key.copy() for key in things],
        order=exp.Order(
            expressions=[exp.Ordered(this=moment.copy(), desc=kind is exp.Max, nulls_first=False)]
        ),
    )
    inner.append("expressions", exp.alias_(window, _RANK))
    outer = exp.select(*(exp.column(identifier(name), table=_INNER) for name in outputs))
    outer = outer.from_(inner.subquery(_INNER)).where(exp.column(_RANK, table=_INNER).eq(1))
    for arg in list(select.args):
        select.set(arg, None)
    for arg, value in outer.args.items():
        select.set(arg, value)
    which = "last" if kind is exp.Max else "first"
    return f"The {which} row of each is meant, not the {which} of each kind of row."


def _of_all(select: exp.Select, context: Context, kind: type[exp.Max] | type[exp.Min]) -> str | None:
    """A moment held against the last one of all rows: against the last one of the same thing."""
    names = context.names
    scope = names.scopes[-1]
    where = select.args.get("where")
    sources = names.sources(scope)
    if where is None or scope.expression is not select:
        return None
    groups = [
        found for phrase in asked_groups(context.question) if (found := thing_column(phrase, sources, names))
    ]
    if not groups:
        return None
    thing, key = groups[0]
    for test in where.find_all(exp.EQ):
        inner = test.expression.unnest() if isinstance(test.expression, exp.Subquery) else None
        if (
            not isinstance(test.this, exp.Column)
            or not isinstance(inner, exp.Select)
            or len(inner.selects) != 1
        ):
            continue
        end = inner.selects[0].unalias()
        rows = _source(test.this, sources)
        if (
            rows is None
            or rows.table is None
            or not isinstance(end, kind)
            or inner.args.get("where")
            or inner.args.get("joins")
        ):
            continue
        within = next((names.sources(one) for one in names.scopes if one.expression is inner), [])
        if (
            len(within) != 1
            or within[0].table is not rows.table
            or folded(end.this.this) != folded(test.this.this)
        ):
            continue
        column = key if thing is rows else _reference(rows, thing, key, names)
        if column is None:
            continue
        alias = "same" if within[0].alias == rows.alias else within[0].alias
        if alias == "same":
            relation = inner.find(exp.Table)
            assert relation is not None
            relation.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
        for one in inner.find_all(exp.Column):
            one.set("table", exp.to_identifier(alias))
        mine = exp.column(identifier(column), table=alias)
        theirs = exp.column(identifier(column), table=rows.alias)
        inner.set("where", exp.Where(this=exp.EQ(this=mine, expression=theirs)))
        which = "last" if kind is exp.Max else "first"
        return f"Asked for each {column}: the {which} of each is meant, not the {which} of all."
    return None


def _is_own(key: exp.Column, sources: list[Source], names: Names) -> bool:
    """Whether a column tells its table's own rows apart: what else stands there is that of the same thing."""
    source = _source(key, sources)
    return (
        source is not None
        and source.table is not None
        and names.joins.own.key(source.table) == folded(key.this)
    )


def _refers(key: exp.Column, rows: Source, names: Names) -> bool:
    """Whether a column of the rows refers to another table."""
    assert rows.table is not None
    return names.joins.refers(rows.table.qualified_name, folded(key.this))


def _reference(rows: Source, thing: Source, key: str, names: Names) -> str | None:
    """The rows' column that refers to the thing's table."""
    if rows.table is None or thing.table is None:
        return None
    joins = names.joins.between(rows.table.qualified_name, thing.table.qualified_name)
    columns = {join.left_columns[0] for join in joins if len(join.left_columns) == 1}
    return columns.pop() if len(columns) == 1 else None


def _source(column: exp.Column, sources: list[Source]) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


RULE = Rule("latest_of_each", _fix)
