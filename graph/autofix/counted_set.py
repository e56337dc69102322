"""Counts put together as sets: ``SELECT COUNT(DISTINCT id) … INTERSECT SELECT COUNT(DISTINCT id) …``.

Two numbers have nothing in common but their value. What they count is put together, and counted then.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import identifier, output_name

_ALIAS = "counted"


def _fix(context: Context) -> str | None:
    tree = context.tree
    if not isinstance(tree, exp.Intersect | exp.Except) or tree.args.get("with_"):
        return None
    sides = [tree.this, tree.expression]
    if any(tree.args.get(part) for part in ("order", "limit")):
        return None
    counted = [_counted(side) for side in sides]
    if any(column is None for column in counted):
        return None
    label = output_name(sides[0].selects[0])
    inner = tree.copy()
    for side, column in zip([inner.this, inner.expression], counted, strict=True):
        assert column is not None
        side.set("expressions", [column.copy()])
    count: exp.Expr = exp.Count(this=exp.Star())
    if isinstance(sides[0].selects[0], exp.Alias):
        count = exp.alias_(count, identifier(label))
    outer = exp.select(count).from_(inner.subquery(_ALIAS))
    # A rule changes its tree in place; a set of two queries cannot become one query otherwise.
    context.names.tree = outer
    return "What is counted is put together, not the counts."


def _counted(side: exp.Expr) -> exp.Column | None:
    """What a query counts, when that is all it shows."""
    if not isinstance(side, exp.Select) or len(side.selects) != 1 or side.args.get("group"):
        return None
    count = side.selects[0].unalias()
    if not isinstance(count, exp.Count):
        return None
    inner = count.this
    if isinstance(inner, exp.Distinct) and len(inner.expressions) == 1:
        inner = inner.expressions[0]
    return inner if isinstance(inner, exp.Column) and not isinstance(inner.this, exp.Star) else None


RULE = Rule("counted_set", _fix)
