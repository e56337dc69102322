"""Who goes first where statements share a socket and a process: whoever asks something small, not a download.

An export keeps up to a window of bodies on its way, and process and socket busy. A question that comes
meanwhile makes some six short trips through both and would wait behind a body at each.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from agent.request import Sink
from wire.outcome import ResultColumn

YOUNG_SECONDS = 0.025
"""For so long a statement goes before exports, and so long at most a body waits: most statements are over by
then, and an export beside an endless row of them still moves some 5 MB a second."""


class Precedence:
    """Statements that have just begun, and exports that let them pass.

    Args:
        seconds: as ``YOUNG_SECONDS``.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float = YOUNG_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._begun: dict[object, float] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Go first, for as long as this is entered and young."""
        one = object()
        self._begun[one] = self._clock()
        try:
            yield
        finally:
            del self._begun[one]
            if not self._begun:
                for waiter in self._waiting:
                    _wake(waiter)

    async def given(self) -> None:
        """Wait until no young statement is under way, ``seconds`` at most."""
        until = self._clock() + self._seconds
        while (left := min(until, self._youngest() + self._seconds) - self._clock()) > 0:
            loop = asyncio.get_running_loop()
            waiter = loop.create_future()
            self._waiting.add(waiter)
            timer = loop.call_later(left, _wake, waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiting.discard(waiter)

    def _youngest(self) -> float:
        return max(self._begun.values(), default=float("-inf"))


class Behind:
    """A sink whose bodies wait until others have passed."""

    def __init__(self, sink: Sink, precedence: Precedence) -> None:
        self._sink = sink
        self._precedence = precedence

    async def columns(self, columns: list[ResultColumn]) -> None:
        await self._sink.columns(columns)

    async def rows(self, body: bytes, row_count: int) -> None:
        await self._precedence.given()
        await self._sink.rows(body, row_count)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
