"""What a socket waits with, made when it has to wait: an agent that is idle waits for hours.

asyncio's queue and event keep half a kilobyte for each kind of waiter that may come.
"""

import asyncio
from collections import deque
from typing import Any


class Mailbox:
    """As much of ``asyncio.Queue`` as one reader needs."""

    __slots__ = ("_messages", "_reader")

    def __init__(self) -> None:
        self._messages: deque[Any] | None = None
        self._reader: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        """Add one, and wake the reader."""
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        """The oldest, waited for. A reader that is cancelled loses nothing."""
        while self._messages is None:
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        message = self._messages.popleft()
        if not self._messages:
            self._messages = None
        return message

    def empty(self) -> bool:
        """Whether none is there."""
        return self._messages is None


class Gate:
    """As ``asyncio.Event``, but open from the start, and nothing while it is open."""

    __slots__ = ("_shut",)

    def __init__(self) -> None:
        self._shut: asyncio.Event | None = None

    def set(self) -> None:
        """Open it: whoever waits goes on."""
        if self._shut is not None:
            self._shut.set()
            self._shut = None

    def clear(self) -> None:
        """Shut it."""
        if self._shut is None:
            self._shut = asyncio.Event()

    async def wait(self) -> None:
        """Go through, as soon as it is open."""
        if self._shut is not None:
            await self._shut.wait()
