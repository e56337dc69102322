"""What a run's events are told as to replicas where somebody follows it: the events themselves.

A message may be lost, and what is long is not sent at all; a follower that misses a position reads the store.
"""

import asyncio
from collections.abc import Sequence

import orjson
import structlog

from api.store.records import StoredEvent

MOST_BYTES = 64 * 1024
"""Of a message's events; longer ones are read from the store."""
_MOST_KEPT = 1_000
"""Events that wait for a slow reader; beyond, they are read from the store when their turn comes."""

_log = structlog.get_logger("api.news")


def news(events: Sequence[StoredEvent]) -> bytes:
    """The message that tells of these events, which are in the store already."""
    if sum(len(event.data) for event in events) > MOST_BYTES:
        return b""
    return orjson.dumps([[event.position, event.type, event.data] for event in events])


class Inbox:
    """Events of one run as they are heard of, in whatever order."""

    def __init__(self) -> None:
        self.woken = asyncio.Event()
        """Set when there is something to ``take`` or to read."""
        self.missed = True
        """Whether the store has to be read: at first, and when something was told and not heard."""
        self._events: dict[int, StoredEvent] = {}

    def hear(self, data: bytes) -> None:
        """Take a message in."""
        self.woken.set()
        try:
            told = [StoredEvent(int(position), str(kind), str(text)) for position, kind, text in _read(data)]
        except (TypeError, ValueError) as error:
            # Another version may say what we do not know; the store says the same.
            _log.warning("a run's news were not understood", kind=type(error).__name__)
            told = []
        if not told or len(self._events) + len(told) > _MOST_KEPT:
            self._events.clear()
            self.missed = True
            return
        self._events |= {event.position: event for event in told}

    def take(self, after: int) -> list[StoredEvent]:
        """Those that follow on a position without a gap; what is left behind a gap is ``missed``."""
        found = []
        while (event := self._events.pop(after + 1, None)) is not None:
            found.append(event)
            after = event.position
        self.missed = self.missed or any(position > after for position in self._events)
        self._events.clear()
        return found


def _read(data: bytes) -> list[tuple[int, str, str]]:
    told: list[tuple[int, str, str]] = orjson.loads(data) if data else []
    return told
