"""A condition on an aggregate in WHERE, where rows are looked at one by one.

It belongs into HAVING, which looks at groups of rows.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule


def _fix(context: Context) -> str | None:
    for scope in context.names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select) or not select.args.get("where"):
            continue
        condition = select.args["where"].this
        parts = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
        moved = [part for part in parts if _aggregates(part)]
        if not moved:
            continue
        kept = [part.copy() for part in parts if not any(part is one for one in moved)]
        having = select.args.get("having")
        conditions = [*([having.this.copy()] if having else []), *(part.copy() for part in moved)]
        select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
        select.set("having", exp.Having(this=exp.and_(*conditions)))
        said = moved[0].sql(dialect="postgres")
        return f"{said} is about a group of rows: it is asked after grouping."
    return None


def _aggregates(condition: exp.Expr) -> bool:
    """Whether an aggregate of this very query stands in the condition, not one of a subquery."""
    return any(
        aggregate.find_ancestor(exp.Subquery, exp.Select, exp.Where).__class__ is exp.Where
        and aggregate.find_ancestor(exp.Window) is None
        for aggregate in condition.find_all(exp.AggFunc)
    )


RULE = Rule("aggregate_where", _fix)
