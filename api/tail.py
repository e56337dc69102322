"""A run's events as server-sent events. A tail only looks on: leaving it does not touch the run."""

from collections.abc import AsyncIterator

from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from api.errors import BadCursor
from api.runs import Runs

HEARTBEAT_SECONDS = 10
"""A comment this often keeps proxies and clients from taking silence for death."""
_SEND_SECONDS = 30
"""A reader that takes nothing for so long is let go; it can come back with Last-Event-ID."""


def event_stream(runs: Runs, run_id: str, after: int, headers: dict[str, str]) -> Response:
    """Events after a position, until the run's end."""
    return EventSourceResponse(
        _events(runs, run_id, after),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **headers},
        ping=HEARTBEAT_SECONDS,
        send_timeout=_SEND_SECONDS,
        sep="\n",
    )


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
    async for event in runs.tail(run_id, after):
        yield ServerSentEvent(data=event.data, event=event.type, id=str(event.position))
