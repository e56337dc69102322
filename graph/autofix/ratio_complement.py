"""A ratio of those with something to those without it, whose divisor (or dividend) is all of them."""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule

_ASKED = re.compile(
    r"\bratio\s+(?:of|between)\b.+?\b(?:to|and|versus|vs\.?)\s+(?:the\s+)?(?:those|ones|other|others|non\b|not\b|"
    r"\w+)\s*(?:\w+\s+){0,3}?(?:without|not|n't|never|others?\b)",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    if not _ASKED.search(context.question):
        return None
    for division in context.tree.find_all(exp.Div):
        above, below = _bare(division.this), _bare(division.expression)
        some = above if _condition(above) is not None else below
        whole = below if some is above else above
        if _condition(some) is None or not _counts_all(whole):
            continue
        others = some.copy()
        condition = _condition(others)
        assert condition is not None
        said = condition.sql(dialect="postgres")
        negated = isinstance(condition, exp.Not) or (
            isinstance(condition, exp.EQ) and condition.expression == exp.false()
        )
        condition.replace(exp.Not(this=exp.paren(condition.copy())))
        first, second = (others, some.copy()) if negated else (some.copy(), others)
        division.set("this", exp.cast(first, exp.DType.DOUBLE))
        division.set("expression", exp.Nullif(this=second, expression=exp.Literal.number(0)))
        return f"The ratio is of those with {said} to those without, not to all."
    return None


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren | exp.Cast | exp.Nullif):
        node = node.this
    return node


def _condition(node: exp.Expr) -> exp.Expr | None:
    """The condition by which an aggregate counts; None for any other expression."""
    found: exp.Expr | None = None
    if isinstance(node, exp.Filter) and isinstance(node.this, exp.Count):
        found = node.expression.this
    elif isinstance(node, exp.Sum | exp.Count) and isinstance(node.this, exp.Case):
        branches = node.this.args["ifs"]
        found = branches[0].this if len(branches) == 1 else None
    return found


def _counts_all(node: exp.Expr) -> bool:
    return isinstance(node, exp.Count) and isinstance(node.this, exp.Star | exp.Column)


RULE = Rule("ratio_complement", _fix)
