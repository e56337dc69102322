"""A share whose divisor is the very aggregate above it, which is always 1: the whole is meant.

``COUNT(*) / COUNT(*) … GROUP BY state`` becomes ``COUNT(*) / SUM(COUNT(*)) OVER ()``, each group's part. So
does any other divisor of the group's own where the question asks what share of the total each of them has.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.ratio_parts import bare

_SHARE = r"(?:share|percentage|proportion|fraction|portion|part)"
_TOTAL = r"(?:the\s+|our\s+|all\s+)?(?:total|overall|whole|entire)\b"
_HAS = r"(?:have|account|contribute|make|represent|bring|generate|hold|earn)"
_OF_TOTAL = re.compile(
    rf"^\W*of\s+(?:all|the|our|everything)\b[^,?]*,\s*(?:what|which)\s+{_SHARE}\b[^?.;]*?\b(?:each|every)\b|"
    rf"\b{_SHARE}\s+of\s+{_TOTAL}[^?.,;]*?(?:\b(?:does|do|did)\s+(?:each|every)\b[^?.,;]*?\b{_HAS}\b|"
    rf"\b(?:each|every)\s+(?:\w+\s+){{1,3}}(?:{_HAS}s?|has)\b)|"
    rf"\b(?:each|every)\s+(?:\w+\s+){{0,3}}\w+['’]s\s+{_SHARE}\s+of\s+{_TOTAL}",
    re.IGNORECASE,
)
"""*What share of total revenue does each category have*: the whole is that of all of them."""


def _fix(context: Context) -> str | None:
    of_total = _OF_TOTAL.search(context.question) is not None
    for scope in context.names.scopes:
        if not isinstance(scope.expression, exp.Select) or not scope.expression.args.get("group"):
            continue
        for division in list(scope.find_all(exp.Div)):
            above, below = bare(division.this), _bare(division.expression)
            if not isinstance(above, exp.Count | exp.Sum):
                continue
            of_own = isinstance(below, exp.Count | exp.Sum) and not above.find(exp.Case)
            if above == below or (of_total and of_own and _is_shown(division, scope.expression)):
                whole = exp.Window(this=exp.Sum(this=above.copy()))
                division.set("expression", exp.Nullif(this=whole, expression=exp.Literal.number(0)))
                said = above.sql(dialect="postgres")
                was = "itself" if above == below else below.sql(dialect="postgres")
                return f"{said} was divided by {was}; it is divided by the sum over all groups."
    return None


def _is_shown(division: exp.Div, select: exp.Select) -> bool:
    """Whether it stands in a select item, in no other aggregate."""
    return division.find_ancestor(exp.AggFunc, exp.Window, exp.Where, exp.Having, exp.Select) is select


def _bare(node: exp.Expr) -> exp.Expr:
    """The value without casts, parentheses and guards against zero."""
    while isinstance(node, exp.Paren | exp.Cast | exp.Nullif):
        node = node.this
    return node


RULE = Rule("whole_share", _fix)
