"""A run's events as server-sent events. A tail only looks on; a run that everybody left is stopped later."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

from api.errors import BadCursor, StoreUnavailable
from api.runs import Runs

HEARTBEAT_SECONDS = 10
"""A comment this often keeps proxies and clients from taking silence for death."""
_SEND_SECONDS = 30
"""A reader that takes nothing for so long is let go; it can come back with Last-Event-ID."""


def event_stream(runs: Runs, run_id: str, after: int, headers: dict[str, str]) -> Response:
    """Events after a position, until the run's end."""
    return _Attended(
        runs,
        run_id,
        _events(runs, run_id, after),
        # Said to whatever stands between: neither hold it back nor pack it, which holds it back as well.
        headers={"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", **headers},
        ping=HEARTBEAT_SECONDS,
        send_timeout=_SEND_SECONDS,
        sep="\n",
    )


class _Attended(EventSourceResponse):
    """A stream that counts as a listener exactly as long as somebody takes it."""

    def __init__(self, runs: Runs, run_id: str, events: AsyncIterator[ServerSentEvent], **how: Any) -> None:
        super().__init__(events, **how)
        self._runs = runs
        self._run_id = run_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Around the whole response: a generator would not hear of a reader that left between two events.
        with self._runs.attend(self._run_id):
            await super().__call__(scope, receive, send)


def position(last_event_id: str | None) -> int:
    """The position after which a stream goes on.

    Raises:
        BadCursor: it is not a number; positions are 1, 2, ….
    """
    if last_event_id is None or not last_event_id.strip():
        return 0
    if not last_event_id.strip().isdecimal() or len(last_event_id) > 12:
        raise BadCursor("Last-Event-ID is not a position.", "Send the `id:` of the last event that arrived.")
    return int(last_event_id)


async def _events(runs: Runs, run_id: str, after: int) -> AsyncIterator[ServerSentEvent]:
    try:
        async for event in runs.tail(run_id, after):
            yield ServerSentEvent(data=event.data, event=event.type, id=str(event.position))
    except StoreUnavailable:
        # Too late for a problem: the stream ends, and its reader comes back with Last-Event-ID.
        return
