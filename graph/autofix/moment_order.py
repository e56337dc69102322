"""The first rows by time where the last are asked for, or the other way round: the oldest, newest days first.

``ORDER BY arrived DESC LIMIT 10`` gives those that arrived last; what has been there the longest arrived
first. A count of the rows of each single thing is always 1 and orders nothing: the moment of the thing does.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import folded, identifier
from graph.autofix.other_moment import row_moment
from graph.context.words import name_words

_EARLY = re.compile(
    r"\b(?:oldest|earliest|the\s+longest(?=\W*$|\W+(?:ago|time|been|standing|waiting|serving|in\b))|"
    r"(?:been|waited|waiting|worked|stood|stayed|with\s+us)\s+(?:\w+\s+){0,4}(?:the\s+)?longest)\b",
    re.IGNORECASE,
)
_LATE = re.compile(r"\b(?:newest|latest|youngest|most\s+recent(?:ly)?)\b", re.IGNORECASE)
_FIRST = re.compile(r"\bfirst\b", re.IGNORECASE)
_LAST = re.compile(r"\blast\b", re.IGNORECASE)
_LONG = re.compile(r"\b(?:long|short)(?:er|est)?\b", re.IGNORECASE)
_IDLE = re.compile(
    r"\b(?:first|last|past)\s+(?:(?!of\b)\w+\s+)?(?:day|week|month|quarter|half|year|decade|hour|minute|night|season|"
    r"(?:sur)?name|class|floor|aid|team|place|party)s?\b|\b(?:first|last)\s+and\s+(?:last|first)\b|\bat\s+(?:first|last)\b|"
    r"\w+est\s+(?:ones\s+)?(?:first|last)\b|\brecent(?:ly)?\s+(?:ones\s+)?(?:first|last)\b|[,;]\s*\w+(?:\s+\w+)?\s+(?:first|last)\W*$|"
    r"\blast\s+(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
    re.IGNORECASE,
)
"""First and last of something else, or of how a list is to be ordered."""


def _fix(context: Context) -> str | None:
    select, question = context.tree, context.question
    early, late = bool(_EARLY.search(question)), bool(_LATE.search(question))
    if not early and not late and not _LONG.search(question):
        told = _IDLE.sub(" ", question)
        early, late = bool(_FIRST.search(told)), bool(_LAST.search(told))
    if early == late or not isinstance(select, exp.Select):
        return None
    order, limit = select.args.get("order"), select.args.get("limit")
    if order is None or limit is None or len(order.expressions) != 1:
        return None
    said = _of_ones(select, context, late=late)
    if said is not None:
        return said
    if select.args.get("group") or select.args.get("distinct"):
        return None
    key = order.expressions[0]
    scope = context.names.scopes[-1]
    if not isinstance(key.this, exp.Column) or kind_of(key.this, context.names, scope) not in MOMENTS:
        return None
    if {"first", "last"} & {*name_words(key.this.name)} or bool(key.args.get("desc")) is late:
        return None
    order.set("expressions", [exp.Ordered(this=key.this.copy(), desc=late, nulls_first=late)])
    which = "last" if late else "first"
    return f"{key.this.name} is a time: those that come {which} are asked for."


def _of_ones(select: exp.Select, context: Context, *, late: bool) -> str | None:
    """Things ordered by how many rows each of them is."""
    names = context.names
    scope = names.scopes[-1]
    sources = names.sources(scope)
    group, order = select.args.get("group"), select.args["order"]
    if scope.expression is not select or len(sources) != 1 or sources[0].table is None or group is None:
        return None
    table = sources[0].table
    own, moment = names.joins.own.key(table), row_moment(table, context.question, names)
    keys = {folded(key.this) for key in group.expressions if isinstance(key, exp.Column)}
    by = order.expressions[0].this
    counts = [item for item in select.selects if isinstance(item.unalias(), exp.Count)]
    named = {item.alias for item in counts if item.alias}
    is_count = isinstance(by, exp.Count) or (isinstance(by, exp.Column) and by.name in named)
    others = [item for item in select.selects if item not in counts]
    if moment is None or own not in keys or not is_count or not others or select.args.get("having"):
        return None
    if select.args.get("distinct") or any(item.find(exp.AggFunc, exp.Window) for item in others):
        return None
    select.set("expressions", others)
    select.set("group", None)
    key = exp.column(identifier(moment), table=sources[0].alias if by.args.get("table") else None)
    select.set("order", exp.Order(expressions=[exp.Ordered(this=key, desc=late or None, nulls_first=False)]))
    which = "last" if late else "first"
    return f"A count of single rows orders nothing: those that come {which} by {moment} are asked for."


RULE = Rule("moment_order", _fix)
