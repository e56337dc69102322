"""Amounts that are said without a number: halves, vague shares, extremes, and that there is nothing."""

import re
from collections.abc import Sequence
from decimal import Decimal

from graph.prose.arithmetic import multiple
from graph.prose.sheet import Sheet

_FRACTION = re.compile(
    r"\b(?P<half>half (?:of|the|as|that)|halved|die hälfte|halb so|la moitié|la mitad)"
    r"|\b(?:(?P<two>two[- ]|zwei |deux |dos )?(?P<third>thirds? of|drittel|tiers|tercios? de))"
    r"|\b(?:(?P<three>three[- ])?(?P<quarter>quarters? of (?:the|all|its|their)|viertel der"
    r"|un quart d|la cuarta parte))",
    re.IGNORECASE,
)
_MULTIPLE = re.compile(
    r"\b(?P<two>twice (?:as|the|that|more)|double (?:the|that)|doubled|doppelt so|verdoppelt|le double"
    r"|deux fois (?:plus|le|la)|el doble|dos veces)|\b(?P<three>thrice|triple (?:the|that)|tripled"
    r"|dreimal so|verdreifacht|le triple|trois fois (?:plus|le|la)|el triple|tres veces)",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:(?:nearly|almost|virtually|practically|just about) (?:all|every|everyone|none|nobody)|hardly any"
    r"|(?:the|a) (?:\w+ )?majority|most of (?:the|all|them)|the bulk of|fast alle|nahezu alle|die mehrheit"
    r"|die meisten|presque tou\w+|la plupart|la majorité|casi tod\w+|la mayoría)\b",
    re.IGNORECASE,
)
_NEARLY = re.compile(r"near|almost|virt|pract|just|fast|nahezu|presque|casi", re.IGNORECASE)
_NOTHING = re.compile(
    r"\b(?:there (?:is|are|was|were) no"
    r"|no (?:rows?|results?|records?|matches)\b"
    r"|none (?:was|were|of|are|is)|nobody|es gibt kein\w*|keine ergebnisse|il n['’]y a (?:pas|aucun\w*)"
    r"|aucun résultat|no hay|ningún resultado)",
    re.IGNORECASE,
)
_HIGHEST = re.compile(
    r"\b(?:highest|most|largest|maximum|greatest|biggest|top|max|höchste\w*|größte\w*|meisten"
    r"|le plus (?:grand|élevé)|maximal\w*|mayor|máxim\w+)\b",
    re.IGNORECASE,
)
_LOWEST = re.compile(
    r"\b(?:lowest|least|smallest|minimum|fewest|min|niedrigste\w*|kleinste\w*|wenigsten|le plus (?:petit|bas)"
    r"|minimal\w*|menor|mínim\w+)\b",
    re.IGNORECASE,
)
_COMPARED = re.compile(r"\bat (?:least|most)\b|\btop \d+|\bmost of\b", re.IGNORECASE)
_ABOUT_A_HUNDREDTH = Decimal("0.02")


def unfounded_claims(text: str, sheet: Sheet, rows: Sequence[frozenset[int]], known: str) -> list[str]:
    """What the text says of amounts in words of no number and the result does not hold, as written.

    Args:
        text: the sentences.
        sheet: the result.
        rows: what their names stand for, in order.
        known: the question; words that it has are the asker's.
    """
    asked = known.lower()
    shares = _shares(sheet)
    found: list[str] = []

    def told(match: re.Match[str]) -> None:
        if match[0].lower() not in asked:
            found.append(match[0])

    for match in _FRACTION.finditer(text):
        part = Decimal("0.5") if match["half"] else Decimal(1) / 3 if match["third"] else Decimal("0.25")
        part *= 2 if match["two"] else 3 if match["three"] else 1
        near = any(abs(share - part) <= _ABOUT_A_HUNDREDTH for share in shares)
        if not near and not multiple(part, sheet, rows):
            told(match)
    for match in _MULTIPLE.finditer(text):
        times = Decimal(2 if match["two"] else 3)
        if times not in sheet.numbers.values() and not multiple(times, sheet, rows):
            told(match)
    for match in _VAGUE.finditer(text):
        few = re.search(r"none|nobody|hardly", match[0], re.IGNORECASE)
        most = Decimal("0.9") if _NEARLY.match(match[0]) else Decimal("0.5")
        fits = any(share < Decimal("0.1") if few else share > most for share in shares)
        if not fits:
            told(match)
    nothing = _NOTHING.search(text)
    if nothing and sheet.rows.row_count and Decimal(0) not in sheet.numbers.values():
        told(nothing)
    return found


def is_no_extreme(value: Decimal, step: Decimal, said: str, sheet: Sheet, columns: Sequence[int]) -> bool:
    """Whether a sentence that names no row calls a figure the highest or lowest, and it is neither."""
    plain = _COMPARED.sub(" ", said)
    ends: list[Decimal] = []
    for column in columns:
        numbers = sheet.column(column)
        if numbers and _HIGHEST.search(plain):
            ends.append(max(numbers))
        if numbers and _LOWEST.search(plain):
            ends.append(min(numbers))
    return bool(ends) and not any(abs(end - value) <= step / 2 for end in ends)


def _shares(sheet: Sheet) -> list[Decimal]:
    """Cells that are a part of something, as numbers between 0 and 1."""
    found = []
    for place, value in sheet.numbers.items():
        percent = sheet.is_percent(place.column)
        if 0 <= value <= 1 and not percent and value != value.to_integral_value():
            found.append(value)
        elif percent and 0 <= value <= 100:
            found.append(value / 100)
    return found
