"""Tables joined in an order, or on columns, that do not connect them: joined anew along their keys.

``branch b JOIN sale s ON b.branch_id = s.branch_id JOIN vehicle v ON …`` becomes branch, vehicle, sale, when
a sale knows its vehicle and a vehicle its branch. The tables stay as they are, and what connects some of
them already is kept. So it is where a join holds keys of two things against each other that know nothing of
one another (``club c JOIN event_judge j ON c.club_id = j.event_id JOIN event e ON …``); if such a table is
not read and not spoken of, it was only there for the way, and goes.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.idle_rows import is_named, is_read
from graph.autofix.key_pairs import is_strange, said_way
from graph.autofix.names import Source, folded, identifier


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
        sound = [one for one in written if one is not None and _holds(one, by_alias)]
        strange = [one for one in sound if is_strange(one, by_alias, names)]
        sound = [one for one in sound if not any(one is other for other in strange)]
        if None in written or len(sound) == len(written):
            continue
        grown = _tree(context, sources, sound)
        if grown is None:
            continue
        nodes = {join.alias_or_name.lower(): join.this for join in joins}
        scope.expression.set(
            "joins", [exp.Join(this=nodes[alias].copy(), on=condition) for alias, condition in grown]
        )
        _take_out(context, scope.expression, sources, strange)
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


def _take_out(context: Context, select: exp.Expr, sources: list[Source], strange: list[exp.EQ]) -> None:
    """Leave out what was joined by a strange condition, is not read, and no word of the question names."""
    if not context.question or not isinstance(select, exp.Select) or select.is_star:
        return
    touched = {folded(column.args.get("table")) for one in strange for column in one.find_all(exp.Column)}
    for join in list(select.args["joins"]):
        source = next(one for one in sources if one.alias == join.alias_or_name.lower())
        if source.alias not in touched or is_read(join, source, select):
            continue
        if not is_named(source, sources, context, context.notes):
            join.pop()


def _tree(context: Context, sources: list[Source], sound: list[exp.EQ]) -> list[tuple[str, exp.Expr]] | None:
    """Every source but the first with its condition, each after those that it is joined to."""
    placed, waiting = [sources[0]], list(sources[1:])
    grown: list[tuple[str, exp.Expr]] = []
    while waiting:
        for source in waiting:
            condition = _as_written(source, placed, sound) or _by_key(context, source, placed)
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


def _by_key(context: Context, source: Source, placed: list[Source]) -> exp.Expr | None:
    """The condition of the one declared (else inferred) join from what is placed; of several of one source,
    that of which the question has a word."""
    assert source.table is not None
    names = context.names
    ways = [
        (one, join)
        for one in placed
        if one.table is not None
        for join in names.joins.between(one.table.qualified_name, source.table.qualified_name)
    ]
    ways = [way for way in ways if way[1].declared] or ways
    if len({one.alias for one, _ in ways}) != 1:
        return None
    before, said = ways[0][0], said_way([join for _, join in ways], context.question, names.joins)
    if said is None:
        return None
    join = said
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
