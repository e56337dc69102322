"""When to knock again: full jitter, so that thousands of agents do not come back in one moment."""

import random
from collections.abc import Callable, Generator

BASE_SECONDS = 0.5
CAP_SECONDS = 8.0
SLOW_SECONDS = 60.0
"""Cap after an error that only a person can mend, such as a certificate."""
STABLE_SECONDS = 30.0
"""A session that lasted as long as this was a good one: the count starts anew."""


class Backoff:
    """Delays between attempts, uniformly between 0 and a bound that doubles.

    Args:
        draw: a random number in [0, 1).
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._failures = 0
        self._slow = False

    def failed(self, *, slow: bool = False) -> None:
        """An attempt or a session came to nothing."""
        self._failures += 1
        self._slow = slow

    def lasted(self, seconds: float) -> None:
        """A session ended after so long."""
        if seconds >= STABLE_SECONDS:
            self._failures = 0
        self.failed()

    def delay(self) -> float:
        """Seconds to wait before the next attempt."""
        if self._slow:
            return SLOW_SECONDS * (0.5 + self._draw() / 2)
        return float(self._draw() * min(CAP_SECONDS, BASE_SECONDS * 2 ** min(self._failures - 1, 10)))

    def delays(self) -> Generator[float]:
        """The same, as ``websockets.connect(reconnect_delays=...)`` wants it."""
        while True:
            yield self.delay()
