"""A share whose divisor is the very aggregate above it, which is always 1: the whole is meant.

``COUNT(*) / COUNT(*) … GROUP BY state`` becomes ``COUNT(*) / SUM(COUNT(*)) OVER ()``, each group's part.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule


def _fix(context: Context) -> str | None:
    for scope in context.names.scopes:
        if not isinstance(scope.expression, exp.Select) or not scope.expression.args.get("group"):
            continue
        for division in list(scope.find_all(exp.Div)):
            above, below = _bare(division.this), _bare(division.expression)
            if isinstance(above, exp.Count | exp.Sum) and above == below:
                whole = exp.Window(this=exp.Sum(this=below.copy()))
                division.set("expression", exp.Nullif(this=whole, expression=exp.Literal.number(0)))
                said = above.sql(dialect="postgres")
                return f"{said} was divided by itself; it is divided by the sum over all groups."
    return None


def _bare(node: exp.Expr) -> exp.Expr:
    """The value without casts, parentheses and guards against zero."""
    while isinstance(node, exp.Paren | exp.Cast | exp.Nullif):
        node = node.this
    return node


RULE = Rule("whole_share", _fix)
