"""Sums over rows that a join has multiplied: an order's total, added up once for each of its lines.

Seen in the query's shape: the summed column is of a table that stands on the "one" side of a join, while
another table of FROM has many rows for each of its.
"""

from sqlglot import exp

from graph.autofix.names import Names, Source, folded
from graph.results.base import Check, Seen


def _multiplied(seen: Seen) -> str | None:
    found = seen.outermost
    if found is None:
        return None
    names, scope, select = found
    sources = {source.alias: source for source in names.sources(scope)}
    if len(sources) < 2 or any(source.table is None for source in sources.values()):
        return None
    for aggregate in select.find_all(exp.Sum, exp.Avg):
        column = aggregate.this
        if isinstance(aggregate.this, exp.Distinct) or not isinstance(column, exp.Column):
            continue
        summed = _source_of(column, sources)
        many = summed and _many_side(names, summed, sources)
        if summed and many:
            return (
                f"{folded(column.this)} of {summed.alias} is added up once for each row of {many.alias} "
                "that is joined to it."
            )
    return None


def _source_of(column: exp.Column, sources: dict[str, Source]) -> Source | None:
    qualifier = folded(column.args.get("table"))
    if qualifier:
        return sources.get(qualifier)
    holders = [source for source in sources.values() if source.has(folded(column.this))]
    return holders[0] if len(holders) == 1 else None


def _many_side(names: Names, summed: Source, sources: dict[str, Source]) -> Source | None:
    """A joined table that holds a foreign key to the summed one, and so may repeat its rows."""
    assert summed.table is not None
    for other in sources.values():
        if other is summed or other.table is None:
            continue
        for join in names.joins.between(summed.table.qualified_name, other.table.qualified_name):
            if join.declared and _refers(other, summed) and not _refers(summed, other):
                return other
    return None


def _refers(left: Source, right: Source) -> bool:
    """Whether the left table declares a foreign key to the right one that is not its own whole key."""
    if left.table is None or right.table is None:
        return False
    return any(
        (key.to_schema, key.to_table) == (right.table.schema_name, right.table.name)
        and set(key.columns) != set(left.table.primary_key)
        for key in left.table.foreign_keys
    )


EXPLODED_JOIN = Check(
    "exploded_join",
    _multiplied,
    "Aggregate before joining, or leave out the table that is not needed.",
)
