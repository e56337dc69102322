"""Groups held against the average of single rows, where it is to be that of the groups.

"Customers who spent more than the average customer": ``HAVING SUM(total) > (SELECT AVG(total) FROM orders)``
holds what each spent against an average order. What each of the groups has is averaged.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_groups import is_called
from graph.autofix.names import Names, Source, conjuncts, folded, without_tables
from graph.autofix.ratio_parts import bare
from graph.context.synonyms import SYNONYMS
from graph.context.words import stem, words

_AVERAGE = re.compile(r"\bthan\s+(?:the|an|our)\s+average\s+((?:\w+\s+){0,1}\w+)", re.IGNORECASE)
_TOTAL = re.compile(
    r"\b(?:costs?|spen[dt]s?|pa(?:y|ys|id)|earn(?:s|ed)?|br(?:ing|ings|ought)|made|makes?|took|takes?|s(?:old|ells?)|in\s+total)\b"
    r"[^.?]*\b(?:more|less|fewer)\b[^.?]*\bthan\b",
    re.IGNORECASE,
)
"""What each has of it altogether is held against the others."""
_COMPARED = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_PARTS = ("group", "having", "limit", "joins", "distinct", "with_")
_FIGURE, _ALIAS = "figure", "per_group"


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = _AVERAGE.search(context.question)
    scope = names.scopes[-1]
    if asked is None or not isinstance(select, exp.Select) or scope.expression is not select:
        return None
    group, having = select.args.get("group"), select.args.get("having")
    if group is None or having is None or select.args.get("with_") or select.find(exp.Window):
        return None
    sources = names.sources(scope)
    keys = [key for key in group.expressions if isinstance(key, exp.Column)]
    spoken = [stem(word) for word in words(asked[1])]
    readings = [spoken[:length] for length in range(1, len(spoken) + 1)]
    if len(keys) != len(group.expressions) or not any(
        is_called(key, reading, sources, names) or _is_alike(key, reading, sources, names)
        for key in keys
        for reading in readings
    ):
        return None
    for test in having.find_all(*_COMPARED):
        inner = test.expression.unnest() if isinstance(test.expression, exp.Subquery) else None
        figure = test.this
        if not isinstance(inner, exp.Select):
            continue
        if _TOTAL.search(context.question):
            figure = _summed(figure)
        if not isinstance(figure, exp.Sum):
            continue
        if not _is_of_rows(inner, figure, names, sources) or not _is_of_the_same(inner, select):
            continue
        each = exp.Select(
            **{part: select.args[part].copy() for part in ("from_", "where") if select.args.get(part)},
            joins=[join.copy() for join in select.args.get("joins") or ()],
            group=group.copy(),
            expressions=[exp.alias_(figure.copy(), _FIGURE)],
        )
        mean = exp.select(exp.Avg(this=exp.column(_FIGURE, table=_ALIAS))).from_(each.subquery(_ALIAS))
        test.set("this", figure.copy())
        test.expression.replace(mean.subquery())
        of = " and ".join(key.name for key in keys)
        return f"The average is that of each {of}, not of the single rows."
    return None


def _is_alike(key: exp.Column, reading: list[str], sources: list[Source], names: Names) -> bool:
    """Whether the key is of a table whose things have another name as well: a vehicle is a car."""
    name, qualifier = folded(key.this), folded(key.args.get("table"))
    homes = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    if len(homes) != 1 or homes[0].table is None:
        return False
    said = [stem(word) for word in names.joins.short.table_words(homes[0].table)]
    return len(said) == 1 and reading[-1] in SYNONYMS.get(said[0], ())


def _summed(figure: exp.Expr) -> exp.Expr:
    """The sum behind an average of rows, however it is written."""
    if isinstance(figure, exp.Avg) and isinstance(figure.this, exp.Column):
        return exp.Sum(this=figure.this.copy())
    if isinstance(figure, exp.Div):
        above, below = bare(figure.this), bare(figure.expression)
        if isinstance(above, exp.Sum) and isinstance(below, exp.Count):
            return above
    return figure


def _is_of_rows(inner: exp.Select, figure: exp.Sum, names: Names, sources: list[Source]) -> bool:
    """Whether a subquery averages single rows of what the figure adds up."""
    scope = next((one for one in names.scopes if one.expression is inner), None)
    if scope is None or len(inner.selects) != 1 or any(inner.args.get(part) for part in _PARTS):
        return False
    within = names.sources(scope)
    average = inner.selects[0].unalias()
    if len(within) != 1 or within[0].table is None or not isinstance(average, exp.Avg):
        return False
    if not any(source.table is within[0].table for source in sources):
        return False
    return isinstance(figure.this, exp.Column) and without_tables(average.this) == without_tables(figure.this)


def _is_of_the_same(inner: exp.Select, select: exp.Select) -> bool:
    """Whether a subquery has no condition that the query around it lacks."""
    own, outer = inner.args.get("where"), select.args.get("where")
    around = {without_tables(one) for one in conjuncts(outer.this)} if outer is not None else set()
    return own is None or {without_tables(one) for one in conjuncts(own.this)} <= around


RULE = Rule("group_average", _fix)
