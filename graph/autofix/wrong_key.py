"""Two keys held against each other that number different things: ``orders.id = customers.id``.

Both are numbers, so PostgreSQL finds rows, and any of them are wrong. Where exactly one reference leads from
one of the two tables to the other, or the question has a word of only one (*as white* of ``white_id``), it is
taken; ``imo IN (SELECT call_id FROM calls)`` reads their imo. The same in WHERE and in correlated subqueries.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.key_pairs import equalities, is_key, leads_to, said_way, sides_of, source_of
from graph.autofix.names import Names, folded, identifier
from graph.context.joins import Join, JoinGraph
from graph.context.words import name_words
from wire.snapshot import Table


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        for test in equalities(select):
            said = _joined(test, context, scope)
            if said is not None:
                return said
        for listed in scope.find_all(exp.In, exp.EQ):
            said = _listed(listed, context, scope)
            if said is not None:
                return said
    return None


def _joined(test: exp.Expr, context: Context, scope: Scope) -> str | None:
    sides, names = sides_of(test), context.names
    if sides is None:
        return None
    left, right = (source_of(side, names.visible(scope)) for side in sides)
    if (
        left is None
        or right is None
        or left.table is None
        or right.table is None
        or left.table is right.table
    ):
        return None
    pair = folded(sides[0].this), folded(sides[1].this)
    if not _is_other(pair, left.table, right.table, names.joins):
        return None
    ways = _ways(left.table, right.table, names.joins)
    if len(ways) > 1:
        taken = _taken(context, left.table, right.table)
        way = said_way([one for one in ways if _columns(one) not in taken], context.question, names.joins)
    else:
        way = ways[0] if ways else None
    if way is None or (not way.declared and pair[0] == pair[1]):
        return None
    if any(_says(one, left.alias, right.alias, way) for one in equalities(scope.expression)):
        return None
    written = test.sql(dialect="postgres")
    for side, source, name in zip(sides, (left, right), _columns(way), strict=True):
        side.set("this", identifier(name))
        side.set("table", exp.to_identifier(source.alias))
    return (
        f"{written} holds keys of different things against each other; it is {test.sql(dialect='postgres')}."
    )


def _taken(context: Context, mine: Table, theirs: Table) -> set[tuple[str, str]]:
    """The references from one table to the other that the statement goes already."""
    names, found = context.names, set[tuple[str, str]]()
    for scope in names.scopes:
        for test in equalities(scope.expression):
            sides = sides_of(test)
            for left, right in (sides, sides[::-1]) if sides else ():
                here, there = source_of(left, names.visible(scope)), source_of(right, names.visible(scope))
                if here and there and here.table is mine and there.table is theirs:
                    found.add((folded(left.this), folded(right.this)))
    return found


def _says(test: exp.Expr, left: str, right: str, way: Join) -> bool:
    """Whether an equality is this very join of the two sources."""
    sides = sides_of(test)
    if sides is None:
        return False
    written = {(folded(side.args.get("table")), folded(side.this)) for side in sides}
    return written == {(left, way.left_columns[0]), (right, way.right_columns[0])}


def _listed(test: exp.Expr, context: Context, scope: Scope) -> str | None:
    names = context.names
    query = test.args.get("query") if isinstance(test, exp.In) else test.args.get("expression")
    inner = query.unnest() if isinstance(query, exp.Subquery) else None
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
    outer, source = source_of(test.this, names.sources(scope)), source_of(shown, names.sources(within))
    if (
        outer is None
        or source is None
        or outer.table is None
        or source.table is None
        or outer.table is source.table
    ):
        return None
    name, said = folded(test.this.this), folded(shown.this)
    ways = [way for way in _ways(outer.table, source.table, names.joins) if way.left_columns == (name,)]
    way = said_way(ways, context.question, names.joins)
    if way is None or not _is_other((name, said), outer.table, source.table, names.joins):
        return None
    if not way.declared and name == said:
        return None
    shown.set("this", identifier(way.right_columns[0]))
    return f"{said} numbers other things than {test.this.name}: {way.right_columns[0]} is read."


def _ways(mine: Table, theirs: Table, joins: JoinGraph) -> list[Join]:
    ways = joins.between(mine.qualified_name, theirs.qualified_name)
    return [way for way in ways if len(way.left_columns) == 1]


def _columns(way: Join) -> tuple[str, str]:
    return way.left_columns[0], way.right_columns[0]


def _is_other(pair: tuple[str, str], mine: Table, theirs: Table, joins: JoinGraph) -> bool:
    """Whether the pair are keys, of two things and of no join between the tables."""
    if any(_columns(way) == pair for way in _ways(mine, theirs, joins)):
        return False
    if not (is_key(mine, pair[0]) and is_key(theirs, pair[1])):
        return False
    if pair[0] == pair[1] and name_words(pair[0]) != ["id"]:
        return False
    # Both may refer to the same thing; and what a key refers to may be said nowhere (``head_id``).
    here, there = leads_to(mine, pair[0], joins), leads_to(theirs, pair[1], joins)
    return bool(here and there) and not here & there


def _is_nowhere(column: exp.Column, names: Names, scope: Scope) -> bool:
    """Whether no source of the scope has the column, as far as all of them are known."""
    sources = names.sources(scope)
    return bool(sources) and all(one.has(folded(column.this)) is False for one in sources)


RULE = Rule("wrong_key", _fix)
