"""Whether the broker still answers, found out by asking it as soon as somebody waits for longer than usual.

A broker that was killed closes its sockets; one that is stopped, or behind a cut line, says nothing at all,
and the library notices after ten seconds. Silence is judged by what was heard and never by a clock alone: the
loop of this process may have stood still, with the answer in its socket. So time is counted in short waits,
each of which lets the loop read, and a wait that took a second counts as one.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

SOON_SECONDS = 0.1
"""How long a request may wait for its first sign until the broker is asked for one of its own."""
_WAIT_SECONDS = 0.1
_WAITS = 6
"""A broker that has sent nothing at all in so many waits, and was asked before them, is silent."""
_LONG_WAITS = 30
"""So is one that sends what others say, and no answer to us: it stands behind that, or our words are lost."""
_AGAIN_SECONDS = 0.4
"""How long until it is asked again, by those who still wait or to hear whether it is back."""

_log = structlog.get_logger("api.bus")


class Pulse:
    """Of one connection.

    Args:
        ping: asks the broker for a sign; what it returns is done when that has come.
        connected: whether there is a connection at all; without one there is no silence to be found.
        on_silence: told once when it falls silent.
    """

    def __init__(
        self,
        ping: Callable[[], Awaitable["asyncio.Future[bool]"]],
        connected: Callable[[], bool],
        on_silence: Callable[[], None],
    ) -> None:
        self.silent = False
        """Whether it has fallen silent, and has not answered since."""
        self._ping = ping
        self._connected = connected
        self._on_silence = on_silence
        self._heard = 0
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None

    def heard(self) -> None:
        """Something came."""
        self._heard += 1

    def watch(self) -> "Watch":
        """While this is open, somebody waits for an answer."""
        return Watch(self)

    def begin(self) -> None:
        """Somebody has waited for longer than usual."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen(), name="pulse")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        while (self._waiting or self.silent) and self._connected():
            silent = not await self._answers() and self._connected()
            if silent != self.silent:
                self.silent = silent
                _log.warning("the bus says nothing" if silent else "the bus answers again")
                if silent:
                    self._on_silence()
            await asyncio.sleep(_AGAIN_SECONDS)
        self.silent = False  # without a connection it is another trouble, and a new one begins anew

    async def _answers(self) -> bool:
        before = self._heard
        pong = await self._ping()
        for number in range(_LONG_WAITS):
            await asyncio.wait({pong}, timeout=_WAIT_SECONDS)
            if pong.done():
                return True
            if number >= _WAITS and self._heard == before:
                break
        return False


class Watch:
    """A context in which the broker is listened to, from ``SOON_SECONDS`` on."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse

    def __enter__(self) -> None:
        self._pulse._waiting += 1
        self._timer = asyncio.get_running_loop().call_later(SOON_SECONDS, self._pulse.begin)

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._pulse._waiting -= 1
