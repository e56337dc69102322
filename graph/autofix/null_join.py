"""Rows without a partner, looked for among rows that have one: ``JOIN visit v … WHERE v.visit_id IS NULL``.

An inner join leaves no row whose partner's key is unknown, so the condition can never hold: the join keeps
the other side whole. Only where the joined table's key, or what it is joined on, is asked to be NULL.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded
from graph.context.words import name_words

_KEYS = frozenset({"id", "key", "code", "no", "nr", "number", "uuid", "cd"})


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
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


def _asks_for_none(part: exp.Expr) -> bool:
    """Whether it is ``… IS NULL``; ``… IS NOT NULL`` is parsed as the same, negated."""
    return isinstance(part, exp.Is) and isinstance(part.expression, exp.Null) and not part.args.get("negate")


def _source(column: exp.Column, sources: list[Source]) -> Source | None:
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
