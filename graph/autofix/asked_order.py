"""The first of all asked for, and all given: "which trainer has the best average rating" without an order.

Singular things with a superlative, of which the query works out one measure: it orders by that and gives the
first. Where the measure is worked out in a subquery that the things are looked for in, it is cut there.
"""

import re

from sqlglot import exp

from graph.autofix.asked_limit import asked_number
from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of
from graph.autofix.names import Names, identifier
from graph.autofix.superlative import AskedOne, asked_end, asked_one

_SEVERAL = re.compile(r"\b(?:each|every|per|rank\w*|and)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = asked_one(context.question)
    number = 1 if asked is not None else _several(context.question)
    asked = asked or AskedOne("", down=bool(asked_end(context.question)))
    if number is None or not isinstance(select, exp.Select):
        return None
    if any(select.args.get(part) for part in ("order", "limit", "offset", "fetch", "distinct")):
        return None
    if select.find(exp.Window, exp.Min if asked.down else exp.Max, exp.Limit) or select.is_star:
        return None
    inner = _within(select)
    measure = _measure(inner if inner is not None else select, names, grouped=inner is None)
    if measure is None or (select.find(exp.Max, exp.Min) and not isinstance(measure, exp.Max | exp.Min)):
        return None
    if isinstance(measure, exp.Max | exp.Min) and not asked.thing:
        return None  # the highest number for each is what is asked for
    place = inner if inner is not None else select
    down = asked.down
    # A measure that is not known is neither the highest nor the lowest.
    key = exp.Ordered(this=measure.copy(), desc=down or None, nulls_first=False)
    place.set("order", exp.Order(expressions=[key]))
    place.set("limit", exp.Limit(expression=exp.Literal.number(number)))
    which = "highest" if down else "lowest"
    many = "One is" if number == 1 else f"{number} are"
    return f"{many} asked for: the {which} by {measure.sql(dialect='postgres')}."


def _several(question: str) -> int | None:
    """How many are asked for by a superlative: "the three members with the highest fines"."""
    if asked_end(question) is None or _SEVERAL.search(question):
        return None
    return asked_number(question)


def _within(select: exp.Select) -> exp.Select | None:
    """The subquery that the things are looked for in, where it takes them out of one that measures them."""
    where = select.args.get("where")
    looked = [one for one in where.find_all(exp.In) if one.args.get("query")] if where is not None else []
    if len(looked) != 1 or select.args.get("group") or isinstance(looked[0].parent, exp.Not | exp.Or):
        return None
    inner = looked[0].args["query"].unnest()
    if not isinstance(inner, exp.Select) or any(
        inner.args.get(part) for part in ("order", "limit", "distinct")
    ):
        return None
    return inner


def _measure(select: exp.Select, names: Names, *, grouped: bool) -> exp.Expr | None:
    """The one figure that tells the rows of a query apart."""
    scope = next((one for one in names.scopes if one.expression is select), None)
    if scope is None:
        return None
    if select.args.get("group"):
        found = [
            item.unalias()
            for item in select.selects
            if item.find(exp.AggFunc)
            and kind_of(item.unalias(), names, scope) in {"integer", "number", "interval", ""}
        ]
        return found[0] if len(found) == 1 else None
    if grouped:
        return None
    source = select.args.get("from_") or select.args.get("from")
    given = source.this if source is not None else None
    if not isinstance(given, exp.Subquery) or select.args.get("joins"):
        return None
    measuring = given.unnest()
    if not isinstance(measuring, exp.Select) or not measuring.args.get("group"):
        return None
    figures = [item for item in measuring.selects if item.find(exp.AggFunc) and item.alias]
    if len(figures) != 1 or any(item.find(exp.AggFunc) for item in select.selects):
        return None
    return exp.column(identifier(figures[0].alias), table=given.alias or None)


RULE = Rule("asked_order", _fix)
