"""Rows without a partner, looked for among rows that have one: ``JOIN visit v … WHERE v.visit_id IS NULL``.

An inner join leaves no row whose partner's key is unknown, so the condition can never hold: the join keeps
the other side whole. Only where the joined table's key, or what it is joined on, is asked to be NULL; or
where groups are kept by a count of nothing, ``JOIN visit v … HAVING COUNT(*) = 0``.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, conditions_of, folded
from graph.context.words import name_words

_KEYS = frozenset({"id", "key", "code", "no", "nr", "number", "uuid", "cd"})


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if isinstance(select, exp.Select) and (said := _counted(select, names.sources(scope))) is not None:
            return said
        where = select.args.get("where") if isinstance(select, exp.Select) else None
        joins = select.args.get("joins") or []
        if where is None or not joins:
            continue
        sources = names.sources(scope)
        if len(sources) != len(joins) + 1:
            continue
        parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        for part in parts:
            column = part.this if _asks_for_none(part) else None
            source = _source(column, sources) if isinstance(column, exp.Column) else None
            # What the last join brings in may be lacking; what others are joined to may not.
            if column is None or source is not sources[-1] or joins[-1].side or joins[-1].kind in {"CROSS"}:
                continue
            if joins[-1].args.get("using") or not _is_never_null(column, joins[-1], source):
                continue
            if any(part is not other and _reads(other, source, sources) for other in parts):
                continue
            joins[-1].set("side", "LEFT")
            joins[-1].set("kind", None)
            return f"Rows without any {source.alias} are asked for: the join keeps them."
    return None


def _counted(select: exp.Select, sources: list[Source]) -> str | None:
    """Keep the groups without any row of the last join, of which HAVING asks for those that have none."""
    having, joins = select.args.get("having"), select.args.get("joins") or []
    if having is None or len(joins) != 1 or len(sources) != 2 or not select.args.get("group"):
        return None
    [join], rows = joins, sources[1]
    on = join.args.get("on")
    if join.side or join.kind not in {"", "INNER"} or not isinstance(on, exp.EQ) or not _is_zero(having.this):
        return None
    link = next((side for side in (on.this, on.expression) if _source(side, sources) is rows), None)
    read = [*select.selects, select.args["group"]]
    if not isinstance(link, exp.Column) or any(
        _reads(part, rows, sources) and not part.find(exp.AggFunc) for part in read
    ):
        return None
    count = having.this.this
    if isinstance(count.this, exp.Star):
        count.set("this", link.copy())
    elif not (isinstance(count.this, exp.Column) and _source(count.this, sources) is rows):
        return None
    parts = conditions_of(select)
    moved = [part for part in parts if _reads(part, rows, sources)]
    kept = [part for part in parts if not any(part is one for one in moved)]
    if any(not all(_source(one, sources) for one in part.find_all(exp.Column)) for part in parts):
        return None
    join.set("side", "LEFT")
    join.set("kind", None)
    join.set("on", exp.and_(on.copy(), *(part.copy() for part in moved)))
    select.set("where", exp.Where(this=exp.and_(*(part.copy() for part in kept))) if kept else None)
    return f"Those without any {rows.alias} are asked for: the join keeps them."


def _is_zero(test: exp.Expr) -> bool:
    """Whether it is ``COUNT(…) = 0`` or ``COUNT(…) < 1``."""
    if not isinstance(test, exp.EQ | exp.LT | exp.LTE) or not isinstance(test.this, exp.Count):
        return False
    wanted = "1" if isinstance(test, exp.LT) else "0"
    return not isinstance(test.this.this, exp.Distinct) and test.expression.sql() == wanted


def _asks_for_none(part: exp.Expr) -> bool:
    """Whether it is ``… IS NULL``; ``… IS NOT NULL`` is parsed as the same, negated."""
    return isinstance(part, exp.Is) and isinstance(part.expression, exp.Null) and not part.args.get("negate")


def _source(column: exp.Expr, sources: list[Source]) -> Source | None:
    if not isinstance(column, exp.Column):
        return None
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name) is not False)]
    return found[0] if len(found) == 1 else None


def _is_never_null(column: exp.Column, join: exp.Join, source: Source) -> bool:
    """Whether it is joined on, or is the table's own key."""
    on = join.args.get("on")
    name = folded(column.this)
    tests = list(on.flatten()) if isinstance(on, exp.And) else [on]
    if any(
        isinstance(test, exp.EQ)
        and any(
            isinstance(side, exp.Column) and folded(side.this) == name
            for side in (test.this, test.expression)
        )
        for test in tests
    ):
        return True
    if source.table is None:
        return False
    known = source.table.column(name)
    if known is None:
        return False
    first = source.table.columns[0].name == name and name_words(name)[-1] in _KEYS
    return not known.nullable or source.table.primary_key == [name] or first


def _reads(part: exp.Expr, source: Source, sources: list[Source]) -> bool:
    return any(_source(column, sources) is source for column in part.find_all(exp.Column))


RULE = Rule("null_join", _fix)
