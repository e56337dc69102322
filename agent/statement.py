"""One execution in hand, and the way out that its frames take."""

import asyncio

from agent.outbox import Keep, Outbox, Send
from agent.stop import Stop
from wire.frames import KIND_JSON_ROWS, BodyKind, RowsFrame
from wire.messages import Columns, StatementRef
from wire.outcome import ResultColumn

Key = tuple[str, int]
"""Statement id and attempt."""


class Door:
    """A session's way out: frames of the statements that it asked for leave here."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.open = True


class Statement:
    """One execution in hand, and the sink of its rows."""

    def __init__(self, ref: StatementRef, keep: Keep, kind: BodyKind = KIND_JSON_ROWS) -> None:
        self.key: Key = (ref.statement_id, ref.attempt)
        self.ref = {"statement_id": ref.statement_id, "attempt": ref.attempt}
        self.stop = Stop()
        self.kind = kind
        # An export is of any size, so none of it is kept for another session.
        self.outbox = Outbox(keep, resumable=kind == KIND_JSON_ROWS)
        self.cancelled_at: float | None = None
        self.door: Door | None = None
        """The session that it is delivered to; None while it waits for one."""
        self.delivery: asyncio.Task[None] | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.parting: str | None = None
        """The terminal frame, when nothing confirms it: the statement is forgotten once it is out."""
        self._sequence = 0

    async def columns(self, columns: list[ResultColumn]) -> None:
        await self.outbox.put(Columns(**self.ref, columns=columns).model_dump_json())

    async def rows(self, body: bytes, row_count: int) -> None:
        frame = RowsFrame(self.key[0], self.key[1], self._sequence, row_count, body, self.kind)
        self._sequence += 1
        await self.outbox.put(frame.encode(), credit=len(body))
