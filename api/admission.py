"""How many agents are let in a second: a herd that comes back at once is spread over the time it takes."""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

MAX_WAIT_SECONDS = 60
HOLD_SECONDS = 3.0
"""How long one that knocks may be held at the door. To hold it costs a little memory; to turn it away costs
most of what letting it in does, and it comes back."""
MAX_ENTERING = 64
"""Between door and welcome at once, however many a second are allowed: what they cost together is what
everybody else waits for."""
_AT_ONCE_SECONDS = 0.1
"""After a quiet time as many come in at once as else in so long."""


class Crowded(Exception):
    """Those that were let in are slow to get out of the door. Internal: becomes a 503."""


class Admission:
    """Bounds accepts a second; whoever is turned away is given a time of its own.

    Args:
        per_second: agents let in, on average.
        clock: monotonic seconds.
        draw: a random number in [0, 1).
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._per_second = per_second
        self._clock = clock
        self._draw = draw
        self._next = 0.0
        """When the next one that knocks is let in."""
        self._promised = 0.0
        """Those that were told to come back and may not have yet: they go down as time passes."""
        self._promised_at = clock()
        self._entering = asyncio.Semaphore(MAX_ENTERING)

    def place(self) -> float | None:
        """Seconds for which one that knocks is held until its turn; None when that would be too long."""
        now = self._clock()
        self._next = max(self._next, now - _AT_ONCE_SECONDS)
        wait = max(0.0, self._next - now)
        if wait > HOLD_SECONDS:
            return None
        self._next += 1 / self._per_second
        return wait

    def come_back(self) -> int:
        """Seconds after which one that is turned away is to knock again."""
        now = self._clock()
        passed, self._promised_at = now - self._promised_at, now
        self._promised = max(0.0, self._promised - passed * self._per_second) + 1
        spread = self._promised / self._per_second
        return min(MAX_WAIT_SECONDS, 1 + math.floor(spread + self._draw()))

    @asynccontextmanager
    async def entering(self) -> AsyncIterator[None]:
        """Be one between door and welcome: a store that is slow lets fewer in.

        Raises:
            Crowded: too many were for too long.
        """
        try:
            async with asyncio.timeout(HOLD_SECONDS):
                await self._entering.acquire()
        except TimeoutError:
            raise Crowded from None
        try:
            yield
        finally:
            self._entering.release()
