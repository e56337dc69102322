"""A measure of each row beside an aggregate, multiplied or divided: ``AVG(high - low) / open``.

``open`` is another in every row, so the division belongs into the average. Where it is the same in all rows
of a group, the figure stays what it was.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded
from graph.context.joins import type_family


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        group = select.args.get("group")
        grouped = {folded(one.this) for one in (group.find_all(exp.Column) if group else ())}
        places = [*select.selects, *(key for key in (select.args.get("order") or exp.Order()).expressions)]
        for place in places:
            whole = place.this if isinstance(place, exp.Alias | exp.Ordered) else place
            aggregate = _mixed(whole, grouped, names, scope)
            if aggregate is None:
                continue
            said = whole.sql(dialect="postgres")
            inner = whole.copy()
            [found] = inner.find_all(type(aggregate))
            found.replace(exp.paren(found.this.copy()))
            whole.replace(type(aggregate)(this=inner))
            return f"{said} has a value of each row beside an aggregate; it is taken into it."
    return None


def _mixed(whole: exp.Expr, grouped: set[str], names: Names, scope: Scope) -> exp.Avg | exp.Sum | None:
    """The one aggregate of an expression that multiplies or divides it by a column of each row."""
    if isinstance(whole, exp.AggFunc) or whole.find(exp.Window, exp.Filter, exp.Subquery, exp.Case):
        return None
    aggregates = list(whole.find_all(exp.AggFunc))
    if len(aggregates) != 1 or not isinstance(aggregates[0], exp.Avg | exp.Sum):
        return None
    aggregate = aggregates[0]
    if isinstance(aggregate.this, exp.Distinct):
        return None
    node: exp.Expr | None = aggregate.parent
    while node is not None and node is not whole.parent:
        if not isinstance(node, exp.Mul | exp.Div | exp.Paren | exp.Cast):
            return None
        node = node.parent
    inside = {id(column) for column in aggregate.find_all(exp.Column)}
    outside = [column for column in whole.find_all(exp.Column) if id(column) not in inside]
    if not outside or any(folded(column.this) in grouped for column in outside):
        return None
    if any(type_family(names.type_of(column, scope)) != "number" for column in outside):
        return None
    return aggregate


RULE = Rule("row_arithmetic", _fix)
