"""The greatest of all, with what is not known on top: PostgreSQL sorts NULL as greater than any value.

``ORDER BY weight DESC LIMIT 1`` gives a row without a weight, if there is one. Only where such a list is cut,
or ranked to be, and what it is sorted by may be unknown. Every column of a table without a key may be, as
far as is declared; there it says nothing.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded

_ABSORBS = (exp.Count, exp.Coalesce)


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        for order in scope.find_all(exp.Order):
            if not isinstance(order.parent, exp.Window) and not select.args.get("limit"):
                continue
            if isinstance(order.parent, exp.Select) and order.parent is not select:
                continue
            for ordered in order.expressions:
                by = _sorted_by(ordered, select)
                if not ordered.args.get("desc") or not ordered.args.get("nulls_first"):
                    continue
                if by is None or not _may_be_unknown(by, names, scope):
                    continue
                ordered.set("nulls_first", False)
                return (
                    f"What has no {by.name or by.sql(dialect='postgres')} is not the greatest: it comes last."
                )
    return None


def _sorted_by(ordered: exp.Expr, select: exp.Select) -> exp.Expr | None:
    """What a list is sorted by, found by its name or place in the select list."""
    by = ordered.this
    if isinstance(by, exp.Literal) and not by.is_string:
        place = int(by.name) if by.name.isdigit() else 0
        return select.selects[place - 1].unalias() if 0 < place <= len(select.selects) else None
    if isinstance(by, exp.Column) and not by.table:
        named = [one for one in select.selects if isinstance(one, exp.Alias) and one.alias == by.name]
        return named[0].this if len(named) == 1 else by
    return by if isinstance(by, exp.Expr) else None


def _may_be_unknown(by: exp.Expr, names: Names, scope: Scope) -> bool:
    """Whether a column in it has NULLs; a filter that drops them is left to say so itself."""
    if by.find(*_ABSORBS, exp.Query) is not None:
        return False
    columns = list(by.find_all(exp.Column))
    if not any(_is_nullable(column, names, scope) for column in columns):
        return False
    where = scope.expression.args.get("where")
    tested = (
        []
        if where is None
        else [test.this for test in where.find_all(exp.Is, exp.GT, exp.GTE, exp.LT, exp.LTE)]
    )
    return not all(column in tested for column in columns)


def _is_nullable(column: exp.Column, names: Names, scope: Scope) -> bool:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [
        source.table
        for source in names.sources(scope)
        if source.table is not None and (source.alias == qualifier if qualifier else source.has(name))
    ]
    known = found[0].column(name) if len(found) == 1 and found[0].primary_key else None
    return known is not None and known.nullable


RULE = Rule("null_order", _fix)
