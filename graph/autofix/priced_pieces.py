"""The price of one piece added up, where each row is of several: ``SUM(price)`` of lines with a quantity.

So is what is paid for an hour, a day or a night beside rows that say how many of them. Nobody asks for such a
sum, unless the question speaks of prices or rates themselves.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.joins import type_family
from graph.context.words import listed, name_words

_OF_PRICES = re.compile(
    r"\b(?:prices?|rates?|wages?|tariffs?|list(?:ed)?|catalog(?:ue)?)\s*(?!\w*\s*bill)", re.IGNORECASE
)
_PRICES = listed("price")
_PIECES = listed("quantity qty pieces units")
_RATES = {"hourly": "hours", "daily": "days", "nightly": "nights", "weekly": "weeks"}
_PER = {
    "hour": "hours",
    "day": "days",
    "night": "nights",
    "week": "weeks",
    "km": "km",
    "tonne": "tonnes",
    "kg": "kg",
}
_TOTALS = listed("total amount subtotal value sum revenue net gross")


def _fix(context: Context) -> str | None:
    names = context.names
    if not context.question:
        return None
    for scope in names.scopes:
        if not isinstance(scope.expression, exp.Select):
            continue
        sources = names.sources(scope)
        if any(source.table is None for source in sources):
            continue
        for total in list(scope.find_all(exp.Sum)):
            column = total.this
            if not isinstance(column, exp.Column) or isinstance(total.parent, exp.Window):
                continue
            said = name_words(folded(column.this))
            wanted = _wanted(said)
            if wanted is None or (said[-1] in _PRICES and _OF_PRICES.search(context.question)):
                continue
            found = _pieces(column, wanted, sources, names)
            if found is None:
                continue
            source, name = found
            qualifier = source.alias if len(sources) > 1 or column.args.get("table") else None
            pieces = exp.column(identifier(name), table=qualifier)
            column.replace(exp.Mul(this=pieces, expression=column.copy()))
            return f"{column.name} is for one; it is added up times {name}."
    return None


def _wanted(said: list[str]) -> frozenset[str] | None:
    """The words by which the number of pieces would be called that a price or a rate is for."""
    if len(said) > 2 and said[-2] == "per" and said[-1] in _PER:
        return frozenset({_PER[said[-1]]})
    rates = [_RATES[word] for word in said if word in _RATES]
    if rates:
        return frozenset(rates)
    return _PIECES if said[-1] in _PRICES else None


def _pieces(
    column: exp.Column, wanted: frozenset[str], sources: list[Source], names: Names
) -> tuple[Source, str] | None:
    """The one number of pieces, in the price's own table or in rows that refer to it."""
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    homes = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    if len(homes) != 1 or homes[0].table is None:
        return None
    own = homes[0].table
    if wanted is _PIECES and any(_TOTALS & {*name_words(other.name)} for other in own.columns):
        return None
    found = []
    for source in sources:
        if source.table is None:
            continue
        refers = own.qualified_name in names.joins.referred(source.table.qualified_name)
        if source is not homes[0] and not refers:
            continue
        found += [
            (source, other)
            for other, kind in (source.columns or {}).items()
            if type_family(kind) == "number"
            and name_words(other)[-1] in wanted
            and other != name
            and not (source is homes[0] and wanted is not _PIECES)
        ]
    return found[0] if len(found) == 1 else None


RULE = Rule("priced_pieces", _fix)
