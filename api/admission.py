"""How many agents are let in a second: a herd that comes back at once is spread over the time it takes."""

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

MAX_WAIT_SECONDS = 60
HOLD_SECONDS = 3.0
"""As many are held at the door as are let in within so long. To hold one costs a little memory; to turn it
away costs most of what letting it in does, and it comes back."""
PATIENCE_SECONDS = 2 * HOLD_SECONDS
"""The longest that one is held, where fewer come in than may. An agent gives up its handshake after ten."""
MAX_ENTERING = 64
"""Between door and welcome at once, however many a second are allowed: what they cost together is what
everybody else waits for."""
STEP_SECONDS = 0.01
"""How often places are handed out while somebody waits for one."""
AT_ONCE_SECONDS = 0.05
"""After a quiet time, or a step that came late, as many come in at once as else in so long; what a later step
has missed is not made up for. So a loop that is busy lets fewer in instead of all that are due."""


class Crowded(Exception):
    """Too many wait at the door, or those let in are slow to get out of it. Internal: becomes a 503."""


class Pace:
    """Places that fall due at an even rate.

    Args:
        per_second: on average, and never more within any time but for ``at_once``.
        now: monotonic seconds.
    """

    def __init__(self, per_second: float, now: float) -> None:
        self._per_second = per_second
        self.at_once = max(1.0, per_second * AT_ONCE_SECONDS)
        """The most that fall due together."""
        self._due = self.at_once
        self._at = now

    def take(self, now: float) -> bool:
        """Take a place if one is due."""
        self._due = min(self.at_once, self._due + (now - self._at) * self._per_second)
        self._at = now
        if self._due < 1:
            return False
        self._due -= 1
        return True


class Admission:
    """Bounds accepts a second; whoever is turned away is given a time of its own.

    One pacer hands out the places. Were each of those who wait to have a timer, all whose timers fire late
    would come in together, which is when there is the least time for them. All methods run on one event loop.

    Args:
        per_second: agents let in, on average.
        clock: monotonic seconds.
        draw: a random number in [0, 1).
        sleep: waits for so many seconds, or longer.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._per_second = per_second
        self._clock = clock
        self._draw = draw
        self._sleep = sleep
        self._pace = Pace(per_second, clock())
        self._held: deque[tuple[float, asyncio.Future[None]]] = deque()
        """Since when each waits, in the order in which they knocked."""
        self._most_held = max(1, math.floor(per_second * HOLD_SECONDS))
        self._entering = 0
        self._pacer: asyncio.Task[None] | None = None
        self._promised = 0.0
        """Those that were told to come back and may not have yet: they go down as time passes."""
        self._promised_at = clock()

    @asynccontextmanager
    async def entering(self) -> AsyncIterator[None]:
        """Wait for a place, and have it until the agent is welcomed: a store that is slow lets fewer in.

        Raises:
            Crowded: too many wait already, or it takes too long.
        """
        if self._held or not self._free():
            await self._hold()
        else:
            self._entering += 1
        try:
            yield
        finally:
            self._entering -= 1

    @property
    def crowded(self) -> bool:
        """Whether anybody waits for a place."""
        return bool(self._held)

    def come_back(self) -> int:
        """Seconds after which one that is turned away is to knock again."""
        now = self._clock()
        passed, self._promised_at = now - self._promised_at, now
        self._promised = max(0.0, self._promised - passed * self._per_second) + 1
        spread = self._promised / self._per_second
        return min(MAX_WAIT_SECONDS, 1 + math.floor(spread + self._draw()))

    def _free(self) -> bool:
        return self._entering < MAX_ENTERING and self._pace.take(self._clock())

    async def _hold(self) -> None:
        """Until the pacer gives a place, which is taken then."""
        if len(self._held) >= self._most_held:
            raise Crowded
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append((self._clock(), place))
        if self._pacer is None or self._pacer.done():
            self._pacer = asyncio.create_task(self._hand_out(), name="admission")
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._entering -= 1  # it was given in the very moment in which its taker was stopped
            raise

    async def _hand_out(self) -> None:
        while self._held:
            await self._sleep(STEP_SECONDS)
            self._step()

    def _step(self) -> None:
        late = self._clock() - PATIENCE_SECONDS
        while self._held:
            since, place = self._held[0]
            if not place.done():
                if since < late:
                    place.set_exception(Crowded())
                elif self._free():
                    self._entering += 1
                    place.set_result(None)
                else:
                    return
            self._held.popleft()
