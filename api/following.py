"""A run that another process drives, followed through bus and store: its events as they are written."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from time import monotonic

from api.bus.protocol import Bus
from api.news import Inbox
from api.store.protocols import Store
from api.store.records import StoredEvent

POLL_SECONDS = 0.25
"""How often the store is asked where nobody says when to."""
WOKEN_POLL_SECONDS = 1.0
"""How often it is asked beside the bus, whose messages may be lost."""
HEARD_SECONDS = 4.0
"""How often word is left for the other process that somebody listens here."""
_HEARD_FOR = 10.0

LAST = frozenset({"answered", "refused", "clarified", "run_failed", "run_cancelled"})
"""Events after which nothing follows."""


async def follow(
    store: Store, bus: Bus, run_id: str, after: int, cut_off: Callable[[], bool]
) -> AsyncGenerator[Sequence[StoredEvent], None]:
    """Events after a position, until the run's end, until it is gone, or until the reader is ``cut_off``; as
    many at once as there are, and never none.

    The bus brings events that are in the store already. What it does not bring is read there, so that a lost
    message costs a moment and never an event.
    """
    inbox = Inbox()
    subscription = await bus.subscribe(f"run.{run_id}", inbox.hear)
    heard_at = -HEARD_SECONDS
    try:
        while True:
            inbox.woken.clear()
            events = [] if inbox.missed else inbox.take(after)
            if inbox.missed and not events:
                inbox.missed = False
                events = await store.runs.events(run_id, after)
            if events:
                after = events[-1].position
                yield events
                if events[-1].type in LAST:
                    return
            if monotonic() - heard_at >= HEARD_SECONDS:
                if not await store.leases.heard(run_id, _HEARD_FOR):
                    # Ended or deleted: what there is to tell is in the store.
                    if rest := await store.runs.events(run_id, after):
                        yield rest
                    return
                heard_at = monotonic()
            if cut_off():
                return  # the reader comes back, to a process that stays
            if not events:
                by_bus = bus.shared and bus.trouble is None
                if not await _woken(inbox.woken, WOKEN_POLL_SECONDS if by_bus else POLL_SECONDS):
                    inbox.missed = True
    finally:
        await subscription.end()


async def _woken(event: asyncio.Event, seconds: float) -> bool:
    """Whether it was set within that time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
