"""A measured figure, and the loop that measures it beside its baseline."""

import statistics
import time
from collections.abc import Awaitable, Callable

from wire.base import Value

Work = Callable[[int], Awaitable[object]]
"""Something to be timed once; it is given the number of the repetition."""


class Figure(Value):
    """What one thing costs, as a ratio to its baseline."""

    name: str
    what: str
    """What was timed, and what against, in a few words."""
    ratio: float
    """Median of the thing's time by median of the baseline's."""
    goal: float | None = None
    """The ratio to reach; None when none is set."""
    median_ms: float
    baseline_ms: float
    p99_ms: float
    repetitions: int


async def measure(
    name: str,
    what: str,
    work: Work,
    baseline: Work,
    *,
    bursts: int = 5,
    burst: int = 40,
    goal: float | None = None,
) -> Figure:
    """Time ``work`` and ``baseline`` in alternating bursts, after one burst of each that does not count.

    Alternating lets whatever else the machine does fall on both.
    """
    mine: list[float] = []
    theirs: list[float] = []
    for turn in range(bursts + 1):
        for action, times in ((baseline, theirs), (work, mine)):
            taken = [await _timed(action, turn * burst + place) for place in range(burst)]
            if turn > 0:
                times.extend(taken)
    median, base = statistics.median(mine), statistics.median(theirs)
    return Figure(
        name=name,
        what=what,
        ratio=round(median / base, 3),
        goal=goal,
        median_ms=round(median * 1000, 4),
        baseline_ms=round(base * 1000, 4),
        p99_ms=round(statistics.quantiles(mine, n=100)[98] * 1000, 4),
        repetitions=len(mine),
    )


async def _timed(action: Work, number: int) -> float:
    started = time.perf_counter()
    await action(number)
    return time.perf_counter() - started
