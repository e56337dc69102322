"""A whole list ordered by a measure that the question names and the query does not show.

"Which states have the highest density?" without a limit is answered by all states: only beside their density
can a reader see which are the highest. "How many people hold the most common title?" asks for the measure
alone.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded, output_name
from graph.context.words import name_words, stem, stems

_HOW_MANY = re.compile(r"^\W*(?:how\s+(?:many|much)|what\s+(?:is|was)\s+the\s+(?:total\s+)?number)\b", re.I)


def _fix(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or not select.args.get("order") or select.is_star:
        return None
    if _HOW_MANY.search(context.question) and (said := _figure(select)) is not None:
        return said
    if any(select.args.get(clause) for clause in ("limit", "distinct", "group")):
        return None
    shown = {output_name(item) for item in select.selects}
    shown |= {folded(column.this) for item in select.selects for column in item.find_all(exp.Column)}
    asked = set(stems(context.question))
    for key in select.args["order"].expressions:
        column = key.this
        if not isinstance(column, exp.Column) or folded(column.this) in shown:
            continue
        if {stem(word) for word in name_words(column.name)} & asked:
            select.append("expressions", column.copy())
            return f"The list is ordered by {column.name}, so it shows it."
    return None


def _figure(select: exp.Select) -> str | None:
    """The first group of all by a measure, which a question for a figure does not ask to be named."""
    keys, limit = select.args["order"].expressions, select.args.get("limit")
    if not select.args.get("group") or limit is None or limit.expression.name != "1" or len(keys) != 1:
        return None
    measure = keys[0].this
    if not isinstance(measure, exp.AggFunc) or any(item.find(exp.AggFunc) for item in select.selects):
        return None
    select.append("expressions", measure.copy())
    return f"A figure is asked for: {measure.sql(dialect='postgres')} is shown."


RULE = Rule("shown_order", _fix)
