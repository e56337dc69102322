"""The most used of something, sorted by how it is written: "the most viewed pages" by ``page DESC``.

What is most common, viewed or sold is told by its rows: they are counted for each text that is shown, and
sorted by that.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of
from graph.autofix.names import folded

_ASKED = re.compile(
    r"\b(?:(?P<most>most)|(?P<least>least))\s+(?:often\s+|frequently\s+|commonly\s+)?"
    r"(?:common|frequent|popular|used|viewed|visited|seen|read|opened|ordered|booked|bought|sold|requested|"
    r"chosen|reported|mentioned|taken|given|played|watched|listed|hired|rented|cited|searched)\b",
    re.IGNORECASE,
)
_BY = re.compile(r"\b(?:by|per|each|every|alphabetic\w*|revenue|value|amount|quantit\w+)\b", re.IGNORECASE)
_PARTS = ("group", "having", "distinct", "with_", "offset", "joins")


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = _ASKED.findall(context.question)
    if not isinstance(select, exp.Select) or len(asked) != 1 or _BY.search(context.question):
        return None
    order = select.args.get("order")
    if order is None or not select.args.get("limit") or any(select.args.get(part) for part in _PARTS):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or len(sources) != 1 or sources[0].table is None:
        return None
    if len(select.selects) != 1 or len(order.expressions) != 1:
        return None
    shown, key = select.selects[0].unalias(), order.expressions[0].this
    if not isinstance(shown, exp.Column) or not isinstance(key, exp.Column) or key.name != shown.name:
        return None
    own = {names.joins.own.key(sources[0].table), *names.joins.own.called(sources[0].table)}
    if kind_of(shown, names, scope) != "text" or folded(shown.this) in own:
        return None
    down = bool(asked[0][0])
    select.set("group", exp.Group(expressions=[shown.copy()]))
    count = exp.Count(this=exp.Star())
    select.set("order", exp.Order(expressions=[exp.Ordered(this=count, desc=down or None, nulls_first=down)]))
    return f"Asked for the {'most' if down else 'least'}: the rows of each {shown.name} are counted."


RULE = Rule("counted_order", _fix)
