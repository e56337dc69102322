"""A column of a table that FROM lacks, joined in where there is exactly one way to do it.

This changes what the statement reads, so it is strict: one table has the column (or the statement names the
table), one join leads there, over a foreign key or over columns whose names say that they belong together.
Tables that stand between the two are brought along when they are the only ones that connect them.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.key_pairs import said_chain, said_way
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.joins import Join
from graph.context.words import stem, words
from wire.snapshot import Table


def _fix(context: Context) -> str | None:
    names = context.names
    for item in names.unresolved():
        if item.problem == "ambiguous" or not isinstance(item.scope.expression, exp.Select):
            continue
        name, qualifier = folded(item.column.this), folded(item.column.args.get("table"))
        sources = names.sources(item.scope)
        if not sources or any(source.columns is None for source in sources):
            continue
        ways = [
            way
            for table in _candidates(names, name, qualifier, sources)
            if (way := way_to(names, sources, table, context.question)) is not None
        ]
        shortest = [way for way in ways if len(way) == min(map(len, ways))]
        if len(shortest) > 1:
            # Of several ways, the one that the statement goes elsewhere, too.
            used = _used_elsewhere(names, item.scope)
            shortest = [way for way in shortest if {join.right for join in way} <= used] or shortest
        if len(shortest) > 1:
            asked = _asked_for(names, context.question)
            shortest = [way for way in shortest if way[-1].right in asked] or shortest
        place = _place(item.column, item.scope, sources, shortest[0][0].left) if len(shortest) == 1 else None
        if place is None:
            continue
        way = shortest[0]
        alias = join_along(names, item.scope, sources, way, wanted=qualifier, place=place)
        for column in names.columns(item.scope):
            written = folded(column.args.get("table"))
            if column is item.column or (written == qualifier and item.problem == "no_source" and qualifier):
                column.set("table", exp.to_identifier(alias))
        added = " and ".join(join.right for join in way)
        return f"Joined {added}, which has {name}, on {_condition(way)}."
    return None


def _candidates(names: Names, column: str, qualifier: str, sources: list[Source]) -> list[Table]:
    """Tables outside FROM that have the column; only the one that the statement names, when it names one."""
    present = {source.table.qualified_name for source in sources if source.table}
    holders = [
        table
        for table in names.snapshot.tables
        if table.column(column) is not None
        and table.qualified_name not in present
        and table.partition_of is None
    ]
    return [table for table in holders if table.name == qualifier] or holders


def _asked_for(names: Names, question: str) -> set[str]:
    """Tables whose whole name stands in the question."""
    spoken = {stem(word) for word in words(question)}
    return {
        table.qualified_name
        for table in names.snapshot.listed
        if {stem(word) for word in names.joins.short.table_words(table)} <= spoken
    }


def _used_elsewhere(names: Names, scope: Scope) -> set[str]:
    """Tables that other scopes of the statement read."""
    return {
        source.table.qualified_name
        for other in names.scopes
        if other is not scope
        for source in names.sources(other)
        if source.table is not None
    }


MOST_JOINS = 3
"""Joins that a way to a missing column may take: two tables may stand between."""


def way_to(names: Names, sources: list[Source], goal: Table, question: str = "") -> list[Join] | None:
    """The joins that lead to the table, when there is one way only: direct, else over tables between. Of two
    references the question may say which is meant."""
    here = [source.table.qualified_name for source in sources if source.table]
    direct = [join for table in here for join in names.joins.between(table, goal.qualified_name)]
    if direct:
        # Several tables of FROM that share the key are joined on it already: the first will do.
        if len({(join.left_columns, join.right_columns) for join in direct}) > 1:
            # What a row refers to stands beside it once; what refers to it, many times.
            own = (names.joins.own.key(goal),)
            direct = [join for join in direct if join.right_columns == own]
        if len({(join.left_columns, join.right_columns) for join in direct}) == 1:
            return direct[:1]
        said = said_way(direct, question, names.joins) if len({join.left for join in direct}) == 1 else None
        return [said] if said is not None else None
    ways = names.joins.ways(here, goal.qualified_name, longest=MOST_JOINS)
    return said_chain(ways, question, names.joins) if ways else None


def _place(column: exp.Column, scope: Scope, sources: list[Source], start: str) -> int | None:
    """Before which of FROM's joins the new ones go; None when they would stand before what they join to.

    A condition of an earlier join can only refer to tables before it.
    """
    joins = scope.expression.args.get("joins") or []
    within = column.find_ancestor(exp.Join, exp.Select)
    if not isinstance(within, exp.Join):
        return len(joins)
    place = next(index for index, join in enumerate(joins) if join is within)
    before = sources[: place + 1]
    return place if any(source.table and source.table.qualified_name == start for source in before) else None


def join_along(
    names: Names, scope: Scope, sources: list[Source], way: list[Join], *, wanted: str, place: int
) -> str:
    """Add the joins to the scope's FROM, before its join number ``place``; returns the last table's alias."""
    aliases = {source.table.qualified_name: source.alias for source in sources if source.table}
    taken = {source.alias for source in sources}
    added: list[exp.Join] = []
    for join in way:
        schema, _, name = join.right.rpartition(".")
        last = join is way[-1]
        alias = wanted if last and wanted and wanted not in taken else _free(name, taken)
        taken.add(alias)
        aliases[join.right] = alias
        table = exp.Table(
            this=identifier(name),
            db=None if schema in names.snapshot.search_path else identifier(schema),
            alias=exp.TableAlias(this=exp.to_identifier(alias)) if alias != name else None,
        )
        on = exp.and_(
            *(
                exp.EQ(
                    this=exp.column(identifier(left), table=aliases[join.left]),
                    expression=exp.column(identifier(right), table=alias),
                )
                for left, right in zip(join.left_columns, join.right_columns, strict=True)
            )
        )
        added.append(exp.Join(this=table, on=on))
    joins = scope.expression.args.get("joins") or []
    scope.expression.set("joins", [*joins[:place], *added, *joins[place:]])
    return aliases[way[-1].right]


def _free(name: str, taken: set[str]) -> str:
    return next(
        candidate
        for number in range(1, 1000)
        if (candidate := name if number == 1 else f"{name}_{number}") not in taken
    )


def _condition(way: list[Join]) -> str:
    parts = []
    for join in way:
        kind = "" if join.declared else " (the columns' names agree; no foreign key is declared)"
        pairs = zip(join.left_columns, join.right_columns, strict=True)
        parts.append(" and ".join(f"{join.left}.{a} = {join.right}.{b}" for a, b in pairs) + kind)
    return "; ".join(parts)


RULE = Rule("missing_join", _fix)
