"""The first of all time, where the first of each period is asked for: "year by year, the busiest line".

``… GROUP BY line ORDER BY SUM(passengers) DESC LIMIT 1`` becomes a rank within each year, ties included.
Where the query shows and groups by the period already, and only sorts, the first of each are left of it.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.first_of_each import FIRST, rank_within, resolved_key
from graph.autofix.foreign_functions import extract, truncated
from graph.autofix.names import output_name
from graph.autofix.period_group import period_moment

_UNIT = r"(?P<{}>year|quarter|month|week|day)"
_EACH = re.compile(
    rf"\b(?:for|in|of|on|per)\s+(?:each|every)\s+(?:calendar\s+)?{_UNIT.format('each')}\b(?!\s+(?:of\s+)?(?:they|it))|"
    rf"\b{_UNIT.format('by')}\s+by\s+(?P=by)\b|^\W*(?:each|every|per)\s+{_UNIT.format('first')}\b",
    re.IGNORECASE,
)
_WHICH = re.compile(r"\b(?:which|what|who|whose)\b", re.IGNORECASE)
_LISTED = re.compile(
    r"\b(?:first|last|rank\w*|sort\w*|order(?:ed)?\s+by|list|all|top|how\s+many)\b", re.IGNORECASE
)
"""That all may be wanted in some order, where the query does not cut them."""
_PARTS = ("having", "distinct", "with_", "offset")


def _fix(context: Context) -> str | None:
    select, question, names = context.tree, context.question, context.names
    asked = _EACH.search(question)
    if asked is None or not isinstance(select, exp.Select) or not FIRST.search(question):
        return None
    if any(select.args.get(part) for part in _PARTS):
        return None
    scope, order, group = names.scopes[-1], select.args.get("order"), select.args.get("group")
    if (
        scope.expression is not select
        or order is None
        or group is None
        or select.find(exp.Window, exp.Subquery)
    ):
        return None
    limit = select.args.get("limit")
    if limit is not None and limit.expression.name != "1":
        return None
    if limit is None and (not _WHICH.search(question) or _LISTED.search(question)):
        return None
    unit = (asked["each"] or asked["by"] or asked["first"]).lower()
    shown = next((item for item in select.selects if _is_period(item, unit)), None)
    keys = [resolved_key(one, select) for one in order.expressions]
    keys = [key for key in keys if key is None or key.find(exp.AggFunc)]
    things = [item for item in select.selects if item is not shown and not item.find(exp.AggFunc)]
    if len(keys) != 1 or keys[0] is None or not things:
        return None
    if shown is None:
        moment = period_moment(select, context) if limit is not None else None
        if moment is None or any(isinstance(one, exp.Literal) for one in group.expressions):
            return None
        period = extract("YEAR", moment.copy()) if unit == "year" else truncated(unit.upper(), moment.copy())
        select.set("expressions", [exp.alias_(period, unit), *select.expressions])
        group.append("expressions", period.copy())
    else:
        period = shown.unalias()
    outputs = [output_name(item) for item in select.selects]
    if len(set(outputs)) != len(outputs) or "?column?" in outputs:
        return None
    rank_within(select, [period], [keys[0]], outputs, 1)
    return f"The first of each {unit} is asked for, not of all time."


def _is_period(item: exp.Expr, unit: str) -> bool:
    bare = item.unalias()
    if isinstance(bare, exp.Extract):
        return bool(bare.this.name.lower() == unit)
    return isinstance(bare, exp.TimestampTrunc) and bare.text("unit").lower() == unit


RULE = Rule("first_of_period", _fix)
