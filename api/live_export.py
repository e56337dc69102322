"""A statement whose whole result passes through, from an agent to whoever reads it, and is kept nowhere.

Credit is given back as the reader takes bodies, so that no more than a window of them is ever here: a reader
that stands still stands the agent still, and PostgreSQL behind it.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any, Literal
from uuid import uuid4

from api.session import AgentSession
from api.statement import SessionLost
from wire.errors import MalformedFrame
from wire.frames import KIND_CSV, KIND_TEXT, RowsFrame
from wire.messages import Columns, Credit, End, Export, digest_of
from wire.outcome import Failed, ResultColumn

WINDOW_BYTES = 512 * 1024
_CREDIT_STEP = WINDOW_BYTES // 4
"""Credit is given back in steps of this size: a message for every body would be one too many."""
_MOST_BEYOND = 1024 * 1024
"""What may come beyond the credit: one body may exceed what is left of it."""

CopyFormat = Literal["csv", "text"]
Body = tuple[bytes, int]
"""Bytes as ``COPY`` wrote them, and the rows that end in them; 0 is a piece of a row."""


class ExportBroken(Exception):
    """The result did not come whole. Internal: told as a problem, or by breaking off the answer."""

    def __init__(self, failure: Failed) -> None:
        super().__init__(failure.message)
        self.failure = failure


class LiveExport:
    """One export on one session. Use it as a context manager: at its end PostgreSQL runs nothing of it.

    Args:
        session: of an agent with the capability ``export``.
        more_than: rows that the result is known to exceed.
        seconds, max_rows, max_bytes: what the backend grants; the owner's policy holds where it is stricter.
    """

    def __init__(
        self,
        session: AgentSession,
        sql: str,
        run_id: str,
        format: CopyFormat,
        *,
        seconds: float,
        max_rows: int | None = None,
        max_bytes: int | None = None,
        more_than: int = 0,
    ) -> None:
        self.statement_id = uuid4().hex
        self.attempt = 1
        self.accepted = False
        self.rows = 0
        self.bytes = 0
        self.truncated: str | None = None
        self._session = session
        self._kind = KIND_CSV if format == "csv" else KIND_TEXT
        self._message = Export(
            statement_id=self.statement_id,
            attempt=1,
            sql=sql,
            sql_digest=digest_of(sql),
            run_id=run_id,
            format=format,
            timeout_seconds=seconds,
            max_rows=max_rows,
            max_bytes=max_bytes,
            more_than=more_than,
            credit_bytes=WINDOW_BYTES,
        )
        self.done: asyncio.Future[Failed | None] = asyncio.get_running_loop().create_future()
        """Its end: None when everything came."""
        self._columns: asyncio.Future[list[ResultColumn]] = asyncio.get_running_loop().create_future()
        self._bodies: asyncio.Queue[Body | None] = asyncio.Queue()
        self._held = 0
        self._sequence = 0
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over what has come."""
        return self._hash.hexdigest()

    async def __aenter__(self) -> "LiveExport":
        try:
            await self._session.begin(self, self._message)
        except SessionLost as error:
            raise ExportBroken(_LOST) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.done.done():
            # The caller may be cancelled while it waits; the statement must go all the same.
            await asyncio.shield(asyncio.ensure_future(self._session.stop(self)))
        self._session.release(self)

    async def columns(self) -> list[ResultColumn]:
        """The result's columns, when it has begun.

        Raises:
            ExportBroken: it ended before.
        """
        either: set[asyncio.Future[Any]] = {self.done, self._columns}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._columns.done():
            return self._columns.result()
        raise ExportBroken(self.done.result() or _ILL_FORMED)

    async def bodies(self) -> AsyncIterator[Body]:
        """Every body in order.

        Raises:
            ExportBroken: the result did not come whole.
        """
        owed = 0
        while (body := await self._bodies.get()) is not None:
            yield body
            self._held -= len(body[0])
            owed += len(body[0])
            if owed >= _CREDIT_STEP and not self.done.done():
                credit = Credit(statement_id=self.statement_id, attempt=self.attempt, bytes=owed)
                owed = 0
                try:
                    await self._session.tell(credit)
                except SessionLost:
                    continue  # ``lose`` has said so already
        failure = self.done.result()
        if failure is not None:
            raise ExportBroken(failure)

    # --- what the session deals out ------------------------------------------------------------------------

    def take_columns(self, message: Columns) -> None:
        """The result's columns have come."""
        if not self._columns.done():
            self._columns.set_result(list(message.columns))

    async def take_rows(self, frame: RowsFrame) -> int:
        """A body has come; no credit is given back before its reader has taken it.

        Raises:
            MalformedFrame: it is empty, out of order, of another kind, or more than there was credit for.
        """
        if self.done.done():
            return 0
        if not self._columns.done():
            raise MalformedFrame("Rows came before their columns.")
        if frame.kind != self._kind:
            raise MalformedFrame("Rows came in another format than was asked for.")
        if frame.sequence != self._sequence:
            raise MalformedFrame(f"Body {frame.sequence} came where {self._sequence} was due.")
        if not frame.body:
            raise MalformedFrame("An empty body came: it costs no credit, so there could be any number.")
        self._sequence += 1
        self._held += len(frame.body)
        if self._held > WINDOW_BYTES + _MOST_BEYOND:
            raise MalformedFrame("More came than there was credit for.")
        self.rows += frame.row_count
        self.bytes += len(frame.body)
        self._hash.update(frame.body)
        self._bodies.put_nowait((frame.body, frame.row_count))
        return 0

    async def take_end(self, message: End) -> bool:
        """The result is over. True when it is whole; otherwise it has failed."""
        whole = (self.rows, self.bytes, self.digest) == (message.rows, message.bytes, message.hash)
        self.truncated = message.truncated
        self._settle(None if whole and self._columns.done() else _ILL_FORMED)
        return whole

    async def fail(self, failure: Failed) -> None:
        """It ended early."""
        self._settle(failure)

    def lose(self) -> None:
        """Its session is gone."""
        self._settle(_LOST)

    def not_taken(self) -> None:
        """It did not reach the agent as it was sent."""
        self._settle(_GARBLED)

    async def drop(self) -> None:
        """Forget what nobody will read."""
        self._settle(Failed(code="cancelled", message="The export was stopped."))
        while not self._bodies.empty():
            self._bodies.get_nowait()

    def _settle(self, failure: Failed | None) -> None:
        if not self.done.done():
            self.done.set_result(failure)
            self._bodies.put_nowait(None)


_LOST = Failed(
    code="agent_lost",
    message="The agent went away in the middle of the export.",
    hint="Export again when it is back; an export starts over.",
    retryable=True,
)
_GARBLED = Failed(
    code="protocol",
    message="The statement did not reach the agent as it was sent; nothing was run.",
    hint="Export again; if it stays, see what stands between backend and agent.",
    retryable=True,
)
_ILL_FORMED = Failed(
    code="protocol",
    message="The export did not arrive whole: rows, bytes or hash differ from what was sent.",
    hint="Export again; if it stays, update the agent.",
    retryable=True,
)
