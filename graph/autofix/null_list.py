"""``NOT IN (SELECT manager_id …)`` where manager_id may be NULL: one NULL in the list and no row is left.

Nothing is known to be unequal to NULL, so PostgreSQL answers with no row at all, without a word. Who is not
in the list is meant: the list is made without its NULLs.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded


def _fix(context: Context) -> str | None:
    names = context.names
    for outside in names.tree.find_all(exp.Not):
        test = outside.this.unnest() if isinstance(outside.this, exp.Paren) else outside.this
        query = test.args.get("query") if isinstance(test, exp.In) else None
        inner = query.unnest() if isinstance(query, exp.Expr) else None
        if not isinstance(inner, exp.Select) or len(inner.selects) != 1:
            continue
        listed = inner.selects[0].unalias()
        scope = next((one for one in names.scopes if one.expression is inner), None)
        if scope is None or not isinstance(listed, exp.Column) or inner.args.get("limit"):
            continue
        column = names.column(listed, scope)
        if column is None or not (column.nullable or _is_padded(inner)) or _is_tested(listed, inner):
            continue
        inner.where(exp.Not(this=exp.Is(this=listed.copy(), expression=exp.Null())), copy=False)
        return (
            f"A NULL among {listed.sql(dialect='postgres')} would leave no row at all: the list is without."
        )
    return None


def _is_padded(inner: exp.Select) -> bool:
    """Whether an outer join may put NULL where the table has none."""
    return any(join.side for join in inner.args.get("joins") or ())


def _is_tested(listed: exp.Column, inner: exp.Select) -> bool:
    """Whether a condition on the column is there already: none is true of NULL."""
    tests = [inner.args.get("where"), *(join.args.get("on") for join in inner.args.get("joins") or ())]
    return any(
        folded(column.this) == folded(listed.this)
        for test in tests
        if test is not None
        for column in test.find_all(exp.Column)
    )


RULE = Rule("null_list", _fix)
