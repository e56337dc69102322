"""A list that is cut, sorted from the wrong end: "the three cheapest" by ``price DESC LIMIT 3``.

Where one superlative of the question tells which end is meant, and the list is sorted by what it is about:
its price for what is cheap, a span for what is long, a count, or a measure that the question names. A rank is
left alone: the highest is number one.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of
from graph.autofix.names import Names, folded
from graph.context.words import listed, name_words, stem, stems

_UP = re.compile(
    r"\b(?:(?P<price>cheapest|least\s+expensive)|(?P<span>shortest|quickest)|lowest|fewest|smallest|lightest|bottom|"
    r"least(?!\s+expensive)|minimum)\b",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(?:(?P<price>priciest|dearest|costliest|most\s+expensive)|(?P<span>longest)|highest|largest|biggest|greatest|"
    r"heaviest|top|most(?!\s+(?:expensive|recent|recently|of)\b)|maximum)\b",
    re.IGNORECASE,
)
_IDLE = re.compile(
    r"\bat\s+(?:least|most)\b|\bmost\s+(?:rarely|seldom|infrequent\w*|economical|efficient\w*|affordable|of)\b",
    re.I,
)
_OTHER = re.compile(
    r"\b(?:descending|ascending|desc|asc|(?:high|larg|bigg|great)est\s+(?:to|first)|(?:low|small|few|cheap)est\s+(?:to|first)|"
    r"from\s+the\s+\w+est)\b",
    re.IGNORECASE,
)
"""How the list is to be shown, which need not be which end of all it is."""
_PRICES = frozenset(map(stem, listed("price cost fee rate amount tariff charge fare rent")))
_SPANS = frozenset(map(stem, listed("duration length minutes hours days seconds nights time")))
_SPENT = re.compile(r"\b(?:spen[dt]|paid|pays?|earn(?:s|ed)?|revenue|turnover)\b", re.IGNORECASE)
_RANKS = frozenset(map(stem, listed(
    "rank ranking place position priority level grade class seed standing order tier number no handicap par"
)))  # fmt: skip


def _fix(context: Context) -> str | None:
    select, question = context.tree, _IDLE.sub(" ", context.question)
    up, down = list(_UP.finditer(question)), list(_DOWN.finditer(question))
    if not isinstance(select, exp.Select) or bool(up) == bool(down) or len(up) + len(down) != 1:
        return None
    order, limit = select.args.get("order"), select.args.get("limit")
    if order is None or limit is None or len(order.expressions) != 1 or select.args.get("offset"):
        return None
    if _OTHER.search(question) or select.find(exp.Window, exp.Case):
        return None
    [key] = order.expressions
    if bool(key.args.get("desc")) is bool(down):
        return None
    said = (up or down)[0]
    if not _is_about(_measure(key.this, select), said, context) and not _is_called(key.this, said, context):
        return None
    order.set("expressions", [exp.Ordered(this=key.this.copy(), desc=bool(down) or None, nulls_first=False)])
    return f"Asked for the {said[0].lower()}: the list begins at its other end."


def _measure(by: exp.Expr, select: exp.Select) -> exp.Expr:
    """What is sorted by, with the select item in the place of its name or number."""
    if isinstance(by, exp.Literal) and by.name.isdigit() and 0 < int(by.name) <= len(select.selects):
        return select.selects[int(by.name) - 1].unalias()
    if isinstance(by, exp.Column) and not by.args.get("table"):
        named = [item for item in select.selects if item.alias and item.alias == by.name]
        return named[0].unalias() if len(named) == 1 else by
    return by


def _is_about(measure: exp.Expr, said: re.Match[str], context: Context) -> bool:
    names = context.names
    scope = names.scopes[-1]
    inner = measure
    while isinstance(inner, exp.Sum | exp.Avg | exp.Max | exp.Min | exp.Round | exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Count):
        return not said["price"] and not said["span"]
    if _is_span(inner, names, scope):
        return bool(said["span"])
    if not isinstance(inner, exp.Column) or kind_of(inner, names, scope) not in {"integer", "number"}:
        return False
    own = {stem(word) for word in name_words(folded(inner.this))}
    if own & _RANKS:
        return False
    if said["price"]:
        return bool(own & _PRICES)
    if said["span"] and own & _SPANS:
        return True
    return bool(own & set(stems(context.question)))


def _is_called(by: exp.Expr, said: re.Match[str], context: Context) -> bool:
    """Whether a sum or an average goes by a name of the question, ``SUM(…) AS revenue``, or is spent."""
    measure = _measure(by, context.tree) if isinstance(context.tree, exp.Select) else by
    if not isinstance(measure, exp.Sum | exp.Avg) or said["price"] or said["span"]:
        return False
    own = {stem(word) for word in name_words(by.name)} if isinstance(by, exp.Column) else set()
    return bool(own & set(stems(context.question)) - _RANKS) or (
        isinstance(measure, exp.Sum) and _SPENT.search(context.question) is not None
    )


def _is_span(node: exp.Expr, names: Names, scope: Scope) -> bool:
    """A later moment less an earlier one; which is which other rules see to."""
    return (
        isinstance(node, exp.Sub)
        and kind_of(node, names, scope) in {"interval", "integer"}
        and all(isinstance(side, exp.Column) for side in (node.this, node.expression))
    )


RULE = Rule("turned_order", _fix)
