"""Groups held against all rows of another time or kind, and not against their own.

"Which departments hired more in 2025 than in 2024": ``WHERE year = 2025 … HAVING COUNT(*) > (SELECT COUNT(*)
… WHERE year = 2024)`` compares each department with the whole year before. Both are taken of each group.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, conjuncts, folded, without_tables

_THAN = re.compile(r"\bthan\b", re.IGNORECASE)
_ALL = re.compile(r"\b(?:all|average|overall|together|total|altogether|whole|any)\b", re.IGNORECASE)
_COMPARED = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_PARTS = ("group", "having", "limit", "joins", "distinct", "with_")


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    said = _THAN.split(context.question, maxsplit=1)
    if not isinstance(select, exp.Select) or len(said) != 2 or _ALL.search(said[1]):
        return None
    group, having, where = (select.args.get(part) for part in ("group", "having", "where"))
    scope = names.scopes[-1]
    if group is None or having is None or where is None or scope.expression is not select:
        return None
    keys = {folded(column.this) for key in group.expressions for column in key.find_all(exp.Column)}
    for test in having.find_all(*_COMPARED):
        inner = test.expression.unnest() if isinstance(test.expression, exp.Subquery) else None
        figure = test.this
        if not isinstance(figure, exp.Count | exp.Sum | exp.Avg) or not isinstance(inner, exp.Select):
            continue
        source = _same_rows(inner, names, names.sources(scope))
        if (
            source is None
            or len(inner.selects) != 1
            or without_tables(inner.selects[0].unalias()) != without_tables(figure)
        ):
            continue
        common, mine, theirs = _split(where.this, inner.args["where"].this)
        if not mine or not theirs or _columns(mine) != _columns(theirs) or _columns(mine) & keys:
            continue
        for one in theirs:
            for column in one.find_all(exp.Column):
                column.set(
                    "table", exp.to_identifier(source.alias) if len(names.sources(scope)) > 1 else None
                )
        other = exp.Filter(this=figure.copy(), expression=exp.Where(this=exp.and_(*theirs)))
        figure.replace(exp.Filter(this=figure.copy(), expression=exp.Where(this=exp.and_(*mine))))
        test.expression.replace(other)
        select.set("where", exp.Where(this=exp.and_(*common)) if common else None)
        return "Both parts of each group are compared, not one of them with that of all."
    return None


def _same_rows(inner: exp.Select, names: Names, sources: list[Source]) -> Source | None:
    """The source of the query around whose table a subquery reads by itself, under a condition of its own."""
    scope = next((one for one in names.scopes if one.expression is inner), None)
    if scope is None or not inner.args.get("where") or any(inner.args.get(part) for part in _PARTS):
        return None
    within = names.sources(scope)
    if len(within) != 1 or within[0].table is None or inner.find(exp.Subquery):
        return None
    if any(folded(column.args.get("table")) not in {"", within[0].alias} for column in names.columns(scope)):
        return None
    found = [one for one in sources if one.table is within[0].table]
    return found[0] if len(found) == 1 else None


def _split(where: exp.Expr, inner: exp.Expr) -> tuple[list[exp.Expr], list[exp.Expr], list[exp.Expr]]:
    """What both conditions say, and what each says by itself."""
    outer = [one.copy() for one in conjuncts(where)]
    theirs = [one.copy() for one in conjuncts(inner)]
    common = [one for one in outer if any(without_tables(one) == without_tables(other) for other in theirs)]
    mine = [one for one in outer if one not in common]
    return (
        common,
        mine,
        [one for one in theirs if not any(without_tables(one) == without_tables(other) for other in common)],
    )


def _columns(conditions: list[exp.Expr]) -> set[str]:
    return {folded(column.this) for one in conditions for column in one.find_all(exp.Column)}


RULE = Rule("compared_parts", _fix)
