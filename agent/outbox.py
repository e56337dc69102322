"""One statement's frames on their way to the backend, and the budget of those that are kept."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

KEEP_BYTES = 8 * 1024 * 1024
"""Delivered but unconfirmed frames of all statements together, kept for a session to come."""
UNSENT_BYTES = 256 * 1024
"""Frames of one statement that may wait for the socket or for credit before its reading pauses."""

Send = Callable[[str | bytes], Awaitable[None]]


@dataclass(slots=True)
class _Frame:
    data: str | bytes
    credit: int
    """Bytes of credit that it takes; 0 for control frames."""
    terminal: bool = False

    @property
    def size(self) -> int:
        return len(self.data)


class Outbox:
    """One statement's frames, in order, with what has been delivered of them.

    ``put`` waits while too much is undelivered. ``deliver`` runs once a session.
    """

    def __init__(self, keep: "Keep", *, resumable: bool = True) -> None:
        self._keep = keep
        self._frames: list[_Frame] = []
        self._sent = 0
        self._unsent_bytes = 0
        self._kept_bytes = 0
        self._credit = 0
        self._attached = False
        self._sending = False
        self._changed = asyncio.Condition()
        self.resumable = resumable
        """Whether every frame since the first is still here."""
        self.finished = False
        self.delivered = False
        """Whether the terminal frame has gone out on the session that is attached."""

    async def put(self, data: str | bytes, credit: int = 0) -> None:
        """Add a frame; waits while the reader is behind."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._unsent_bytes < (UNSENT_BYTES if self._attached else KEEP_BYTES // 4)
            )
            self._add(_Frame(data, credit))
            self._changed.notify_all()

    async def finish(self, data: str, *, drop_unsent: bool = False) -> None:
        """Add the terminal frame. ``drop_unsent`` discards rows that have not gone out: nobody wants them."""
        async with self._changed:
            if drop_unsent:
                first = self._sent + (1 if self._sending else 0)
                dropped = self._frames[first:]
                del self._frames[first:]
                for frame in dropped:
                    self._unsent_bytes -= frame.size
                    self._kept_bytes -= frame.size
                    self._keep.release(frame.size)
            self._add(_Frame(data, 0, terminal=True))
            self.finished = True
            self._changed.notify_all()

    def _add(self, frame: _Frame) -> None:
        self._frames.append(frame)
        self._unsent_bytes += frame.size
        self._kept_bytes += frame.size
        if not self._keep.take(frame.size):
            self._forget_sent()

    def _forget_sent(self) -> None:
        gone = self._frames[: self._sent]
        if not gone:
            return
        self.resumable = False
        del self._frames[: self._sent]
        self._sent = 0
        for frame in gone:
            self._kept_bytes -= frame.size
            self._keep.release(frame.size)

    async def add_credit(self, amount: int) -> None:
        """Allow that many more bytes of rows."""
        async with self._changed:
            self._credit += amount
            self._changed.notify_all()

    async def deliver(self, send: Send, credit: int) -> None:
        """Send every frame from the first on, as credit allows, until the terminal one has gone out.

        Cancelled when the session ends; a later session calls it again.
        """
        async with self._changed:
            for frame in self._frames[: self._sent]:
                self._unsent_bytes += frame.size
            self._sent, self._credit, self._attached, self.delivered = 0, credit, True, False
            self._changed.notify_all()
        try:
            while not self.delivered:
                async with self._changed:
                    await self._changed.wait_for(self._may_send)
                    frame = self._frames[self._sent]
                    self._sending = True
                await send(frame.data)
                async with self._changed:
                    self._sending = False
                    self._sent += 1
                    self._unsent_bytes -= frame.size
                    self._credit -= frame.credit
                    self.delivered = frame.terminal
                    if self._keep.over or not self.resumable:
                        self._forget_sent()
                    self._changed.notify_all()
        finally:
            self._attached = self._sending = False

    def _may_send(self) -> bool:
        if self._sent >= len(self._frames):
            return False
        frame = self._frames[self._sent]
        # A body may exceed what is left: else one wider than the window would wait for ever.
        return frame.credit == 0 or self._credit > 0

    def clear(self) -> None:
        """Let go of every frame."""
        self._keep.release(self._kept_bytes)
        self._kept_bytes = 0
        self._frames.clear()
        self._sent = 0


class Keep:
    """The budget of kept frames, shared by all outboxes."""

    def __init__(self, limit: int = KEEP_BYTES) -> None:
        self._limit = limit
        self._used = 0

    @property
    def over(self) -> bool:
        """Whether more is kept than the budget."""
        return self._used > self._limit

    @property
    def used(self) -> int:
        """Bytes kept now."""
        return self._used

    def take(self, size: int) -> bool:
        """Count ``size`` bytes in; False when that exceeds the budget."""
        self._used += size
        return not self.over

    def release(self, size: int) -> None:
        """Count ``size`` bytes out."""
        self._used -= size
