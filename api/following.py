"""A run that another process drives, followed through the store: its events as they are written."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from time import monotonic

from api.store.protocols import Store
from api.store.records import StoredEvent

POLL_SECONDS = 0.25
HEARD_SECONDS = 4.0
"""How often word is left for the other process that somebody listens here."""
_HEARD_FOR = 10.0

LAST = frozenset({"answered", "refused", "clarified", "run_failed", "run_cancelled"})
"""Events after which nothing follows."""


async def follow(
    store: Store, run_id: str, after: int, closing: Callable[[], bool]
) -> AsyncGenerator[StoredEvent, None]:
    """Events after a position, until the run's end, until it is gone, or until we are ``closing``."""
    heard_at = -HEARD_SECONDS
    while True:
        events = await store.runs.events(run_id, after)
        for event in events:
            after = event.position
            yield event
            if event.type in LAST:
                return
        if monotonic() - heard_at >= HEARD_SECONDS:
            # Asked as seldom: an ended or deleted run has nothing more to tell.
            run = await store.runs.load(run_id)
            if run is None or (run.finished_at is not None and after >= run.last_event_id):
                return
            await store.leases.heard(run_id, _HEARD_FOR)
            heard_at = monotonic()
        if closing():
            return  # the reader comes back, to a process that stays
        if not events:
            await asyncio.sleep(POLL_SECONDS)
