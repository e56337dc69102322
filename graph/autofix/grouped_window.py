"""A window over single rows in a query that groups them: ``SUM(amount) OVER (…) … GROUP BY month``.

PostgreSQL computes windows after groups, so their arguments must be figures of groups: the sum of a sum, the
sum of a count. In OVER as well: a moment of which the groups show the month stands for that month.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded, output_name


def _fix(context: Context) -> str | None:
    for scope in context.names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select) or not select.args.get("group"):
            continue
        keys = _keys(select)
        if not keys:
            continue
        for window in select.find_all(exp.Window):
            if window.parent_select is not select:
                continue
            if any(_depends(column, keys, context.names, scope) for column in window.find_all(exp.Column)):
                continue
            said = window.sql(dialect="postgres")
            changed = [_argument(window, keys, select), *(_place(node, keys) for node in _places(window))]
            if any(changed):
                return f"{said} reads single rows of grouped ones; it reads the groups' figures now."
    return None


def _keys(select: exp.Select) -> list[exp.Expr]:
    """What is grouped by; positions and names of select items written out. Empty for grouping sets."""
    group = select.args["group"]
    if any(group.args.get(kind) for kind in ("cube", "rollup", "grouping_sets", "all")):
        return []
    named = {output_name(item): item.unalias() for item in select.selects if isinstance(item, exp.Alias)}
    keys: list[exp.Expr] = []
    for key in group.expressions:
        if isinstance(key, exp.Literal) and not key.is_string:
            place = int(key.this) - 1
            if not 0 <= place < len(select.selects):
                return []
            keys.append(select.selects[place].unalias())
        else:
            keys.append(key)
            if isinstance(key, exp.Column) and not key.args.get("table") and folded(key.this) in named:
                keys.append(named[folded(key.this)])
    return keys


def _depends(column: exp.Column, keys: list[exp.Expr], names: Names, scope: Scope) -> bool:
    """Whether its table's own key is grouped by, which settles each of the table's columns."""
    qualifier, grouped = (
        folded(column.args.get("table")),
        {folded(key.this) for key in keys if isinstance(key, exp.Column)},
    )
    return any(
        bool(source.table.primary_key) and set(source.table.primary_key) <= grouped
        for source in names.sources(scope)
        if source.table is not None
        and (source.alias == qualifier or (not qualifier and source.has(folded(column.this))))
    )


def _argument(window: exp.Window, keys: list[exp.Expr], select: exp.Select) -> bool:
    """Make the windowed aggregate one of groups' figures."""
    outer = window.this
    if outer.find(exp.Distinct) or any(inner is not outer for inner in outer.find_all(exp.AggFunc)):
        return False
    columns = list(outer.find_all(exp.Column))
    if not columns or all(_is_grouped(column, keys) for column in columns):
        return False
    if isinstance(outer, exp.Sum | exp.Max | exp.Min):
        outer.set("this", type(outer)(this=outer.this.copy()))
        return True
    if isinstance(outer, exp.Count):
        window.set("this", exp.Sum(this=outer.copy()))
        return True
    if isinstance(outer, exp.Lag | exp.Lead):
        figures = [
            figure
            for item in select.selects
            if isinstance(figure := item.unalias(), exp.AggFunc)
            and outer.this in list(figure.find_all(exp.Column))
        ]
        if len({figure.sql() for figure in figures}) == 1:
            outer.set("this", figures[0].copy())
            return True
    return False


def _places(window: exp.Window) -> list[exp.Expr]:
    order = window.args.get("order")
    ordered = [one.this for one in order.expressions] if order is not None else []
    return [*ordered, *(window.args.get("partition_by") or [])]


def _place(node: exp.Expr, keys: list[exp.Expr]) -> bool:
    """Put the key that is made of a column in the place of the bare column."""
    if not isinstance(node, exp.Column) or _is_grouped(node, keys):
        return False
    made = [key for key in keys if any(_same(column, node) for column in key.find_all(exp.Column))]
    if len(made) != 1:
        return False
    node.replace(made[0].copy())
    return True


def _is_grouped(column: exp.Column, keys: list[exp.Expr]) -> bool:
    """Whether it is a key itself, or stands within one that is written out."""
    node: exp.Expr | None = column
    while node is not None and not isinstance(node, exp.Window):
        if any(
            node == key or (isinstance(node, exp.Column) and isinstance(key, exp.Column) and _same(node, key))
            for key in keys
        ):
            return True
        node = node.parent
    return False


def _same(one: exp.Column, other: exp.Column) -> bool:
    tables = folded(one.args.get("table")), folded(other.args.get("table"))
    return folded(one.this) == folded(other.this) and ("" in tables or tables[0] == tables[1])


RULE = Rule("grouped_window", _fix)
