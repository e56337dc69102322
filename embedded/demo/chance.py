"""Chance that comes out the same every time: seeded streams, weighted choice, and a calendar with seasons.

Days are proleptic Gregorian ordinals (`date.toordinal`), money is whole cents: both are plain integers,
which add up exactly and are fast to draw by the hundred thousand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")

YEARS = 5
"""How far back the records of the company go."""

MONTHS = (0.88, 0.90, 1.04, 1.00, 1.02, 0.98, 0.86, 0.78, 1.06, 1.12, 1.20, 1.16)
"""How busy each month is, January first."""

WEEKDAYS = (1.12, 1.18, 1.16, 1.10, 0.94, 0.28, 0.22)
"""How busy each day of the week is, Monday first."""

GROWTH = 1.6
"""How much busier the last day is than the first, less one."""

HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 18, 18, 16, 13, 15, 17, 17, 15, 12, 8, 6, 5, 4, 3, 2)
"""How busy each hour of the day is, UTC."""


def stream(seed: int, name: str) -> Random:
    """A stream of its own for each purpose, so that a change to one table leaves the others as they were."""
    return Random(f"{seed}/{name}")  # noqa: S311 (not for secrets)


class Wheel(Generic[T]):
    """A weighted choice."""

    def __init__(self, pairs: Iterable[tuple[T, float]]) -> None:
        listed = list(pairs)
        self._values = [value for value, _ in listed]
        self._edges = list(accumulate(weight for _, weight in listed))

    def spin(self, rng: Random) -> T:
        """One value."""
        return self._values[bisect_right(self._edges, rng.random() * self._edges[-1])]


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the company is, and how unevenly its business is spread, beside the usual one."""

    people: float = 1.0
    """Times the usual headcount."""
    business: float = 1.0
    """Times the usual customers, orders, tickets and visits."""
    skew: float = 1.0
    """Above 1 a few customers, sellers and products have more of everything; below 1 less."""


USUAL = Shape()


class Calendar:
    """The company's days, from the first recorded to today, each as busy as its season."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.last = today.toordinal()
        self.first = date(today.year - YEARS, today.month, 1).toordinal()
        span = self.last - self.first
        days = (date.fromordinal(day) for day in range(self.first, self.last + 1))
        busy = (
            MONTHS[day.month - 1] * WEEKDAYS[day.weekday()] * (1 + GROWTH * index / span)
            for index, day in enumerate(days)
        )
        self._edges = [0.0, *accumulate(busy)]

    def day(self, rng: Random, start: int | None = None, end: int | None = None) -> int:
        """A day from ``start`` to ``end``, both counted, more likely a busy one."""
        low = self._edges[(self.first if start is None else max(start, self.first)) - self.first]
        high = self._edges[(self.last if end is None else min(end, self.last)) - self.first + 1]
        index = bisect_right(self._edges, low + rng.random() * (high - low)) - 1
        return self.first + min(index, self.last - self.first)

    def weight(self, start: int) -> float:
        """How much of all the business since the first day has happened since ``start``: 0 to 1."""
        return 1 - self._edges[start - self.first] / self._edges[-1]

    def month_later(self, day: int, months: int) -> int:
        """The same day ``months`` later, or the last one that the month has."""
        start = date.fromordinal(day)
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        return min(date(year, month + 1, 1).toordinal() + start.day - 1, _month_end(year, month + 1))


HOUR_WHEEL = Wheel(enumerate(HOURS))


def moment(rng: Random) -> int:
    """A second of the day, 0 to 86,399, more likely in working hours."""
    return HOUR_WHEEL.spin(rng) * 3600 + int(rng.random() * 3600)


@cache
def iso(day: int) -> str:
    """A day as PostgreSQL reads a date."""
    return date.fromordinal(day).isoformat()


def iso_moment(day: int, second: int) -> str:
    """A moment as PostgreSQL reads a timestamp; seconds past midnight run into the next days."""
    later, second = divmod(second, 86_400)
    return f"{iso(day + later)} {second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+00"


def money(cents: int) -> str:
    """An amount of cents as PostgreSQL reads a numeric."""
    return f"{cents // 100}.{cents % 100:02d}"


def weekdays(start: int, end: int) -> int:
    """Mondays to Fridays from ``start`` to ``end``, both counted."""
    return sum((day - 1) % 7 < 5 for day in range(start, end + 1))


def zipf(rng: Random, count: int, exponent: float) -> list[float]:
    """``count`` shares that add up to 1, in random order: a few are large, most are small."""
    raw = [(rank + 3) ** -exponent for rank in range(count)]
    rng.shuffle(raw)
    total = sum(raw)
    return [share / total for share in raw]


def about(rng: Random, expected: float) -> int:
    """A whole number around ``expected``, spread like counts of independent happenings."""
    return max(0, round(rng.gauss(expected, expected**0.5))) if expected > 8 else _poisson(rng, expected)


def pick(rng: Random, values: Sequence[T]) -> T:
    """One of them, all alike."""
    return values[int(rng.random() * len(values))]


def _poisson(rng: Random, expected: float) -> int:
    limit, product, count = 2.718281828459045**-expected, rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


@cache
def _month_end(year: int, month: int) -> int:
    return (date(year + month // 12, month % 12 + 1, 1)).toordinal() - 1
