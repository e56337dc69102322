"""A table joined to itself on its own key: each row with itself, so that the two are one.

``FROM events a JOIN events b ON a.event_id = b.event_id AND a.occurred_at = b.occurred_at`` reads one row
twice, and loses it where the further column is not known.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select) or select.is_star:
            continue
        sources = names.sources(scope)
        for join in select.args.get("joins") or ():
            other = next((one for one in sources if one.alias == join.alias_or_name.lower()), None)
            if other is None or join.side in {"RIGHT", "FULL"} or join.kind in {"CROSS", "SEMI", "ANTI"}:
                continue
            twin = _twin(join, other, sources, names)
            if twin is None or _are_compared(join, twin, other, select):
                continue
            inside = set(map(id, join.find_all(exp.Column)))
            columns = [one for one in select.find_all(exp.Column) if id(one) not in inside]
            if any(
                not folded(one.args.get("table")) and one.name in {twin.alias, other.alias} for one in columns
            ):
                continue
            join.pop()
            for column in columns:
                if folded(column.args.get("table")) == other.alias:
                    column.set("table", exp.to_identifier(twin.alias))
            return f"{other.alias} is the very row of {twin.alias}: it is read once."
    return None


def _twin(join: exp.Join, other: Source, sources: list[Source], names: Names) -> Source | None:
    """The source of the same table that it is joined to by equal columns, the whole key among them."""
    if other.table is None:
        return None
    single = names.joins.own.key(other.table)
    key = other.table.primary_key or ([single] if single else [])
    if not key:
        return None
    using = [folded(one) for one in join.args.get("using") or ()]
    on = join.args.get("on")
    tests = list(on.flatten()) if isinstance(on, exp.And) else [on]
    for twin in sources:
        if twin is other or twin.table is not other.table:
            continue
        if using and len(sources) == 2 and on is None and set(key) <= set(using):
            return twin
        equal = [_equal(test, twin, other) for test in tests]
        if None not in equal and set(key) <= set(equal):
            return twin
    return None


def _equal(test: exp.Expr | None, twin: Source, other: Source) -> str | None:
    """The column of which the test holds the two against each other; None for any other test."""
    if not isinstance(test, exp.EQ):
        return None
    sides = (test.this, test.expression)
    if not all(isinstance(side, exp.Column) for side in sides):
        return None
    if {folded(side.args.get("table")) for side in sides} != {twin.alias, other.alias}:
        return None
    named = {folded(side.this) for side in sides}
    return named.pop() if len(named) == 1 else None


def _are_compared(join: exp.Join, twin: Source, other: Source, select: exp.Select) -> bool:
    """Whether a column of the one is held against one of the other elsewhere: two rows were meant."""
    inside = set(map(id, join.find_all(exp.Binary)))
    return any(
        {twin.alias, other.alias}
        <= {folded(column.args.get("table")) for column in test.find_all(exp.Column)}
        for test in select.find_all(exp.Predicate)
        if id(test) not in inside and not isinstance(test, exp.Connector)
    )


RULE = Rule("same_row", _fix)
