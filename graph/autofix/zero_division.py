"""A divisor that turned out to be zero: the ratio is NULL there, as it has no value."""

from sqlglot import exp

from graph.autofix.base import Context, Rule

DIVISION_BY_ZERO = "22012"


def _fix(context: Context) -> str | None:
    if not context.failed_with(DIVISION_BY_ZERO):
        return None
    for division in context.tree.find_all(exp.Div, exp.Mod):
        divisor = division.expression
        if isinstance(divisor, exp.Nullif | exp.Literal):
            continue
        bare = divisor.unnest()
        if isinstance(bare, exp.Nullif):
            continue
        division.set("expression", exp.Nullif(this=bare.copy(), expression=exp.Literal.number(0)))
        return f"{bare.sql(dialect='postgres')} can be zero; the ratio is empty there."
    return None


RULE = Rule("zero_division", _fix)
