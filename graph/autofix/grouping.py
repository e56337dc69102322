"""Selected or ordered columns that GROUP BY lacks: PostgreSQL refuses what other databases guess at."""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded, output_name


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        group = select.args.get("group")
        if group is None and _mixes(select):
            group = exp.Group(expressions=[])
        elif group is None or not group.expressions or any(group.args.get(kind) for kind in _SETS):
            continue
        missing = _missing(names, scope, select, group)
        if missing:
            for column in missing:
                group.append("expressions", column.copy())
            select.set("group", group)
            listed = ", ".join(column.sql(dialect="postgres") for column in missing)
            return f"Grouped by {listed} too: it is shown beside aggregates."
    return None


def _mixes(select: exp.Select) -> bool:
    """Whether rows and aggregates are shown side by side, without a word of how rows are grouped."""
    if select.args.get("distinct") or select.is_star:
        return False
    order = select.args.get("order")
    items = [*select.selects, *(order.expressions if order else [])]
    return any(
        aggregate.find_ancestor(exp.Window, exp.Select, exp.Subquery).__class__ is not exp.Window
        and aggregate.parent_select is select
        for item in items
        for aggregate in item.find_all(exp.AggFunc)
    )


_SETS = ("cube", "rollup", "grouping_sets", "all")


def _missing(names: Names, scope: Scope, select: exp.Select, group: exp.Group) -> list[exp.Column]:
    grouped = {_key(names, scope, expression) for expression in _grouped(select, group)}
    whole = [expression for expression in _grouped(select, group) if not isinstance(expression, exp.Column)]
    keyed = {
        alias
        for source in names.sources(scope)
        if source.table is not None and source.table.primary_key
        for alias in [source.alias]
        if {(alias, key) for key in source.table.primary_key} <= grouped
    }
    missing: dict[tuple[str, str], exp.Column] = {}
    ordered = select.args.get("order")
    having = select.args.get("having")
    aliases = {output_name(item) for item in select.selects}
    places = [*select.selects, *(ordered.expressions if ordered else []), *([having.this] if having else [])]
    for place in places:
        for column in place.find_all(exp.Column):
            if isinstance(column.this, exp.Star) or _inside(column, place, whole):
                continue
            if (
                place not in select.selects
                and not column.args.get("table")
                and folded(column.this) in aliases
            ):
                continue
            key = _key(names, scope, column)
            if key not in grouped and key[0] and key[0] not in keyed:
                missing.setdefault(key, column)
    return list(missing.values())


def _grouped(select: exp.Select, group: exp.Group) -> list[exp.Expr]:
    """What is grouped by; positions and aliases stand for their select items."""
    found: list[exp.Expr] = []
    by_name = {
        folded(item.args["alias"]): item.this for item in select.selects if isinstance(item, exp.Alias)
    }
    for expression in group.expressions:
        if isinstance(expression, exp.Literal) and not expression.is_string:
            place = int(expression.this) - 1
            if 0 <= place < len(select.selects):
                found.append(select.selects[place].unalias())
        elif isinstance(expression, exp.Column) and not expression.args.get("table"):
            found.append(expression)
            if folded(expression.this) in by_name:
                found.append(by_name[folded(expression.this)])
        else:
            found.append(expression)
    return found


def _key(names: Names, scope: Scope, expression: exp.Expr) -> tuple[str, str]:
    """A column by the alias of its source; ``("", …)`` for anything else, and where it cannot be known."""
    if not isinstance(expression, exp.Column):
        return "", expression.sql()
    name, qualifier = folded(expression.this), folded(expression.args.get("table"))
    if qualifier:
        known = {source.alias for source in names.sources(scope)}
        return (qualifier, name) if qualifier in known else ("", name)
    holders = [source.alias for source in names.sources(scope) if source.has(name)]
    return (holders[0], name) if len(holders) == 1 else ("", name)


def _inside(column: exp.Column, place: exp.Expr, whole: list[exp.Expr]) -> bool:
    """Whether the column need not be grouped: in an aggregate, a subquery, a grouped expression."""
    node: exp.Expr | None = column
    while node is not None:
        if isinstance(node, _CLOSED):
            return True
        if isinstance(node, exp.Anonymous) and str(node.this).lower() in _OTHER_AGGREGATES:
            return True
        if any(node == one for one in whole):
            return True
        if node is place:
            return False
        node = node.parent
    return False


_CLOSED = (exp.AggFunc, exp.WithinGroup, exp.Subquery, exp.Exists, exp.Window, exp.Filter, exp.Select)
"""Within these a column is not one of the rows that are shown."""
_OTHER_AGGREGATES = frozenset({"every", "bool_and", "bool_or", "json_agg", "jsonb_agg", "json_object_agg"})

RULE = Rule("grouping", _fix)
