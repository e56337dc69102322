"""Stopping what a connection runs: asked of PostgreSQL until it has ended, by force when it is deaf."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from agent.database import Connection, cancel_statement, cut_connection
from agent.stop import Stop

_log = logging.getLogger("agent.stopping")

CANCEL_AGAIN_SECONDS = 0.1
"""A cancel that arrives between two commands is lost on PostgreSQL, so it is sent again until it worked."""
DEAF_SECONDS = 2.0
"""After this long a statement that does not heed cancelling loses its connection."""


@contextlib.asynccontextmanager
async def stopping(conn: Connection, stop: Stop) -> AsyncIterator[None]:
    """While inside, throwing ``stop`` cancels whatever ``conn`` runs, again and again until it has ended.

    Left only after the last cancel request has been answered: it cannot hit the connection's next statement.
    """
    over = asyncio.Event()

    async def press() -> None:
        thrown = time.monotonic()
        while not over.is_set():
            await cancel_statement(conn)
            if time.monotonic() - thrown > DEAF_SECONDS and not over.is_set():
                _log.warning("statement deaf to cancelling; connection cut", extra={"reason": stop.reason})
                cut_connection(conn)
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), CANCEL_AGAIN_SECONDS)

    pressing: list[asyncio.Task[None]] = []
    with stop.telling(lambda: pressing.append(asyncio.create_task(press()))):
        try:
            yield
        finally:
            over.set()
            if pressing:
                await asyncio.gather(*pressing, return_exceptions=True)


async def give_up(conn: Connection, draining: Coroutine[Any, Any, None]) -> None:
    """Cancel what ``conn`` runs, again and again, while ``draining`` reads it to its end and lets it go."""
    started = time.monotonic()
    task = asyncio.ensure_future(draining)
    try:
        while not task.done():
            await cancel_statement(conn)
            await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)
            if time.monotonic() - started > DEAF_SECONDS and not task.done():
                cut_connection(conn)
                await asyncio.wait({task}, timeout=DEAF_SECONDS)
                return
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
