"""The first rows by time where the last are asked for, or the other way round: the oldest, newest days first.

``ORDER BY arrived DESC LIMIT 10`` gives those that arrived last; what has been there the longest arrived
first.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of

_EARLY = re.compile(
    r"\b(?:oldest|earliest|the\s+longest(?=\W*$|\W+(?:ago|time|been|standing|waiting|serving|in\b))|"
    r"(?:been|waited|waiting|worked|stood|stayed|with\s+us)\s+(?:\w+\s+){0,4}(?:the\s+)?longest)\b",
    re.IGNORECASE,
)
_LATE = re.compile(r"\b(?:newest|latest|youngest|most\s+recent(?:ly)?)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    select, question = context.tree, context.question
    early, late = bool(_EARLY.search(question)), bool(_LATE.search(question))
    if early == late or not isinstance(select, exp.Select):
        return None
    order, limit = select.args.get("order"), select.args.get("limit")
    if order is None or limit is None or len(order.expressions) != 1:
        return None
    if select.args.get("group") or select.args.get("distinct"):
        return None
    key = order.expressions[0]
    scope = context.names.scopes[-1]
    if not isinstance(key.this, exp.Column) or kind_of(key.this, context.names, scope) not in MOMENTS:
        return None
    if bool(key.args.get("desc")) is late:
        return None
    order.set("expressions", [exp.Ordered(this=key.this.copy(), desc=late, nulls_first=late)])
    which = "last" if late else "first"
    return f"{key.this.name} is a time: those that come {which} are asked for."


RULE = Rule("moment_order", _fix)
