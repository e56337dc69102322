"""One timer that asks all sockets whether they live.

A timer a socket, made anew for each ping and each answer, and a turn of the loop for each of them, took more
of an idle agent's heartbeat than the two frames.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from websockets.frames import Frame, Opcode

STEP_SECONDS = 0.25
"""Sockets that are due within so long are pinged together, the later of them early: never late."""

_log = structlog.get_logger("api.pulse")


@dataclass(frozen=True, slots=True)
class Ping:
    """What all that are due together are sent."""

    payload: bytes
    """An answer repeats it: those of earlier pings are no sign of life."""
    frame: bytes
    at: float
    """When, by the loop's clock."""


Beat = Callable[[Ping], float | None]
"""Sends the ping, if it is time; gives the seconds until the next look, None for never again."""


class Pulse:
    """Calls each as often as it asks for. All methods run on the event loop."""

    def __init__(self) -> None:
        self._due: dict[int, set[Beat]] = {}
        """By the step at which they are called."""
        self._timer: asyncio.TimerHandle | None = None
        self._timed = 0
        """The step for which the timer is set."""
        self._step = 0
        """The last that was called."""

    def begin(self, beat: Beat, seconds: float) -> None:
        """Call it in so many seconds, or up to a step before."""
        loop = asyncio.get_running_loop()
        now = max(loop.time(), self._step * STEP_SECONDS)  # its timers may fire half a millisecond early
        step = max(int((now + seconds) / STEP_SECONDS), self._step + 1)
        self._due.setdefault(step, set()).add(beat)
        if self._timer is None or step < self._timed:
            self._set(loop, step)

    def end(self, beat: Beat) -> None:
        """Call it no more."""
        for beats in self._due.values():
            beats.discard(beat)

    def _set(self, loop: asyncio.AbstractEventLoop, step: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timed = loop.call_at(step * STEP_SECONDS, self._call, loop), step

    def _call(self, loop: asyncio.AbstractEventLoop) -> None:
        # What the timer was set for is due, whatever the clock's last digit says.
        self._timer, self._step = None, max(self._timed, int(loop.time() / STEP_SECONDS))
        payload = secrets.token_bytes(4)
        ping = Ping(payload, Frame(Opcode.PING, payload).serialize(mask=False), loop.time())
        for step in sorted(step for step in self._due if step <= self._step):
            beats = self._due.pop(step)
            while beats:  # one may end another meanwhile
                self._call_one(beats.pop(), ping)
        if self._due and self._timer is None:
            self._set(loop, min(self._due))

    def _call_one(self, beat: Beat, ping: Ping) -> None:
        try:
            seconds = beat(ping)
        except Exception:
            _log.exception("a socket could not be pinged")
            return
        if seconds is not None:
            self.begin(beat, seconds)
