"""One value held against a subquery that gave several rows: it is looked for among them.

PostgreSQL refuses ``= (SELECT …)`` of several rows (21000, cardinality_violation) only when it meets them.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule

CARDINALITY_VIOLATION = "21000"


def _fix(context: Context) -> str | None:
    if not context.failed_with(CARDINALITY_VIOLATION):
        return None
    for test in context.tree.find_all(exp.EQ):
        for one, other in ((test.this, test.expression), (test.expression, test.this)):
            inner = other.unnest() if isinstance(other, exp.Subquery) else None
            if not isinstance(inner, exp.Select) or isinstance(one, exp.Subquery) or _gives_one(inner):
                continue
            among = exp.In(this=one.copy(), query=exp.Subquery(this=inner.copy()))
            test.replace(among)
            return "What is compared with gives several rows: it is looked for among them."
    return None


def _gives_one(inner: exp.Select) -> bool:
    limit = inner.args.get("limit")
    if isinstance(limit, exp.Limit) and limit.expression is not None and limit.expression.sql() == "1":
        return True
    return not inner.args.get("group") and all(item.find(exp.AggFunc) for item in inner.selects)


RULE = Rule("many_rows", _fix)
