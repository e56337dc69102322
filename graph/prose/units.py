"""Units and currencies of a sentence that are not those of the data."""

import re
from collections.abc import Iterable

from graph.context.words import fold, name_words
from graph.prose.figures import Figure

_CURRENCIES = (
    "$ usd dollar dollars",
    "€ eur euro euros",
    "£ gbp pound pounds sterling",
    "¥ jpy yen cny rmb yuan",
    "₹ inr rupee rupees rupien",
    "chf franken francs",
)
_CURRENCY = {name: place for place, line in enumerate(_CURRENCIES) for name in line.split()}
_UNITS = (
    (
        "second seconds sec secs s sekunden secondes segundos",
        "minute minutes min mins minuten minutos",
        "hour hours hr hrs h stunden heures horas",
        "day days tage jours dias",
        "week weeks wochen semaines semanas",
        "month months monate mois meses",
        "year years jahre ans annees anos",
        "millisecond milliseconds ms",
    ),
    (
        "km kilometer kilometers kilometre kilometres kilometern",
        "mile miles mi meilen",
        "meter meters metre metres",
        "foot feet ft",
    ),
    (
        "kg kilogram kilograms kilo kilos",
        "gram grams g gramm",
        "pound pounds lb lbs",
        "ton tons tonne tonnes tonnen",
    ),
)
_FAMILY = {
    word: (family, unit)
    for family, units in enumerate(_UNITS)
    for unit, line in enumerate(units)
    for word in line.split()
}
_NEXT = re.compile(r"[\s\u00a0-]?([^\W\d_]+)")
_WORD = re.compile(r"[^\W\d_]+|[$€£¥₹]")
_ASIDE = re.compile(r"[$€£¥₹]|\b(?:usd|eur|gbp|jpy|cny|chf|inr|dollars?|euros?|yen|rupees?)\b", re.IGNORECASE)


def foreign_currencies(text: str, known: Iterable[str]) -> list[str]:
    """Currencies of the text that nothing at hand speaks of: they were made up.

    Args:
        text: the sentence.
        known: question, names, comments and values: wherever a currency can come from.
    """
    given = {
        _CURRENCY[word]
        for part in known
        for word in (*_WORD.findall(fold(part)), *name_words(part))
        if word in _CURRENCY
    }
    return [
        match[0] for match in _ASIDE.finditer(text) if _CURRENCY.get(fold(match[0])) not in {None, *given}
    ]


def another_unit(text: str, figure: Figure, column: str) -> bool:
    """Whether the word after a figure is a unit, and the column's name says another one of its kind."""
    after = _NEXT.match(text, figure.end)
    said = _FAMILY.get(fold(after[1])) if after else None
    if said is None:
        return False
    own = {_FAMILY[word] for word in name_words(column) if word in _FAMILY and len(word) > 1}
    return bool(own) and said not in own and any(family == said[0] for family, _ in own)
