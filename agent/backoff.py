"""When to knock again: full jitter, so that thousands of agents do not come back in one moment."""

import random
from collections.abc import Callable

BASE_SECONDS = 0.5
CAP_SECONDS = 8.0
SLOW_SECONDS = 60.0
"""Cap after an error that only a person can mend, such as a certificate."""
STABLE_SECONDS = 30.0
"""A session that lasted as long as this was a good one: the count starts anew."""
MAX_ASKED_SECONDS = 120.0
"""The longest pause that a backend's ``Retry-After`` is taken at its word for."""


class Backoff:
    """Delays between attempts, uniformly between 0 and a bound that doubles.

    Args:
        draw: a random number in [0, 1).
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._failures = 0
        self._slow = False
        self._asked = 0.0

    def twin(self) -> "Backoff":
        """One for another socket of the same agent, which counts by itself."""
        return Backoff(self._draw)

    def failed(self, *, slow: bool = False, asked: float = 0.0) -> None:
        """An attempt or a session came to nothing; ``asked`` seconds are what the backend wants to pass."""
        self._failures += 1
        self._slow = slow
        self._asked = min(asked, MAX_ASKED_SECONDS)

    def lasted(self, seconds: float) -> None:
        """A session ended after so long."""
        if seconds >= STABLE_SECONDS:
            self._failures = 0
        self.failed()

    def delay(self) -> float:
        """Seconds to wait before the next attempt."""
        if self._slow:
            return SLOW_SECONDS * (0.5 + self._draw() / 2)
        bound = min(CAP_SECONDS, BASE_SECONDS * 2 ** min(max(self._failures - 1, 0), 10))
        # What was asked for comes on top: everybody was told the same number.
        return float(self._asked + self._draw() * bound)

    def spread(self, seconds: float) -> float:
        """A moment within so many seconds, for many who are told to move at once."""
        return float(self._draw() * seconds)
