"""A ratio multiplied by 100 although nobody asked for a percentage, or a percentage that is not."""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.certain_share import counted_condition
from graph.autofix.ratio_parts import bare, is_whole

_FRACTION = re.compile(r"\b(ratio|proportion|fraction)s?\b", re.IGNORECASE)
_PERCENT = re.compile(r"%|\bper ?cent|\bpct\b|\bout of (?:a )?(?:100|hundred)\b", re.IGNORECASE)


_ASKED = re.compile(
    r"\b(?:what|which|the|as\s+a)\s+(?:\w+est\s+)?(?:percent(?:age)?|per\s+cent|%)(?!\w)", re.IGNORECASE
)
_AS_FRACTION = re.compile(r"\bfractions?\b|\bbetween\s+0\s+and\s+1\b|\bratio\b|\bproportion\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    if _ASKED.search(context.question):
        return _as_percentage(context)
    if not _FRACTION.search(context.question) or _PERCENT.search(context.question):
        return None
    for product in context.tree.find_all(exp.Mul):
        for factor, value in ((product.this, product.expression), (product.expression, product.this)):
            if not _is_hundred(factor) or not _in_ratio(product, value):
                continue
            product.replace(value.copy())
            return "A ratio was asked for, not a percentage: it is not multiplied by 100."
    return None


def _as_percentage(context: Context) -> str | None:
    """Multiply by 100 what is shown as a part of one."""
    said = f"{context.question} {context.notes}"
    if not isinstance(context.tree, exp.Select) or _AS_FRACTION.search(said):
        return None
    for item in context.tree.selects:
        value = item.unalias()
        while isinstance(value, exp.Round | exp.Paren | exp.Cast):
            value = value.this
        if any(
            float(one.this) in {100, 1000}
            for one in item.find_all(exp.Literal)
            if not one.is_string and _is_number(one)
        ):
            continue
        if not (_is_share(value) or _is_mean_of_ones(value)):
            continue
        value.replace(exp.Mul(this=exp.Literal.number("100.0"), expression=exp.paren(value.copy())))
        return "A percentage was asked for, not a part of one: it is multiplied by 100."
    return None


def _is_number(literal: exp.Literal) -> bool:
    return str(literal.this).replace(".", "", 1).isdigit()


def _is_share(value: exp.Expr) -> bool:
    """Some of the rows, or of a sum, divided by all."""
    if not isinstance(value, exp.Div):
        return False
    part, whole = bare(value.this), bare(value.expression)
    if isinstance(whole, exp.Subquery):
        inner = whole.unnest()
        return (
            is_whole(part)
            and isinstance(inner, exp.Select)
            and isinstance(inner.selects[0].unalias(), type(part))
        )
    return counted_condition(part) is not None and is_whole(whole)


def _is_mean_of_ones(value: exp.Expr) -> bool:
    """``AVG(CASE WHEN … THEN 1 ELSE 0 END)``."""
    if not isinstance(value, exp.Avg):
        return False
    case = value.this
    while isinstance(case, exp.Cast | exp.Paren):
        case = case.this
    if not isinstance(case, exp.Case) or len(case.args["ifs"]) != 1 or case.args.get("default") is None:
        return False
    return {case.args["ifs"][0].args["true"].sql(), case.args["default"].sql()} <= {"1", "0", "1.0", "0.0"}


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
