"""How many statements run at once and per minute: the owner's limits, first come first served."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agent.stop import Stop

WAITING_PER_SLOT = 16
"""Statements that may wait for each one that may run; more are turned away at once."""


class Admission:
    """The gate before the database.

    Args:
        concurrent: statements at once.
        per_minute: statements in any 60 seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self, *, concurrent: int, per_minute: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.concurrent = concurrent
        self.per_minute = per_minute
        self._slots = asyncio.Semaphore(concurrent)
        self._waiting = 0
        self._clock = clock
        self._starts: deque[float] = deque()

    @property
    def waiting(self) -> int:
        """Statements that wait for a slot."""
        return self._waiting

    def over_limit(self) -> str | None:
        """Why a statement that came now would be turned away; None when it may come in.

        Counts the statement towards the minute when it may.
        """
        now = self._clock()
        while self._starts and self._starts[0] <= now - 60.0:
            self._starts.popleft()
        if len(self._starts) >= self.per_minute:
            return f"The owner's policy allows {self.per_minute} statements a minute."
        if self._waiting >= self.concurrent * WAITING_PER_SLOT:
            return f"{self._waiting} statements wait already for {self.concurrent} that may run at once."
        self._starts.append(now)
        return None

    @asynccontextmanager
    async def slot(self, stop: Stop) -> AsyncIterator[bool]:
        """Wait in order for a slot and hold it; False, without one, when ``stop`` came first."""
        held: list[bool] = []

        async def take() -> None:
            await self._slots.acquire()
            held.append(True)

        try:
            self._waiting += 1
            try:
                got = await stop.unless_stopped(take())
            finally:
                self._waiting -= 1
            yield got
        finally:
            # Not ``if got``: a slot may have been taken in the very moment in which the wait was given up.
            if held:
                self._slots.release()
