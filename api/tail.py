"""A run's events as server-sent events. A tail only looks on; a run that everybody left is stopped later."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from fastapi.responses import Response
from sse_starlette import EventSourceResponse
from starlette.types import Receive, Scope, Send

from api.errors import BadCursor, StoreUnavailable
from api.runs import Runs
from api.store.records import StoredEvent

HEARTBEAT_SECONDS = 10
"""A comment this often keeps proxies and clients from taking silence for death."""
_SEND_SECONDS = 30
"""A reader that takes nothing for so long is let go; it can come back with Last-Event-ID."""
_LINE = "\r\n"
_PIECE_BYTES = 16 * 1024
"""Sent at once; little enough that a slow reader takes it well within ``_SEND_SECONDS``."""


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
        sep=_LINE,
    )


class _Attended(EventSourceResponse):
    """A stream that counts as a listener exactly as long as somebody takes it."""

    def __init__(self, runs: Runs, run_id: str, events: AsyncIterator[bytes], **how: Any) -> None:
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


async def _events(runs: Runs, run_id: str, after: int) -> AsyncIterator[bytes]:
    try:
        async for events in runs.tail(run_id, after):
            for piece in pieces(events):
                yield piece
    except StoreUnavailable:
        # Too late for a problem: the stream ends, and its reader comes back with Last-Event-ID.
        return


def pieces(events: Sequence[StoredEvent]) -> Iterator[bytes]:
    """Events as blocks of a stream, those that are there together in one piece: what a piece costs, through
    all that a response passes, is twenty times what an event costs in it."""
    blocks: list[bytes] = []
    size = 0
    for event in events:
        # One line, for JSON keeps line breaks escaped.
        block = (
            f"id: {event.position}{_LINE}event: {event.type}{_LINE}data: {event.data}{_LINE}{_LINE}".encode()
        )
        blocks.append(block)
        size += len(block)
        if size >= _PIECE_BYTES:
            yield b"".join(blocks)
            blocks, size = [], 0
    if blocks:
        yield b"".join(blocks)
