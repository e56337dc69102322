"""A select alias used in WHERE, HAVING or beside it in SELECT, where PostgreSQL does not know it yet."""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded


def _fix(context: Context) -> str | None:
    for item in context.names.unresolved():
        column, select = item.column, item.scope.expression
        if item.problem != "absent" or column.args.get("table") or not isinstance(select, exp.Select):
            continue
        clause = column.find_ancestor(exp.Where, exp.Having, exp.Group, exp.Order, exp.Select)
        name = folded(column.this)
        meant = next(
            (
                one.this
                for one in select.selects
                if isinstance(one, exp.Alias) and folded(one.args["alias"]) == name
            ),
            None,
        )
        if meant is None or clause is None:
            continue
        if isinstance(clause, exp.Select):
            if _inline(column, meant):
                return f"{name} is computed by this query and not a column; its expression stands there now."
            continue
        if meant.find(exp.Window):
            continue
        aggregated = meant.find(exp.AggFunc) is not None
        if isinstance(clause, exp.Where) and aggregated:
            _move_to_having(select, column)
        elif not isinstance(clause, exp.Where | exp.Having | exp.Order | exp.Group):
            continue
        column.replace(exp.paren(meant.copy()) if isinstance(meant, exp.Binary) else meant.copy())
        return f"{name} is computed by this query and not a column; its expression stands there now."
    return None


def _inline(column: exp.Column, meant: exp.Expr) -> bool:
    """Write out what another select item computes; a sum of an aggregate is one over all groups."""
    if column in list(meant.find_all(exp.Column)):
        return False
    outer = column.find_ancestor(exp.AggFunc, exp.Select)
    if isinstance(outer, exp.AggFunc) and meant.find(exp.AggFunc):
        if outer.this is not column or meant.find(exp.Window):
            return False
        outer.set("this", meant.copy())
        if not isinstance(outer.parent, exp.Window):
            outer.replace(exp.Window(this=outer.copy()))
        return True
    column.replace(exp.paren(meant.copy()) if isinstance(meant, exp.Binary) else meant.copy())
    return True


def _move_to_having(select: exp.Select, column: exp.Column) -> None:
    """Take the condition on an aggregate out of WHERE, when it stands there by itself or by AND."""
    where = select.args["where"]
    conditions = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    moved = next(part for part in conditions if column in list(part.find_all(exp.Column)))
    kept = [part.copy() for part in conditions if part is not moved]
    having = select.args.get("having")
    combined = exp.and_(having.this, moved) if having else moved
    select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
    select.set("having", exp.Having(this=combined))


RULE = Rule("computed_alias", _fix)
