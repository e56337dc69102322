"""The second largest asked for, the largest given: ``MAX(total) - 1``, or the first of a sorted list.

A value is taken of the values that differ; a sorted list goes on where its first ones end.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule

_ORDINALS = ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_PLACES = {word: place for place, word in enumerate(_ORDINALS, 2)}
_PLACES |= {"2nd": 2, "3rd": 3} | {f"{place}th": place for place in range(4, 11)}
_MOST = "most|highest|largest|biggest|greatest|longest|heaviest|priciest|best|latest|newest"
_LEAST = "least|lowest|fewest|smallest|shortest|lightest|cheapest|worst|earliest|oldest"
_ASKED = re.compile(
    rf"\b(?P<nth>{'|'.join(_PLACES)})[\s-]+(?:(?P<most>{_MOST})|(?P<least>{_LEAST}))\b", re.IGNORECASE
)
_SEVERAL = re.compile(
    r"\b(?:each|every|per|list|rank\w*|first|top|compared?|difference|between)\b|\b(?:and|or)\s+(?:the\s+)?(?:second|third|"
    r"fourth|fifth)\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    select, question = context.tree, context.question
    asked = _ASKED.findall(question)
    if not isinstance(select, exp.Select) or len(asked) != 1 or _SEVERAL.search(question):
        return None
    hit = _ASKED.search(question)
    assert hit is not None
    place = _PLACES[hit["nth"].lower()]
    if any(select.args.get(part) for part in ("offset", "fetch", "with_")) or select.find(exp.Window):
        return None
    return _of_list(select, place) or _of_values(select, place, most=bool(hit["most"]))


def _of_list(select: exp.Select, place: int) -> str | None:
    """A sorted list that ends before, or with, the one that is asked for."""
    limit = select.args.get("limit")
    if not select.args.get("order") or not isinstance(limit, exp.Limit):
        return None
    if not isinstance(limit.expression, exp.Literal) or limit.expression.this not in {"1", str(place)}:
        return None
    select.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    select.set("offset", exp.Offset(expression=exp.Literal.number(place - 1)))
    return f"Number {place} is asked for: those before it are passed over."


def _of_values(select: exp.Select, place: int, *, most: bool) -> str | None:
    """The largest of a column, or that less something."""
    if len(select.selects) != 1 or any(select.args.get(part) for part in ("group", "order", "limit")):
        return None
    [item] = select.selects
    end = item.unalias()
    if isinstance(end, exp.Sub | exp.Add) and isinstance(end.expression, exp.Literal):
        end = end.this
    if not isinstance(end, exp.Max if most else exp.Min) or not isinstance(end.this, exp.Column):
        return None
    where = select.args.get("where")
    if where is not None and where.find(exp.Subquery, exp.Max, exp.Min):
        return None  # the largest of those below the largest
    value = end.this.copy()
    select.set("expressions", [exp.alias_(value, item.alias) if item.alias else value])
    select.set("distinct", exp.Distinct())
    select.set(
        "order",
        exp.Order(expressions=[exp.Ordered(this=end.this.copy(), desc=most or None, nulls_first=False)]),
    )
    select.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    select.set("offset", exp.Offset(expression=exp.Literal.number(place - 1)))
    which = "largest" if most else "smallest"
    return f"Number {place} is asked for: of the values that differ, counted from the {which}."


RULE = Rule("nth_value", _fix)
