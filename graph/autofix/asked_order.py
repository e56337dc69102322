"""The first of all asked for, and all given: "which trainer has the best average rating" without an order.

Singular things with a superlative, of which the query works out one measure: it orders by that and gives the
first. Where the measure is worked out in a subquery that the things are looked for in, it is cut there.
"""

import re
from dataclasses import dataclass

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of
from graph.autofix.names import Names, identifier

_MOST = "most|highest|largest|biggest|greatest|longest|heaviest|busiest|priciest|best|top"
_LEAST = "least|lowest|fewest|smallest|shortest|lightest|cheapest|worst"
_ASKED = re.compile(
    r"^\W*(?:(?:and|so|for|in)\b[^,]*,\s*)?(?:which|what|who)(?P<thing>(?:\s+(?!(?:is|are|was|were|has|have|had|do|does|did)\b)[\w-]+){0,3}?)\s+"
    r"(?:has|had|is|was|does|did|made|makes|sold|sells|got|gets|received|receives|pays|paid|spent|spends|brought|"
    r"brings|earned|earns|generated|generates|takes|took|shows?|charges|costs?|gave|gives|attracts?|holds?|won|wins|"
    r"lost|loses|ran|runs|wrote|saw|sees|led|drew|used|uses|lasts|\w{2,}ed)\b"
    rf"[^.;?]*?\b(?:(?P<most>{_MOST})|(?P<least>{_LEAST}))\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:each|every|per|rank|ranking|(?:sort|order|list)(?:ed)?(?=\s+(?:them|the|all|by|in|it|from)\b)|all|"
    r"at\s+(?:most|least)\s+one)\b",
    re.I,
)
_PLURAL = re.compile(r"(?<!s)(?<!u)(?<!i)(?<!specie)(?<!serie)s$", re.IGNORECASE)
_NTH = re.compile(
    r"\b(?:second|third|fourth|fifth|2nd|3rd|4th|5th)[\s-]+(?:most|least|\w+est)\b", re.IGNORECASE
)
_AT = re.compile(r"\bat\s+(?:least|most|best|worst)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AskedOne:
    """The one thing that a question asks for by a superlative."""

    thing: str
    """What it is called; ``""`` for *who*, or a bare *which*."""
    down: bool
    """Whether it is the one with the most."""


def asked_one(question: str) -> AskedOne | None:
    """The one that is asked for; None where several are, or a place after the first."""
    asked = _ASKED.search(_AT.sub(" ", question))
    if asked is None or _SEVERAL.search(question) or _NTH.search(question):
        return None
    thing = asked["thing"].split()
    if thing and _PLURAL.search(thing[-1]):
        return None
    return AskedOne(" ".join(thing), down=bool(asked["most"]))


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = asked_one(context.question)
    if asked is None or not isinstance(select, exp.Select):
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
    place.set("limit", exp.Limit(expression=exp.Literal.number(1)))
    which = "highest" if down else "lowest"
    return f"One is asked for: the {which} by {measure.sql(dialect='postgres')}."


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
