"""What was paid for, reckoned at the product's price: a line that has a price of its own was paid at that.

``SUM(l.quantity * p.list_price)`` says what the things would cost today. Where the question speaks of list
prices or of today's, or the query reads the line's price as well, nothing is changed.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.joins import type_family
from graph.context.words import name_words, stem, stems

_PRICE = "price"
_OF_TODAY = re.compile(
    r"\b(?:list(?:ed)?|catalog(?:ue)?|standard|regular|recommended|retail|current(?:ly)?|present|today|now|would|could|"
    r"original|full)\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    names = context.names
    said = f"{context.question} {context.notes}"
    if not context.question or _OF_TODAY.search(said):
        return None
    for scope in names.scopes:
        sources = names.sources(scope)
        if len(sources) < 2:
            continue
        read = [_home(column, sources) for column in names.columns(scope)]
        for column in names.columns(scope):
            product, name = _home(column, sources)
            if product is None or product.table is None or not _is_price(name):
                continue
            if not isinstance(column.parent, exp.Mul) or _extra(name) & set(stems(said)):
                continue
            line = _line(column.parent, product, sources, names)
            own = _own_price(line) if line is not None else None
            if line is None or own is None or any(one is line and other == own for one, other in read):
                continue
            column.replace(exp.column(identifier(own), table=line.alias))
            return (
                f"Each of {line.alias} has a price of its own, {own}: it is reckoned at that, not at {name}."
            )
    return None


def _home(column: exp.Column, sources: list[Source]) -> tuple[Source | None, str]:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return (found[0] if len(found) == 1 else None), name


def _is_price(name: str) -> bool:
    return name_words(name)[-1:] == [_PRICE]


def _extra(name: str) -> set[str]:
    """What the name says beside that it is a price."""
    return {stem(word) for word in name_words(name) if word not in {_PRICE, "unit", "item", "product"}}


def _line(chain: exp.Expr, product: Source, sources: list[Source], names: Names) -> Source | None:
    """The source with a number of pieces that the price is multiplied by, where it refers to the product."""
    assert product.table is not None
    for factor in chain.flatten():
        if not isinstance(factor, exp.Column):
            continue
        line, name = _home(factor, sources)
        if line is None or line is product or line.table is None or name_words(name)[-1:] == ["id"]:
            continue
        if type_family((line.columns or {}).get(name, "")) != "number":
            continue
        if product.table.qualified_name in names.joins.referred(line.table.qualified_name):
            return line
    return None


def _own_price(line: Source) -> str | None:
    found = [
        name
        for name, kind in (line.columns or {}).items()
        if _is_price(name) and type_family(kind) == "number"
    ]
    return found[0] if len(found) == 1 else None


RULE = Rule("line_price", _fix)
