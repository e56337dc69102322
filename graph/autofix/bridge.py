"""Two tables joined on a column that one of them lacks, where others stand between: those are brought in.

``bookings b JOIN hotels h ON b.hotel_id = h.hotel_id`` becomes bookings, rooms, hotels, when the rooms are
the only way from one to the other.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.missing_join import join_along
from graph.autofix.names import Source, folded, identifier
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
            if here is None or here.table is None or join.side or not _is_broken(join, here, by_alias):
                continue
            before = sources[: place + 1]
            if here in before:
                continue
            start = [source.table.qualified_name for source in before if source.table]
            ways = names.joins.ways(start, here.table.qualified_name, longest=MOST_JOINS)
            if len(ways) != 1 or len(ways[0]) < 2:
                continue
            *between, last = ways[0]
            if not _is_its_key(join, ways[0]):
                continue
            alias = join_along(names, scope, before, between, wanted="", place=place)
            pairs = zip(last.left_columns, last.right_columns, strict=True)
            conditions = [_equal(alias, left, here.alias, right) for left, right in pairs]
            join.set("on", exp.and_(*conditions))
            added = " and ".join(step.right for step in between)
            return f"{here.alias} is reached over {added}, which connects the two."
    return None


def _is_broken(join: exp.Join, here: Source, sources: dict[str, Source]) -> bool:
    """Whether the join is by one equality, to a column that is not in its table, or from one that is not."""
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
    return broken and touches


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
