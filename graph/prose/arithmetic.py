"""Arithmetic that a sentence states: a sum, a difference, a share, a growth, a multiple over cells."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from graph.prose.sheet import Place, Sheet

SUM = re.compile(
    r"\b(?:total|sum|altogether|combined|in all|together|insgesamt|zusammen|summe|gesamt|au total|en tout"
    r"|ensemble|en total|suma|juntos)",
    re.IGNORECASE,
)
DIFFERENCE = re.compile(
    r"\b(?:difference|more than|fewer than|less than|higher than|lower than|ahead of|gap|increase|decrease"
    r"|grew|grown|rose|risen|fell|fallen|dropped|gained|lost|declined|change|unterschied|differenz|mehr als"
    r"|weniger als|gestiegen|gesunken|différence|plus que|moins que|augment\w+|baiss\w+|diferencia|más que"
    r"|menos que|aument\w+|disminu\w+)",
    re.IGNORECASE,
)
SHARE = re.compile(
    r"\b(?:of (?:the |all |a )?(?:\w+ )?total|of all|share|aller|gesamt\w*|du total|del total)", re.I
)
TIMES = re.compile(
    r"^\s*(?:times|mal|fois|veces)\s+(?:as|more|higher|larger|greater|bigger|the|so|mehr|höher|größer|plus|más"
    r"|mayor|el|la|le)\b",
    re.IGNORECASE,
)
_NEAR_ENOUGH = Decimal("0.05")
"""How far a multiple such as *twice* may be from what it says, as a part of it."""


def stated(
    value: Decimal,
    step: Decimal,
    said: str,
    sheet: Sheet,
    rows: Sequence[frozenset[int]],
    *,
    percent: bool,
) -> bool:
    """Whether arithmetic that the sentence names gives the figure.

    Args:
        value: of the figure.
        step: that it is rounded to.
        said: the sentence.
        sheet: the result.
        rows: what its names stand for, in order.
        percent: whether the figure is a percentage.
    """

    def same(one: Decimal) -> bool:
        return abs(one - value) <= step / 2

    if not percent:
        if SUM.search(said) and sheet.complete and sheet.count > 1:
            sums = (sum(sheet.column(c), Decimal(0)) for c in sheet.measures if sheet.is_additive(c))
            if any(map(same, sums)):
                return True
        if DIFFERENCE.search(said):
            return any(same(abs(one - two)) for one, two in _pairs(sheet, rows))
        return False
    if DIFFERENCE.search(said) and any(
        same(abs(one - two) / abs(base) * 100)
        for one, two in _pairs(sheet, rows)
        for base in (one, two)
        if base
    ):
        return True
    if not (SHARE.search(said) and sheet.complete and sheet.count > 1):
        return False
    for column in (one for one in sheet.measures if sheet.is_additive(one)):
        total = sum(sheet.column(column), Decimal(0))
        named = rows[-1] if rows else frozenset()
        cells = [sheet.numbers.get(Place(row, column)) for row in named]
        if total and any(cell is not None and same(cell / total * 100) for cell in cells):
            return True
    return False


def multiple(times: Decimal, sheet: Sheet, rows: Sequence[frozenset[int]]) -> bool:
    """Whether one of two cells that the sentence names is so many times the other."""
    return any(
        two and times and abs(one / two - times) <= times * _NEAR_ENOUGH
        for pair in _pairs(sheet, rows)
        for one, two in (pair, pair[::-1])
    )


def _pairs(sheet: Sheet, rows: Sequence[frozenset[int]]) -> Iterator[tuple[Decimal, Decimal]]:
    """Cells that may be compared: of two named rows in one column, or of one row in two columns."""
    single = [next(iter(one)) for one in rows if len(one) == 1]
    for place, first in enumerate(single):
        for second in single[place + 1 :]:
            for column in sheet.measures:
                one, two = sheet.numbers.get(Place(first, column)), sheet.numbers.get(Place(second, column))
                if first != second and one is not None and two is not None:
                    yield one, two
    only = [0] if sheet.count == 1 else single if len(set(single)) == 1 else []
    for row in only[:1]:
        cells = [sheet.numbers[Place(row, c)] for c in sheet.measures if Place(row, c) in sheet.numbers]
        yield from ((one, two) for number, one in enumerate(cells) for two in cells[number + 1 :])
