"""A measure kept in another unit than the one asked for: "how many hours" of a column called ``minutes``.

Only where the question names one unit, the column's name ends with another of the same kind, and no column of
its table is kept in the one that is asked for.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded
from graph.context.joins import type_family
from graph.context.words import name_words

_KINDS: tuple[dict[str, float], ...] = (
    {"second seconds secs": 1, "minute minutes mins": 60, "hour hours hrs": 3_600},
    {"mg milligrams": 0.001, "g gram grams": 1, "kg kilo kilos kilogram kilograms": 1_000,
     "t tonne tonnes": 1_000_000},
    {"mm millimetres millimeters": 0.001, "cm centimetres centimeters": 0.01, "metre metres meter meters": 1,
     "km kilometre kilometres kilometer kilometers": 1_000},
    {"ml millilitres milliliters": 0.001, "litre litres liter liters": 1},
    {"cents pence": 1, "euro euros dollars pounds": 100},
)  # fmt: skip
"""What units are called, and how many of the smallest they are."""
_SIZES = {
    word: (kind, size)
    for kind, units in enumerate(_KINDS)
    for called, size in units.items()
    for word in called.split()
}
_ASKED = re.compile(
    r"\b(?:in|how\s+many|(?:total|average)\s+number\s+of|number\s+of|total|average)\s+(?:\w+\s+)?"
    rf"({'|'.join(word for word in _SIZES if len(word) > 1)})\b(?!\s+of\s+\d)",
    re.IGNORECASE,
)
_WINDOW = re.compile(
    r"\b(?:last|past|previous|next|within|first|under|over|than|every)\s+(?:\w+\s+)?$", re.IGNORECASE
)


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    found = {
        hit[1].lower()
        for hit in _ASKED.finditer(context.question)
        if not _WINDOW.search(context.question[: hit.start(1)])
    }
    asked = {_SIZES[word] for word in found}
    if len(asked) != 1 or not isinstance(select, exp.Select):
        return None
    [(kind, size)] = asked
    scope = names.scopes[-1]
    if scope.expression is not select:
        return None
    for item in select.selects:
        value = item.unalias()
        if item.find(exp.Div, exp.Mul, exp.Window, exp.Query, exp.Extract):
            continue
        while isinstance(value, exp.Round | exp.Paren | exp.Coalesce):
            value = value.this
        column = _measure(value)
        if column is None:
            continue
        kept = _SIZES.get(name_words(folded(column.this))[-1])
        if kept is None or kept[0] != kind or kept[1] == size:
            continue
        if type_family(names.type_of(column, scope)) != "number":
            continue
        others = [source for source in names.sources(scope) if source.has(folded(column.this))]
        if any(
            _SIZES.get(name_words(name)[-1]) == (kind, size)
            for source in others
            for name in source.columns or ()
        ):
            continue
        factor = size / kept[1]
        shown = value.copy()
        value.replace(
            exp.Div(this=shown, expression=exp.Literal.number(f"{factor:.1f}"), typed=True)
            if factor > 1
            else exp.Mul(this=shown, expression=exp.Literal.number(f"{1 / factor:.0f}"))
        )
        return f"{column.name} is given in {found.pop()}, as asked."
    return None


def _measure(value: exp.Expr) -> exp.Column | None:
    """The column that is shown, or that an aggregate is of; under a condition, too."""
    if isinstance(value, exp.Filter):
        value = value.this
    if isinstance(value, exp.Sum | exp.Avg | exp.Max | exp.Min):
        value = value.this
        if isinstance(value, exp.Case) and len(value.args["ifs"]) == 1:
            value = value.args["ifs"][0].args["true"]
    return value if isinstance(value, exp.Column) else None


RULE = Rule("kept_unit", _fix)
