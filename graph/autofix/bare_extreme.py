"""The greatest value beside columns of single rows, as SQLite reads ``SELECT name, MAX(price) FROM product``.

There the columns are those of the row that has the greatest; here every name would be a group. Asked for the
one that has it, the rows are sorted by the value and the first is given.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import asked_groups
from graph.autofix.base import Context, Rule
from graph.autofix.names import folded

_END = re.compile(
    r"\b(?:most|least|fewest|best|worst|first|last|top|maximum|minimum|"
    r"(?!(?:inter|requ|for|harv|t|r|b|gu|w|n|ch|v|contest|prot|inv|sugg|digest|arr|mod|hon)est\b)\w{3,}est)\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:each|every|per|by|all|respective|\d+|two|three|four|five|ten|list|range|between|both)\b|"
    r"\b(?:highest|most|largest|longest)\b.*\b(?:lowest|least|smallest|shortest)\b",
    re.IGNORECASE,
)
_PARTS = ("group", "having", "limit", "distinct", "with_", "offset", "fetch", "order")


def _fix(context: Context) -> str | None:
    select, question = context.tree, context.question
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in _PARTS):
        return None
    if not _END.search(question) or _SEVERAL.search(question) or asked_groups(question):
        return None
    scope = context.names.scopes[-1]
    if scope.expression is not select or select.find(exp.Window):
        return None
    ends = [item for item in select.selects if item.find(exp.AggFunc)]
    others = [item.unalias() for item in select.selects if not item.find(exp.AggFunc)]
    if len(ends) != 1 or not others or not all(isinstance(one, exp.Column) for one in others):
        return None
    end = ends[0].unalias()
    if not isinstance(end, exp.Max | exp.Min) or not isinstance(end.this, exp.Column) or select.is_star:
        return None
    if any(isinstance(one, exp.Column) and isinstance(one.this, exp.Star) for one in others):
        return None
    value = end.this.copy()
    down = isinstance(end, exp.Max)
    if isinstance(ends[0], exp.Alias):
        end.replace(value.copy())
    else:
        ends[0].replace(value.copy())
    key = exp.Ordered(this=value, desc=down or None, nulls_first=False)
    select.set("order", exp.Order(expressions=[key]))
    select.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    return f"The row with the {'greatest' if down else 'least'} {folded(value.this)} is meant."


RULE = Rule("bare_extreme", _fix)
