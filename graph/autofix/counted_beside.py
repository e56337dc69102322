"""Two things counted over one join, each once for every row of the other.

``COUNT(o.order_id), COUNT(r.review_id)`` over customers with their orders and their reviews gives orders
times reviews twice; ``COUNT(l.line_id) / COUNT(o.order_id)`` over orders and their lines is always one.
Nobody means that: what another counted table repeats is counted once, by its own key.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.key_pairs import sides_of
from graph.autofix.names import Names, Source, conditions_of, conjuncts, folded, identifier
from wire.snapshot import Table

_Edge = tuple[str, str, str, str]
"""An equality that joins two sources: alias and column of the one, and of the other."""


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select) or not select.args.get("joins"):
            continue
        sources = {source.alias: source for source in names.sources(scope)}
        if any(source.table is None for source in sources.values()):
            continue
        edges = _edges(select, sources)
        for item in select.selects:
            for count in item.find_all(exp.Count):
                said = _once(count, select, sources, edges, names)
                if said is not None:
                    return said
    return None


def _once(
    count: exp.Count, select: exp.Select, sources: dict[str, Source], edges: list[_Edge], names: Names
) -> str | None:
    """Count a source's things once where another source, of which there is a figure as well, repeats them."""
    column = _subject(count)
    if not isinstance(column, exp.Column) or isinstance(count.parent, exp.Window):
        return None
    own = _owner(column, sources)
    key = _key(own, column, select, names) if own is not None else None
    if own is None or key is None:
        return None
    others = {
        other.alias
        for item in select.selects
        for figure in item.find_all(exp.AggFunc)
        for inner in (_subject(figure) or figure).find_all(exp.Column)
        if (other := _owner(inner, sources)) is not None and other is not own
    }
    repeating = others & _repeating(own.alias, sources, edges, names)
    if not repeating:
        return None
    column.replace(exp.column(identifier(key), table=own.alias))
    count.set("this", exp.Distinct(expressions=[count.this.copy()]))
    return (
        f"Each of {own.alias} is counted once, and not once for every row of {', '.join(sorted(repeating))}."
    )


def _subject(figure: exp.AggFunc) -> exp.Expr | None:
    """What is counted or added up, without the one condition under which it is."""
    inner = figure.this
    if isinstance(inner, exp.Case) and inner.this is None and len(inner.args["ifs"]) == 1:
        other = inner.args.get("default")
        if other is None or isinstance(other, exp.Null):
            subject: exp.Expr = inner.args["ifs"][0].args["true"]
            return subject
    return inner if isinstance(inner, exp.Expr) else None


def _owner(column: exp.Column, sources: dict[str, Source]) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    if qualifier:
        return sources.get(qualifier)
    holders = [source for source in sources.values() if source.has(name)]
    return holders[0] if len(holders) == 1 else None


def _key(own: Source, column: exp.Column, select: exp.Expr, names: Names) -> str | None:
    """The column by which one thing of the source is told from another within a group."""
    assert own.table is not None
    name = folded(column.this)
    known = own.table.column(name)
    key = names.joins.own.key(own.table)
    if key is not None and (name == key or (known is not None and _is_reference(own.table, name, names))):
        return key
    if name in own.table.primary_key:
        # The rest of a key in several parts is the same in each group.
        linked = {
            folded(side.this)
            for join in select.args.get("joins") or ()
            for side in join.find_all(exp.Column)
            if folded(side.args.get("table")) == own.alias
        }
        return name if set(own.table.primary_key) - {name} <= linked else None
    return None


def _is_reference(table: Table, name: str, names: Names) -> bool:
    """Whether it must be there in every row: counting it counts rows."""
    column = table.column(name)
    return (
        column is not None
        and not column.nullable
        and any(
            join.left_columns == (name,) and names.joins.is_reference(join)
            for join in names.joins.of(table.qualified_name)
        )
    )


def _edges(select: exp.Select, sources: dict[str, Source]) -> list[_Edge]:
    conditions = [join.args["on"] for join in select.args["joins"] if join.args.get("on")]
    tests = [part for condition in conditions for part in conjuncts(condition)]
    found = []
    for test in [*tests, *conditions_of(select)]:
        sides = sides_of(test)
        ends = [(_owner(side, sources), folded(side.this)) for side in sides or ()]
        if len(ends) == 2 and ends[0][0] and ends[1][0] and ends[0][0] is not ends[1][0]:
            found.append((ends[0][0].alias, ends[0][1], ends[1][0].alias, ends[1][1]))
    return found


def _repeating(alias: str, sources: dict[str, Source], edges: list[_Edge], names: Names) -> set[str]:
    """The sources of which one thing of this source may have several rows."""
    many = {alias: False}
    waiting = [alias]
    both = [*edges, *((c, d, a, b) for a, b, c, d in edges)]
    while waiting:
        here = waiting.pop()
        for one, _, other, _ in both:
            if one != here or other in many:
                continue
            linked = {end for start, _, to, end in both if (start, to) == (here, other)}
            many[other] = many[here] or not _is_unique(sources[other], linked, names)
            waiting.append(other)
    return {other for other, repeats in many.items() if repeats}


def _is_unique(source: Source, columns: set[str], names: Names) -> bool:
    """Whether these columns of the source say which row it is."""
    assert source.table is not None
    keys = [key for key in (source.table.primary_key, *source.table.unique_keys) if key]
    return names.joins.own.key(source.table) in columns or any(set(key) <= columns for key in keys)


RULE = Rule("counted_beside", _fix)
