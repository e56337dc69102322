"""Figures as people write them, with every value that the writing may stand for."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from graph.context.words import fold
from graph.prose.number_words import SCALES, languages, spelled

_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[-−–](?=\d|[$€£¥₹])|(?:minus|moins|menos)\s+)?(?P<money>[$€£¥₹]\s?)?"
    r"(?P<digits>(?:\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d+)(?:[.,'’]\d+)*)",
    re.IGNORECASE,
)
_PERCENT = re.compile(
    r"[\s\u00a0\u202f-]?(?:%|percentage points?\b|per\s?cent\b|pct\b|prozent(?:punkte?)?\b"
    r"|pour[\s-]cent\b|por\s?ciento\b)",
    re.IGNORECASE,
)
_SHORT_SCALE = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9, "t": 10**12}
_SCALE = re.compile(r"(?P<short>(?:mn|bn|[kmbt])\b)|[\s\u00a0\u202f-]?(?P<long>[^\W\d_]+)", re.IGNORECASE)
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|ère|ere|ème|eme|e|º|ª|[oa])\b", re.IGNORECASE)
_TIMES = re.compile(r"\s?(?:x\b|×|-?fold\b|-?fach)|\s?-?mal\b", re.IGNORECASE)
_EXPONENT = re.compile(r"e[+-]?\d+\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a text."""

    start: int
    end: int
    written: str
    readings: tuple[tuple[Decimal, Decimal], ...]
    """Values it may stand for, each with the step that it is rounded to. Empty when it cannot be read."""
    percent: bool = False
    money: bool = False
    ordinal: bool = False
    times: bool = False
    """Written as a multiple: ``3x``, ``threefold``."""
    word: bool = False


def figures(text: str) -> list[Figure]:
    """Every figure, in the order written."""
    found = [*_written(text), *_spelled(text)]
    return sorted(found, key=lambda one: one.start)


def _written(text: str) -> Iterator[Figure]:
    spoken = languages(text)
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        percent = ordinal = times = False
        readable = True
        scales = [1]
        if after := _PERCENT.match(text, end):
            percent, end = True, after.end()
        elif after := _EXPONENT.match(text, end):
            end, readable = after.end(), False
        elif after := _TIMES.match(text, end):
            times, end = True, after.end()
        elif after := _ORDINAL.match(text, end):
            ordinal, end = True, after.end()
        elif after := _SCALE.match(text, end):
            if after["short"]:
                scales, end = [_SHORT_SCALE[after["short"].lower()]], after.end()
            else:
                word = fold(after["long"])
                known = {table[word] for one in spoken if word in (table := _scales(one))}
                if known:
                    scales, end = sorted(known), after.end()
        # Multiplied by 1 a number of more than 28 digits would be rounded.
        readings = [
            (
                Decimal(f"{'-' if match['sign'] else ''}{digits}") * scale
                if scale > 1
                else Decimal(f"{'-' if match['sign'] else ''}{digits}"),
                _step(digits) * scale,
            )
            for digits in sorted(_digits(match["digits"]))
            for scale in scales
        ]
        yield Figure(
            start,
            end,
            text[start:end].strip(),
            tuple(readings) if readable else (),
            percent=percent,
            money=bool(match["money"]) or bool(_CURRENCY_AFTER.match(text, end)),
            ordinal=ordinal,
            times=times,
        )


def _scales(language: str) -> dict[str, int]:
    return {**SCALES[language], **{f"{name}s": value for name, value in SCALES[language].items()}}


_CURRENCY_AFTER = re.compile(
    r"\s?(?:[$€£¥₹]|(?:USD|EUR|GBP|JPY|CHF|dollars?|euros?|pounds?)\b)", re.IGNORECASE
)


def _spelled(text: str) -> Iterator[Figure]:
    for start, end, written, value in spelled(text):
        if _before_figure(text, start):
            continue
        percent = _PERCENT.match(text, end)
        readings = () if value is None else ((Decimal(value), Decimal(1)),)
        yield Figure(
            start, percent.end() if percent else end, written, readings, percent=bool(percent), word=True
        )


def _before_figure(text: str, start: int) -> bool:
    """Whether digits stand right before it: *12 hundred* is one figure, read above."""
    return bool(re.search(r"\d[\s-]?$", text[:start]))


def _step(digits: str) -> Decimal:
    return Decimal(1).scaleb(-len(digits.partition(".")[2]))


def _digits(written: str) -> set[str]:
    """Plain decimal notations that this may mean: ``1,234`` and ``1.234`` are each read both ways."""
    plain = re.sub(r"['’\u00a0\u202f ]", "", written)
    found = set()
    for group, point in ((",", "."), (".", ",")):
        whole, _, part = plain.partition(point)
        groups = whole.split(group)
        grouped = len(groups) == 1 or (
            len(groups[0]) in (1, 2, 3) and all(len(each) == 3 for each in groups[1:])
        )
        indian = len(groups) > 2 and len(groups[-1]) == 3 and all(len(each) == 2 for each in groups[1:-1])
        if (grouped or indian) and group not in part and point not in part:
            found.add("".join(groups) + (f".{part}" if part else ""))
    return found
