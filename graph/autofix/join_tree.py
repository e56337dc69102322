"""Tables joined in an order, or on columns, that do not connect them: joined anew along their keys.

``branch b JOIN sale s ON b.branch_id = s.branch_id JOIN vehicle v ON …`` becomes branch, vehicle, sale, when
a sale knows its vehicle and a vehicle its branch. The tables stay as they are, and what connects some of
them already is kept.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        sources = names.sources(scope)
        joins = scope.expression.args.get("joins") or []
        if len(joins) < 2 or len(joins) != len(sources) - 1:
            continue
        if any(source.table is None for source in sources) or any(join.side for join in joins):
            continue
        if len({source.table.qualified_name for source in sources if source.table}) != len(sources):
            continue
        by_alias = {source.alias: source for source in sources}
        written = [_equality(join, by_alias) for join in joins]
        if None in written or all(one is not None and _holds(one, by_alias) for one in written):
            continue
        sound = [one for one in written if one is not None and _holds(one, by_alias)]
        grown = _tree(names, sources, sound)
        if grown is None:
            continue
        nodes = {join.alias_or_name.lower(): join.this for join in joins}
        scope.expression.set(
            "joins", [exp.Join(this=nodes[alias].copy(), on=condition) for alias, condition in grown]
        )
        return f"{', '.join(by_alias)} are joined along the keys that connect them."
    return None


def _equality(join: exp.Join, sources: dict[str, Source]) -> exp.EQ | None:
    """The join's condition, when it is one equality between columns of two of the sources."""
    condition = join.args.get("on")
    if not isinstance(condition, exp.EQ) or join.alias_or_name.lower() not in sources:
        return None
    sides = (condition.this, condition.expression)
    if not all(isinstance(side, exp.Column) and folded(side.args.get("table")) in sources for side in sides):
        return None
    return condition


def _holds(condition: exp.EQ, sources: dict[str, Source]) -> bool:
    return all(
        sources[folded(side.args.get("table"))].has(folded(side.this)) is not False
        for side in (condition.this, condition.expression)
    )


def _tree(names: Names, sources: list[Source], sound: list[exp.EQ]) -> list[tuple[str, exp.Expr]] | None:
    """Every source but the first with its condition, each after those that it is joined to."""
    placed, waiting = [sources[0]], list(sources[1:])
    grown: list[tuple[str, exp.Expr]] = []
    while waiting:
        for source in waiting:
            condition = _as_written(source, placed, sound) or _by_key(names, source, placed)
            if condition is not None:
                grown.append((source.alias, condition))
                placed.append(source)
                waiting.remove(source)
                break
        else:
            return None
    return grown


def _as_written(source: Source, placed: list[Source], sound: list[exp.EQ]) -> exp.Expr | None:
    here = {one.alias for one in placed}
    for condition in sound:
        ends = {folded(side.args.get("table")) for side in (condition.this, condition.expression)}
        if source.alias in ends and ends - {source.alias} <= here and len(ends) == 2:
            return condition.copy()
    return None


def _by_key(names: Names, source: Source, placed: list[Source]) -> exp.Expr | None:
    """The condition of the one declared (else inferred) join from what is placed."""
    assert source.table is not None
    ways = [
        (one, join)
        for one in placed
        if one.table is not None
        for join in names.joins.between(one.table.qualified_name, source.table.qualified_name)
    ]
    ways = [way for way in ways if way[1].declared] or ways
    if len(ways) != 1:
        return None
    before, join = ways[0]
    pairs = zip(join.left_columns, join.right_columns, strict=True)
    return exp.and_(
        *(
            exp.EQ(
                this=exp.column(identifier(left), table=before.alias),
                expression=exp.column(identifier(right), table=source.alias),
            )
            for left, right in pairs
        )
    )


RULE = Rule("join_tree", _fix)
