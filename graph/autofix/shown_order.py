"""A whole list ordered by a measure that the question names and the query does not show.

"Which states have the highest density?" without a limit is answered by all states: only beside their density
can a reader see which are the highest.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded, output_name
from graph.context.words import name_words, stem, stems


def _fix(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or not select.args.get("order") or select.is_star:
        return None
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


RULE = Rule("shown_order", _fix)
