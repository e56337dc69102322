"""A proportion written upside down: all rows divided by some of them is never below 1.

Only for questions that ask for a proportion, share, fraction or percentage; a ratio may be of any size.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule

_PART = re.compile(r"\b(proportion|share|fraction|percent(?:age)?|per cent)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    if not _PART.search(context.question):
        return None
    for division in context.tree.find_all(exp.Div):
        above, below = _bare(division.this), _bare(division.expression)
        if not (_counts_all(above) and _counts_some(below)):
            continue
        whole = exp.Nullif(this=above.copy(), expression=exp.Literal.number(0))
        division.set("this", exp.cast(below.copy(), exp.DType.DOUBLE))
        division.set("expression", whole)
        return "A part of all cannot be above 1: some are divided by all, not all by some."
    return None


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren | exp.Cast | exp.Nullif):
        node = node.this
    if isinstance(node, exp.Mul):
        numbers = [side for side in (node.this, node.expression) if isinstance(side, exp.Literal)]
        if len(numbers) == 1:
            other = node.expression if node.this is numbers[0] else node.this
            return _bare(other)
    return node


def _counts_all(node: exp.Expr) -> bool:
    return isinstance(node, exp.Count) and isinstance(node.this, exp.Star)


def _counts_some(node: exp.Expr) -> bool:
    """``SUM(CASE WHEN … THEN 1 …)``, ``COUNT(CASE WHEN …)`` or a filtered count."""
    if isinstance(node, exp.Filter):
        return isinstance(node.this, exp.Count)
    return isinstance(node, exp.Sum | exp.Count) and isinstance(node.this, exp.Case)


RULE = Rule("inverted_share", _fix)
