"""Dates and times of day as people write them, and whether a moment of the result is meant."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from graph.prose.number_words import folded

_MONTH_NAMES = (
    "january jan januar janner janvier janv enero ene",
    "february feb februar fevrier fevr febrero",
    "march mar marz mars marzo",
    "april apr avril avr abril abr",
    "may mai mayo",
    "june jun juni juin junio",
    "july jul juli juillet juil julio",
    "august aug aout agosto ago",
    "september sep sept septembre septiembre",
    "october oct oktober okt octobre octubre",
    "november nov novembre noviembre",
    "december dec dezember dez decembre diciembre dic",
)
MONTHS = {name: number for number, line in enumerate(_MONTH_NAMES, 1) for name in line.split()}
"""By folded name, in four languages."""
_NAME = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.|º)?"
_YEAR = r"(?P<year>\d{4})"
_OF = r"(?:\s+(?:of|de|del))?"
_FORMS = tuple(
    re.compile(rf"(?<![\w.]){form}(?![\w])")
    for form in (
        r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
        r"(?:[t ](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2}(?:\.\d+)?)?(?:z|[+-]\d{2}(?::?\d{2})?)?)?",
        rf"{_DAY}{_OF}\s+(?P<name>{_NAME})\.?{_OF},?\s+{_YEAR}",
        rf"(?P<name>{_NAME})\.?\s+{_DAY},?\s+{_YEAR}",
        rf"{_DAY}{_OF}\s+(?P<name>{_NAME})",
        rf"(?P<name>{_NAME})\.?{_OF},?\s+{_YEAR}",
        rf"(?P<name>{_NAME})\.?\s+{_DAY}",
        r"(?P<one>\d{1,2})[/.](?P<two>\d{1,2})[/.](?P<year>\d{4})",
        r"(?P<year>\d{4})[-/](?P<month>0[1-9]|1[0-2])",
        r"(?P<month>0[1-9]|1[0-2])/(?P<year>\d{4})",
        r"q(?P<quarter>[1-4])(?:(?:\s+|/)(?:of\s+|in\s+)?(?P<year>\d{4}))?",
        r"(?P<year>\d{4})[\s-]?q(?P<quarter>[1-4])",
        r"(?P<nth>first|second|third|fourth)\squarter(?:\s+(?:of\s+)?(?P<year>\d{4}))?",
        rf"(?:(?<=in )|(?<=im )|(?<=en )|(?<=of )|(?<=for )|(?<=during ))(?P<name>{_NAME})",
        rf"(?:(?<=in )|(?<=im )|(?<=en )|(?<=of )|(?<=since )|(?<=year )|(?<=jahr )|(?<=during )|(?<=until )"
        rf"|(?<=seit )|(?<=depuis )|(?<=desde )){_YEAR}(?![.,]?\d|\s?%)",
        r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?(?:\s?(?P<half>[ap])\.?m\b\.?)?",
    )
)
_MOMENT = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{2})(?:-(?P<day>\d{2})(?:[T ](?P<hour>\d{2}):(?P<minute>\d{2}))?)?"
)
_TIME = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?!\d)")
_QUARTERS = {"first": 1, "second": 2, "third": 3, "fourth": 4}


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or time of day; None where it is not said."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    hour: int | None = None
    minute: int | None = None
    quarter: int | None = None

    def means(self, other: "Moment") -> bool:
        """Whether everything said here is so of ``other``."""
        quarter = other.quarter or (other.month and (other.month + 2) // 3)
        pairs = [(self.year, other.year), (self.month, other.month), (self.day, other.day)]
        pairs += [(self.hour, other.hour), (self.minute, other.minute), (self.quarter, quarter)]
        return all(one is None or one == two for one, two in pairs)


@dataclass(frozen=True, slots=True)
class Written:
    """A date in a text; where it can be read in two ways, both."""

    start: int
    end: int
    written: str
    readings: tuple[Moment, ...]


def dates(text: str) -> list[Written]:
    """Every date or time of day that a text spells out; a year alone is a figure like any other."""
    plain = folded(text)
    found: list[Written] = []
    for form in _FORMS:
        for match in form.finditer(plain):
            start, end = match.span()
            if any(start < one.end and end > one.start for one in found):
                continue
            if readings := tuple(_readings(match.groupdict())):
                found.append(Written(start, end, text[start:end], readings))
    return sorted(found, key=lambda one: one.start)


def moment_of(cell: str) -> Moment | None:
    """The moment that a cell of a result says; None for any other text."""
    match = _MOMENT.match(cell) or _TIME.match(cell)
    if match is None:
        return None
    said = {name: int(value) for name, value in match.groupdict().items() if value}
    return Moment(**said)


def _readings(said: dict[str, str | None]) -> Iterator[Moment]:
    def number(name: str) -> int | None:
        value = said.get(name)
        return int(value) if value else None

    month, day, hour = number("month"), number("day"), number("hour")
    if name := said.get("name"):
        month = MONTHS[name]
    if (half := said.get("half")) and hour is not None:
        hour = hour % 12 + (12 if half == "p" else 0)
    quarter = number("quarter") or _QUARTERS.get(said.get("nth") or "")
    one, two = number("one"), number("two")
    pairs = [(month, day)] if one is None or two is None else [(two, one), (one, two)]
    for month_said, day_said in dict.fromkeys(pairs):
        if (month_said is None or 1 <= month_said <= 12) and (day_said is None or 1 <= day_said <= 31):
            yield Moment(number("year"), month_said, day_said, hour, number("minute"), quarter)
