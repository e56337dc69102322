"""The one period of the calendar that a question names: a month, quarter, half or year, or several months.

"In March 2025", "Q3 of 2024", "H1 2024", "the first six months of 2024", "from July to December 2024". A
question that speaks of another time as well, or of a part of a year that months do not tell, names none.
"""

import re
from dataclasses import dataclass
from datetime import date

from graph.autofix.month_names import MONTHS

_YEAR = 12
_QUARTERS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4,
    "last": 4, "final": 4,
}  # fmt: skip
_HALVES = {"first": 1, "second": 2, "1st": 1, "2nd": 2, "last": 2}
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_SHORT = "|".join(name[:3] for name in MONTHS)
_MONTH = rf"(?:{'|'.join(MONTHS)}|{_SHORT})"
_PERIOD = re.compile(
    rf"(?P<within>\b(?:in|during|of|for|throughout)\s+)?(?:\bthe\s+)?(?:"
    rf"(?P<range>(?:\b(?:from|between)\s+)?\b(?P<begin>{_MONTH})\.?,?\s*(?P<other>(?:19|20)\d\d)?"
    rf"\s*(?:\bto\b|\bthrough\b|\buntil\b|\btill\b|\band\b|[-–—])\s*(?P<until>{_MONTH})\b\.?,?\s+(?:of\s+)?)|"
    rf"\b(?:month\s+of\s+)?(?P<month>{_MONTH})\b\.?,?\s+(?:of\s+)?|"
    rf"\b(?P<quarter>{'|'.join(_QUARTERS)})\s+quarter,?\s+(?:of\s+)?|\bq(?P<q>[1-4])(?:\s*[-/]\s*|,?\s+(?:of\s+)?)|"
    rf"\b(?P<half>{'|'.join(_HALVES)})\s+half(?:[\s-]year)?,?\s+(?:of\s+)?|"
    rf"\bh(?P<h>[12])(?:\s*[-/]\s*|,?\s+(?:of\s+)?)|"
    rf"\b(?P<end>first|last|final)\s+(?P<count>{'|'.join(_COUNTS)}|[2-9]|1[01])\s+(?P<unit>month|quarter)s,?\s+"
    rf"(?:of\s+|in\s+)?)?(?:the\s+)?(?:calendar\s+)?(?:year\s+)?"
    rf"\b(?P<year>(?:19|20)\d\d)\b(?!\s*-)",
    re.IGNORECASE,
)
_TURNED = re.compile(
    r"\b((?:19|20)\d\d)(?:[\s-]*\b([hq][1-4])\b|['’]s\s+((?:first|second|third|fourth|last)\s+(?:half|quarter))\b)",
    re.IGNORECASE,
)
"""The year before its part: "2024 H1", "2024's second quarter"."""
_TIME = re.compile(
    rf"\b(?:{'|'.join(MONTHS)}|(?:19|20)\d\d|q[1-4]|h[12]|quarter|since|until|till|before|after|onwards?|later|"
    r"earlier|today|now|present)\b|"
    r"\b(?:from|between|through)\s+(?:the\s+)?(?:\d|start|beginning|end|first|last|next|then|early|mid|late|time|"
    r"\w+day)\b",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\b(?:from|to|by|since|until|till|through|between|and|before|after|than|as\s+of|\d(?:st|nd|rd|th)?(?:\s+of)?)"
    r"\s+(?:the\s+)?$",
    re.IGNORECASE,
)
"""Right before a period: it is but one end of a time, or a day of it is named."""
_PART = re.compile(
    r"\b(?:half|halves|quarters?|months?|weeks?|weekends?|days?|nights?|part|end|start|beginning|middle|mid|rest|"
    r"remainder|early|late|spring|summer|autumn|fall|winter|christmas|easter|season|holidays?)\s+$",
    re.IGNORECASE,
)
"""Right before a year: a part of it that is not told by months."""

_YEARS = re.compile(
    r"\b(?:in|during)\s+the\s+(?P<decade>(?:19|20)\d0)['’]?s\b(?!\s*(?:and|or|to|until)\b)|"
    r"\b(?:between|from|(?:in|over|for|during)\s+(?:the\s+)?years)\s+(?:the\s+years\s+)?(?P<first>(?:19|20)\d\d)\s+"
    r"(?:and|to|through|until)\s+(?P<last>(?:19|20)\d\d)\b(?!\s*-)",
    re.IGNORECASE,
)
_DECADE = 10


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months of the calendar."""

    first: date
    """Its first day."""
    after: date
    """The day after its last."""
    said: str
    """As the question puts it."""

    @property
    def months(self) -> range | None:
        """Its months by number; None where it runs over the end of a year."""
        count = (self.after.year - self.first.year) * _YEAR + self.after.month - self.first.month
        return range(self.first.month, self.first.month + count) if self._ends_in_year(count) else None

    @property
    def is_year(self) -> bool:
        """Whether it is one whole year."""
        return self.months == range(1, _YEAR + 1)

    def _ends_in_year(self, count: int) -> bool:
        return self.first.month + count <= _YEAR + 1


def named_period(question: str) -> Period | None:
    """The period, when it is the only time that the question speaks of."""
    return _years(question) or _months(question)


def _years(question: str) -> Period | None:
    """Several whole years: "from 2022 to 2024", "in the 1990s"."""
    found = list(_YEARS.finditer(question))
    if len(found) != 1:
        return None
    match = found[0]
    if _TIME.search(f"{question[: match.start()]} {question[match.end() :]}"):
        return None
    said = " ".join(match[0].split())
    if match["decade"]:
        first = int(match["decade"])
        return Period(date(first, 1, 1), date(first + _DECADE, 1, 1), said)
    first, last = int(match["first"]), int(match["last"])
    return Period(date(first, 1, 1), date(last + 1, 1, 1), said) if first < last else None


def _months(question: str) -> Period | None:
    question = _TURNED.sub(lambda turned: f"{turned[2] or turned[3]} {turned[1]}", question)
    found = [match for match in _PERIOD.finditer(question) if not _is_bare(match)]
    if len(found) != 1:
        return None
    match = found[0]
    before, behind = question[: match.start()], question[match.end() :]
    if _TIME.search(f"{before} {behind}") or _PART.search(before) or _BOUND.search(before):
        return None
    spelled = _spelled(match)
    if spelled is None:
        return None
    year, month, months = spelled
    last = month + months
    said = " ".join(match[0][len(match["within"] or "") :].split())
    return Period(date(year, month, 1), date(year + (last - 1) // _YEAR, (last - 1) % _YEAR + 1, 1), said)


def _is_bare(match: re.Match[str]) -> bool:
    """A month or a year without "in" or the like: it may be one end of a time, a day's, or no time at all."""
    parts = ("range", "quarter", "q", "half", "h", "end")
    return not match["within"] and not any(match[part] for part in parts)


def _spelled(match: re.Match[str]) -> tuple[int, int, int] | None:
    """Year, first month and number of months; None where that cannot be told."""
    year = int(match["year"])
    if match["range"]:
        begin, end = _number(match["begin"]), _number(match["until"])
        first = int(match["other"] or year)
        is_span = re.search(r"\band\b", match["range"], re.IGNORECASE) is None
        between = match["range"].lower().startswith("between")
        months = (year - first) * _YEAR + end - begin + 1
        # "July and August 2024" may be two months that are held against each other.
        return (first, begin, months) if is_span != between and 1 < months <= _YEAR else None
    if match["month"]:
        return year, _number(match["month"]), 1
    if match["quarter"] or match["q"]:
        return year, 3 * int(match["q"] or _QUARTERS[match["quarter"].lower()]) - 2, 3
    if match["half"] or match["h"]:
        return year, 6 * int(match["h"] or _HALVES[match["half"].lower()]) - 5, 6
    if match["end"]:
        count = _COUNTS.get(match["count"].lower()) or int(match["count"])
        months = count * (3 if match["unit"].lower() == "quarter" else 1)
        if months >= _YEAR:
            return None
        return year, 1 if match["end"].lower() == "first" else _YEAR + 1 - months, months
    return year, 1, _YEAR


def _number(month: str) -> int:
    return next(at for at, name in enumerate(MONTHS, 1) if name.startswith(month.lower()[:3]))
