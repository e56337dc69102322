"""The owner's bounds on all statements together: how many run at once, and how many come in a minute."""

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
        self._running = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._clock = clock
        self._starts: deque[float] = deque()

    @property
    def waiting(self) -> int:
        """Statements that wait for a slot."""
        return len(self._queue)

    def resize(self, *, concurrent: int, per_minute: int) -> None:
        """Go by other limits from now on. What runs already is not cut off, and still counts."""
        self.concurrent, self.per_minute = concurrent, per_minute
        self._let_in()

    def over_limit(self) -> str | None:
        """Why a statement that came now would be turned away; None when it may come in.

        Counts the statement towards the minute when it may.
        """
        now = self._clock()
        while self._starts and self._starts[0] <= now - 60.0:
            self._starts.popleft()
        if len(self._starts) >= self.per_minute:
            return f"The owner's policy allows {self.per_minute} statements a minute."
        if self.waiting >= self.concurrent * WAITING_PER_SLOT:
            return f"{self.waiting} statements wait already for {self.concurrent} that may run at once."
        self._starts.append(now)
        return None

    @asynccontextmanager
    async def slot(self, stop: Stop) -> AsyncIterator[bool]:
        """Wait in order for a slot and hold it; False, without one, when ``stop`` came first."""
        held: list[bool] = []
        try:
            # What was taken counts even where ``stop`` came in the very moment in which it was.
            yield await stop.unless_stopped(self._take(held))
        finally:
            if held:
                self._running -= 1
                self._let_in()

    async def _take(self, held: list[bool]) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._let_in()
        try:
            await turn
        finally:
            if turn.done() and not turn.cancelled():
                held.append(True)
            elif turn in self._queue:
                self._queue.remove(turn)

    def _let_in(self) -> None:
        while self._queue and self._running < self.concurrent:
            turn = self._queue.popleft()
            if not turn.done():
                self._running += 1
                turn.set_result(None)
