"""Figures by something, one column for each value that the model knows of, where rows are asked for.

``SUM(CASE WHEN method = 'card' THEN amount ELSE 0 END), SUM(CASE WHEN method = 'cash' …)`` for "by method"
becomes a row for each method, so that none that the model was not shown is missing. A question that names the
values keeps them as columns.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.context.words import stem, words

_BY = re.compile(r"\b(?:by|per|each|every|split|broken\s+down|breakdown|across|grouped)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or not _BY.search(context.question) or len(select.selects) < 2:
        return None
    if any(select.args.get(part) for part in ("group", "having", "order", "limit", "distinct", "with_")):
        return None
    cells = [_cell(item.unalias()) for item in select.selects]
    first = cells[0]
    if first is None:
        return None
    asked = {stem(word) for word in words(context.question)}
    values: set[str] = set()
    for cell in cells:
        if cell is None or cell[0] != first[0] or cell[2] != first[2]:
            return None
        if asked.issuperset(map(stem, words(cell[1]))):
            return None
        values.add(cell[1])
    if len(values) != len(cells):
        return None
    column, figure = first[0], first[2]
    select.set("expressions", [column.copy(), figure.copy()])
    select.set("group", exp.Group(expressions=[column.copy()]))
    return f"A row for each {column.name} is asked for, whichever there are."


def _cell(item: exp.Expr) -> tuple[exp.Column, str, exp.Expr] | None:
    """The column, the text it is held against, and what the rows that have it are made into."""
    if not isinstance(item, exp.Sum | exp.Count):
        return None
    case = item.this
    if not isinstance(case, exp.Case) or case.this is not None or len(case.args["ifs"]) != 1:
        return None
    test, value, other = case.args["ifs"][0].this, case.args["ifs"][0].args["true"], case.args.get("default")
    if not isinstance(test, exp.EQ) or not isinstance(test.this, exp.Column):
        return None
    text = test.expression
    if not isinstance(text, exp.Literal) or not text.is_string or not _is_nothing(other, item):
        return None
    counts = isinstance(item, exp.Count) or value == exp.Literal.number(1)
    return test.this, text.name, exp.Count(this=exp.Star()) if counts else exp.Sum(this=value.copy())


def _is_nothing(other: exp.Expr | None, item: exp.Expr) -> bool:
    if other is None or isinstance(other, exp.Null):
        return True
    return isinstance(item, exp.Sum) and other == exp.Literal.number(0)


RULE = Rule("pivoted_group", _fix)
