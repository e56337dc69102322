"""Two keys held against each other that number different things: ``orders.id = customers.id``.

Both are numbers, so PostgreSQL finds rows, and any of them are wrong. Where exactly one reference leads from
one of the two tables to the other, it is taken; ``imo IN (SELECT call_id FROM calls)`` reads their imo.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.joins import Join, JoinGraph
from graph.context.words import name_words
from wire.snapshot import Table


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        if not isinstance(scope.expression, exp.Select):
            continue
        for join in scope.expression.args.get("joins") or ():
            said = _joined(join, names, scope)
            if said is not None:
                return said
        for test in scope.find_all(exp.In):
            said = _listed(test, names, scope)
            if said is not None:
                return said
    return None


def _joined(join: exp.Join, names: Names, scope: Scope) -> str | None:
    on = join.args.get("on")
    if (
        not isinstance(on, exp.EQ)
        or not isinstance(on.this, exp.Column)
        or not isinstance(on.expression, exp.Column)
    ):
        return None
    left, right = _source(on.this, names, scope), _source(on.expression, names, scope)
    if (
        left is None
        or right is None
        or left.table is None
        or right.table is None
        or left.table is right.table
    ):
        return None
    way = _other_way(on.this, left.table, on.expression, right.table, names.joins)
    if way is None:
        return None
    written = on.sql(dialect="postgres")
    on.this.set("this", identifier(way.left_columns[0]))
    on.expression.set("this", identifier(way.right_columns[0]))
    on.this.set("table", exp.to_identifier(left.alias))
    on.expression.set("table", exp.to_identifier(right.alias))
    return f"{written} holds keys of different things against each other; it is {on.sql(dialect='postgres')}."


def _listed(test: exp.In, names: Names, scope: Scope) -> str | None:
    query = test.args.get("query")
    inner = query.unnest() if isinstance(query, exp.Expr) else None
    if not isinstance(test.this, exp.Column) or not isinstance(inner, exp.Select) or len(inner.selects) != 1:
        return None
    within = next((one for one in names.scopes if one.expression is inner), None)
    shown = inner.selects[0].unalias()
    if within is None or not isinstance(shown, exp.Column) or inner.args.get("group"):
        return None
    if _is_nowhere(shown, names, within):
        name = folded(test.this.this)
        holders = [one for one in names.sources(within) if one.has(name)]
        if len(holders) != 1 or name_words(name)[-1:] == ["name"] or folded(shown.this) == name:
            return None
        said = shown.name
        shown.set("this", identifier(name))
        shown.set("table", exp.to_identifier(holders[0].alias))
        return f"There is no {said} in {holders[0].alias}: {name} is read, which is looked for."
    outer, source = _source(test.this, names, scope), _source(shown, names, within)
    if (
        outer is None
        or source is None
        or outer.table is None
        or source.table is None
        or outer.table is source.table
    ):
        return None
    way = _other_way(test.this, outer.table, shown, source.table, names.joins)
    if way is None or way.left_columns[0] != folded(test.this.this):
        return None
    said = shown.name
    shown.set("this", identifier(way.right_columns[0]))
    return f"{said} numbers other things than {test.this.name}: {way.right_columns[0]} is read."


def _other_way(
    left: exp.Column, mine: Table, right: exp.Column, theirs: Table, joins: JoinGraph
) -> Join | None:
    """The one join between two tables, where what is written is another pair of keys and none of theirs."""
    pair = folded(left.this), folded(right.this)
    ways = joins.between(mine.qualified_name, theirs.qualified_name)
    ways = [way for way in ways if len(way.left_columns) == 1]
    if len(ways) != 1 or (not ways[0].declared and pair[0] == pair[1]):
        return None
    if (ways[0].left_columns[0], ways[0].right_columns[0]) == pair or not (
        _is_key(mine, pair[0]) and _is_key(theirs, pair[1])
    ):
        return None
    if pair[0] == pair[1] and name_words(pair[0]) != ["id"]:
        return None
    if _leads_to(mine, pair[0], joins) & _leads_to(theirs, pair[1], joins):
        return None  # both refer to the same thing
    return ways[0]


def _leads_to(table: Table, column: str, joins: JoinGraph) -> set[tuple[str, str]]:
    """The keys that a column is or refers to."""
    found = {(table.qualified_name, column)} if table.primary_key == [column] else set()
    for join in joins.of(table.qualified_name):
        if join.left_columns == (column,) and join.right in joins.referred(table.qualified_name):
            found.add((join.right, join.right_columns[0]))
    return found


def _is_key(table: Table, column: str) -> bool:
    """Whether a column is the table's own key or refers to one."""
    if table.primary_key == [column] or any(key.columns == [column] for key in table.foreign_keys):
        return True
    return name_words(column)[-1:] == ["id"]


def _is_nowhere(column: exp.Column, names: Names, scope: Scope) -> bool:
    """Whether no source of the scope has the column, as far as all of them are known."""
    sources = names.sources(scope)
    return bool(sources) and all(one.has(folded(column.this)) is False for one in sources)


def _source(column: exp.Column, names: Names, scope: Scope) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [
        one for one in names.sources(scope) if (one.alias == qualifier if qualifier else bool(one.has(name)))
    ]
    return found[0] if len(found) == 1 and found[0].has(name) else None


RULE = Rule("wrong_key", _fix)
