"""A ratio or proportion multiplied by 100 although nobody asked for a percentage."""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule

_FRACTION = re.compile(r"\b(ratio|proportion|fraction)s?\b", re.IGNORECASE)
_PERCENT = re.compile(r"%|\bper ?cent|\bpct\b|\bout of (?:a )?(?:100|hundred)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    if not _FRACTION.search(context.question) or _PERCENT.search(context.question):
        return None
    for product in context.tree.find_all(exp.Mul):
        for factor, value in ((product.this, product.expression), (product.expression, product.this)):
            if not _is_hundred(factor) or not _in_ratio(product, value):
                continue
            product.replace(value.copy())
            return "A ratio was asked for, not a percentage: it is not multiplied by 100."
    return None


def _is_hundred(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and float(node.this) == 100


def _in_ratio(product: exp.Mul, value: exp.Expr) -> bool:
    """Whether the product is of a quotient, or is itself divided."""
    above = product.parent
    while isinstance(above, exp.Paren):
        above = above.parent
    divided = isinstance(above, exp.Div) and product in list(above.this.find_all(exp.Mul))
    return divided or isinstance(value.unnest() if isinstance(value, exp.Paren) else value, exp.Div)


RULE = Rule("percent_scale", _fix)
