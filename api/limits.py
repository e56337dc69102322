"""A bucket per caller: so many at once, then so many a minute."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from api.errors import TooManyRequests

_CALLERS = 10_000
"""Callers remembered; the one unseen for longest is forgotten first."""


class Bucket:
    """Bounds how often each caller may do one thing."""

    def __init__(self, burst: int, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._per_second = per_minute / 60
        self._clock = clock
        self._callers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one.

        Raises:
            TooManyRequests: the caller's bucket is empty; says when it will not be.
        """
        now = self._clock()
        level, filled_at = self._callers.pop(caller, (float(self._burst), now))
        level = min(float(self._burst), level + (now - filled_at) * self._per_second)
        if level < 1:
            self._callers[caller] = (level, now)
            wait = math.ceil((1 - level) / self._per_second)
            raise TooManyRequests(
                "That was tried too often from this address.", f"Wait {wait} seconds and try again.", wait
            )
        self._callers[caller] = (level - 1, now)
        if len(self._callers) > _CALLERS:
            self._callers.popitem(last=False)
