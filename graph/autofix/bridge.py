"""Two tables joined on a column that one of them lacks, where others stand between: those are brought in.

``bookings b JOIN hotels h ON b.hotel_id = h.hotel_id`` becomes bookings, rooms, hotels, when the rooms are
the only way from one to the other. The same where both have the columns, and these number different things of
which neither table refers to the other: ``customers c JOIN order_lines l ON c.customer_id = l.order_id``.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.idle_rows import is_named, is_read
from graph.autofix.key_pairs import is_strange, said_chain, sides_of
from graph.autofix.missing_join import join_along
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.joins import Join

MOST_JOINS = 3
"""Joins that the way between the two may take."""


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        sources = names.sources(scope)
        if any(source.table is None for source in sources):
            continue
        by_alias = {source.alias: source for source in sources}
        for place, join in enumerate(scope.expression.args.get("joins") or ()):
            here = by_alias.get(join.alias_or_name.lower())
            if here is None or here.table is None or join.side or not _is_broken(join, here, by_alias, names):
                continue
            before = sources[: place + 1]
            if here in before:
                continue
            start = [source.table.qualified_name for source in before if source.table]
            ways = names.joins.ways(start, here.table.qualified_name, longest=MOST_JOINS)
            strange = is_strange(join.args["on"], by_alias, names)
            if strange and not ways:
                ways = names.joins.ways(start, here.table.qualified_name, longest=MOST_JOINS + 1)
            way = said_chain(ways, context.question, names.joins)
            if way is None or len(way) < 2:
                continue
            *between, last = way
            if strange:
                if not _is_meant(join, here, sources, way, context):
                    continue
            elif not _is_its_key(join, way):
                continue
            alias = join_along(names, scope, before, between, wanted="", place=place)
            pairs = zip(last.left_columns, last.right_columns, strict=True)
            conditions = [_equal(alias, left, here.alias, right) for left, right in pairs]
            join.set("on", exp.and_(*conditions))
            added = " and ".join(step.right for step in between)
            return f"{here.alias} is reached over {added}, which connects the two."
    return None


def _is_broken(join: exp.Join, here: Source, sources: dict[str, Source], names: Names) -> bool:
    """Whether the join is by one equality, to a column that is not in its table, or from one that is not; or
    one between keys of two things."""
    condition = join.args.get("on")
    if not isinstance(condition, exp.EQ):
        return False
    broken, touches = False, False
    for side in (condition.this, condition.expression):
        source = sources.get(folded(side.args.get("table"))) if isinstance(side, exp.Column) else None
        if source is None:
            return False
        touches = touches or source is here
        broken = broken or source.has(folded(side.this)) is False
    return touches and (broken or is_strange(condition, sources, names))


def _is_meant(join: exp.Join, here: Source, sources: list[Source], way: list[Join], context: Context) -> bool:
    """Whether the table that is joined by a strange key is needed, and the way to it beyond doubt: by a key
    that is written, from each to what it refers to, or by a table that does nothing but connect the two."""
    select, joins = join.parent, context.names.joins
    if not isinstance(select, exp.Select):
        return False
    if not is_read(join, here, select) and not is_named(here, sources, context, context.notes):
        return False
    if _is_its_key(join, way) and not _are_own_keys(join, sources, context.names):
        return True
    forward = [joins.is_reference(step) for step in way]
    between = joins.table(way[0].right).primary_key
    connects = sorted((*way[0].right_columns, *way[-1].left_columns)) == sorted(between)
    return all(forward) or not any(forward) or (len(way) == 2 and connects)


def _are_own_keys(join: exp.Join, sources: list[Source], names: Names) -> bool:
    """Whether each side of the condition is its own table's key."""
    tables = {source.alias: source.table for source in sources}
    sides = sides_of(join.args["on"]) or ()
    ends = [(tables.get(folded(side.args.get("table"))), folded(side.this)) for side in sides]
    return all(table is not None and names.joins.own.key(table) == name for table, name in ends)


def _is_its_key(join: exp.Join, way: list[Join]) -> bool:
    """Whether the broken condition speaks of a key by which the way begins or ends."""
    condition = join.args["on"]
    written = {folded(side.this) for side in (condition.this, condition.expression)}
    return bool(written & {*way[0].left_columns, *way[-1].right_columns})


def _equal(left: str, left_column: str, right: str, right_column: str) -> exp.Expr:
    return exp.EQ(
        this=exp.column(identifier(left_column), table=left),
        expression=exp.column(identifier(right_column), table=right),
    )


RULE = Rule("bridge", _fix)
