"""A join on a column that one side lacks, put on the columns that do connect the two tables.

Only where every known join between the new table and those before it says the same columns.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded, identifier
from graph.context.joins import Join


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        sources = names.sources(scope)
        if any(source.table is None for source in sources):
            continue
        by_alias = {source.alias: source for source in sources}
        for place, join in enumerate(scope.expression.args.get("joins") or (), start=1):
            here = by_alias.get(join.alias_or_name.lower())
            if _drop_broken_part(join, by_alias):
                return f"{join.alias_or_name} is joined without a condition on a column that is not there."
            if here is None or not _is_broken(join, by_alias):
                continue
            ways = [
                (source, way)
                for source in sources[:place]
                if source is not here and source.table and here.table
                for way in names.joins.between(source.table.qualified_name, here.table.qualified_name)
            ]
            if len({(way.left_columns, way.right_columns) for _, way in ways}) != 1:
                continue
            before, way = ways[0]
            join.set("on", _condition(before, here, way))
            columns = ", ".join(way.right_columns)
            return f"{here.alias} is joined to {before.alias} on {columns}, which both have."
    return None


def _drop_broken_part(join: exp.Join, sources: dict[str, Source]) -> bool:
    """Take an equality on an absent column out of a condition that joins the tables without it."""
    condition = join.args.get("on")
    if not isinstance(condition, exp.And):
        return False
    parts = list(condition.flatten())
    broken = [part for part in parts if _is_broken_equality(part, sources)]
    sound = [part for part in parts if part not in broken]
    if not broken or not any(isinstance(part, exp.EQ) for part in sound):
        return False
    join.set("on", exp.and_(*(part.copy() for part in sound)))
    return True


def _is_broken(join: exp.Join, sources: dict[str, Source]) -> bool:
    return _is_broken_equality(join.args.get("on"), sources)


def _is_broken_equality(condition: exp.Expr | None, sources: dict[str, Source]) -> bool:
    if not isinstance(condition, exp.EQ):
        return False
    for side in (condition.this, condition.expression):
        source = sources.get(folded(side.args.get("table"))) if isinstance(side, exp.Column) else None
        if source is None:
            return False
        if not source.has(folded(side.this)):
            return True
    return False


def _condition(left: Source, right: Source, way: Join) -> exp.Expr:
    return exp.and_(
        *(
            exp.EQ(
                this=exp.column(identifier(a), table=left.alias),
                expression=exp.column(identifier(b), table=right.alias),
            )
            for a, b in zip(way.left_columns, way.right_columns, strict=True)
        )
    )


RULE = Rule("rejoin", _fix)
