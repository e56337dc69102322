"""Streams over a broker that only carries messages: numbered parts, and credit that comes back for them.

The giver's first sign names a subject of its own. To that the asker sends credit as its reader takes what
came, and a sign of life every so often, without which the giver stops: a slow reader is waited for, a dead
one is not.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable

from api.bus.protocol import PART_BYTES, SILENCE_SECONDS, WINDOW_BYTES, AnswerBroke, BusSilent

_NUMBER = struct.Struct(">I")
_STEP = WINDOW_BYTES // 4
"""Credit is given back in steps of this size: a message for every part would be one too many."""

Say = Callable[[bytes], Awaitable[None]]


class Outgoing:
    """``protocol.Sink`` of the giver.

    Args:
        say: sends one part to the asker.
    """

    def __init__(self, say: Say) -> None:
        self.task: asyncio.Task[None] | None = None
        self._say = say
        self._credit = WINDOW_BYTES
        self._more = asyncio.Event()
        self._number = 0
        self._unheard = 0

    async def send(self, piece: bytes) -> None:
        """As ``Sink``."""
        for at in range(0, len(piece), PART_BYTES):
            part = piece[at : at + PART_BYTES]
            while self._credit <= 0:
                self._more.clear()
                await self._more.wait()
            self._credit -= len(part)
            await self._say(self.numbered(part))

    def numbered(self, part: bytes) -> bytes:
        """The next part, with its number before it."""
        self._number += 1
        return _NUMBER.pack(self._number) + part

    def hear(self, data: bytes) -> None:
        """The asker has taken so many bytes more, or says that it lives."""
        self._unheard = 0
        if len(data) == _NUMBER.size:
            self._credit += _NUMBER.unpack(data)[0]
            self._more.set()

    def beat(self, seconds: float) -> bool:
        """So long has passed since the last beat; whether the asker may still live.

        Beats are counted and no clock is read: a process that stood still for a while finds its timers due
        before it has read what the asker sent meanwhile.
        """
        self._unheard += 1
        return self._unheard * seconds <= SILENCE_SECONDS + seconds


class Incoming:
    """What the asker has of a stream.

    Args:
        subject: for errors.
        say: sends credit to the giver.
    """

    def __init__(self, subject: str, say: Say) -> None:
        self._subject = subject
        self._say = say
        self._number = 0
        self._owed = 0

    def part(self, body: bytes) -> bytes:
        """The next part. Raises ``AnswerBroke`` when one was lost before it."""
        if len(body) < _NUMBER.size:
            raise AnswerBroke(self._subject)
        self._number += 1
        if _NUMBER.unpack_from(body)[0] != self._number:
            raise AnswerBroke(self._subject)
        return body[_NUMBER.size :]

    async def taken(self, size: int) -> None:
        """Give credit back for what the reader has taken."""
        self._owed += size
        if self._owed >= _STEP:
            owed, self._owed = self._owed, 0
            await self._say(_NUMBER.pack(owed))

    async def live(self, seconds: float) -> None:
        """Give signs of life, for ever."""
        while True:
            await asyncio.sleep(seconds)
            await self._say(_NUMBER.pack(0))


async def next_part(parts: "asyncio.Queue[bytes | Exception]", subject: str, patience: float) -> bytes:
    """What comes next, a sign included.

    Raises:
        BusSilent: nothing came.
        BusError: as was told.
    """
    try:
        # Not ``wait_for``, which in Python 3.11 loses a cancellation that meets a part.
        async with asyncio.timeout(patience):
            part = await parts.get()
    except TimeoutError:
        raise BusSilent(subject) from None
    if isinstance(part, Exception):
        raise part
    return part
