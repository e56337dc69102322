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
    unit: str = "ms"
    """Of the next three."""
    median: float
    baseline: float
    p99: float
    repetitions: int
    median_goal: float | None = None
    """What the median is to reach, in the unit; None when only the ratio counts."""
    p99_goal: float | None = None

    def aiming(self, *, median: float | None = None, p99: float | None = None) -> "Figure":
        """The same, with what it is to reach in its own unit."""
        return self.model_copy(
            update={
                "median_goal": None if median is None else round(median, 3),
                "p99_goal": None if p99 is None else round(p99, 3),
            }
        )


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
    return figure_of(name, what, mine, theirs, goal=goal)


def paired(
    name: str,
    what: str,
    work: Callable[[], object],
    baseline: Callable[[], object],
    *,
    rounds: int,
    goal: float | None = None,
) -> Figure:
    """As ``measure``, for what takes seconds and blocks: one of each in turn, one being done before."""
    work()
    mine: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for action, times in ((baseline, theirs), (work, mine)):
            started = time.perf_counter()
            action()
            times.append(time.perf_counter() - started)
    return figure_of(name, what, mine, theirs, goal=goal)


def figure_of(
    name: str,
    what: str,
    mine: list[float],
    theirs: list[float],
    *,
    goal: float | None = None,
    unit: str = "ms",
    scale: float = 1_000,
) -> Figure:
    """The figure of what was measured, times in seconds unless ``unit`` and ``scale`` say otherwise.

    Args:
        scale: what makes the unit of a measured value.
    """
    median, base = statistics.median(mine), statistics.median(theirs)
    return Figure(
        name=name,
        what=what,
        ratio=round(median / base, 3),
        goal=None if goal is None else round(goal, 3),
        unit=unit,
        median=round(median * scale, 4),
        baseline=round(base * scale, 4),
        p99=round((statistics.quantiles(mine, n=100)[98] if len(mine) > 1 else mine[0]) * scale, 4),
        repetitions=len(mine),
    )


async def _timed(action: Work, number: int) -> float:
    started = time.perf_counter()
    await action(number)
    return time.perf_counter() - started
