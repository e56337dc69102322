"""One statement on its way: from ``execute`` over frames to ``Rows`` or ``Failed``.

Nothing here knows a socket; a session feeds it what arrives. A result counts only when its rows, bytes and
hash are those that ``end`` states.
"""

import asyncio
import hashlib
from typing import Any, Protocol
from uuid import uuid4

from api.cells import cells, converters
from api.results import Results, Spool
from wire.errors import MalformedFrame
from wire.frames import RowsFrame
from wire.messages import Columns, End, Execute, digest_of
from wire.outcome import PREVIEW_ROWS, Cell, Failed, Outcome, ResultColumn, Rows

CREDIT_BYTES = 1024 * 1024
_CREDIT_STEP = CREDIT_BYTES // 4
"""Credit is given back in steps, and so none for a small result: each message is work at both ends, and the
agent waits only when it has used up all that it had."""


class InHand(Protocol):
    """A statement as its session sees it: what arrives for it is dealt out to it."""

    statement_id: str
    attempt: int
    accepted: bool
    done: "asyncio.Future[Any]"

    def take_columns(self, message: Columns) -> None: ...
    async def take_rows(self, frame: RowsFrame) -> int: ...
    async def take_end(self, message: End) -> bool: ...
    async def fail(self, failure: Failed) -> None: ...
    def lose(self) -> None: ...
    def not_taken(self) -> None: ...
    async def drop(self) -> None: ...


class SessionLost(Exception):
    """The socket went away before the statement was over. Internal: it becomes a ``Failed``."""


class NotTaken(SessionLost):
    """The agent says that the statement did not reach it as it was sent, and runs nothing. Internal."""


class Statement:
    """One statement, over as many sessions as it takes."""

    def __init__(
        self,
        sql: str,
        run_id: str,
        results: Results,
        *,
        seconds: float,
        max_rows: int,
        max_bytes: int,
        statement_id: str | None = None,
        attempt: int = 0,
    ) -> None:
        self.statement_id = statement_id or uuid4().hex
        self.attempt = attempt
        """The last that was sent, here or by the replica that asks for it here."""
        self.sent = False
        """Whether an agent may have it in hand."""
        self.accepted = False
        self._sql = sql
        self._run_id = run_id
        self._results = results
        self._seconds = seconds
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._spool: Spool | None = None
        self._columns: list[ResultColumn] | None = None
        self._preview: list[list[Cell]] = []
        self._owed = 0
        self._reset()

    @property
    def sql(self) -> str:
        """What it runs."""
        return self._sql

    @property
    def run_id(self) -> str:
        """The run that it belongs to."""
        return self._run_id

    def begin(self, *, again: bool) -> Execute:
        """The message that starts it; ``again`` asks an agent that still has it to tell it once more."""
        if not again or self.attempt == 0:
            self.attempt += 1
        self.sent = True
        self.done = asyncio.get_running_loop().create_future()
        self._reset()
        return Execute(
            statement_id=self.statement_id,
            attempt=self.attempt,
            sql=self._sql,
            sql_digest=digest_of(self._sql),
            run_id=self._run_id,
            timeout_seconds=self._seconds,
            max_rows=self._max_rows,
            max_bytes=self._max_bytes,
            credit_bytes=CREDIT_BYTES,
        )

    def take_columns(self, message: Columns) -> None:
        """The result's columns have come."""
        self._columns = list(message.columns)
        self._how = converters(self._columns)

    async def take_rows(self, frame: RowsFrame) -> int:
        """A batch has come; returns the bytes of credit to give back.

        Raises:
            MalformedFrame: it is out of order, before its columns, not what its header says, or more than
                was asked for.
        """
        if self._columns is None:
            raise MalformedFrame("Rows came before their columns.")
        if frame.sequence != self._sequence:
            raise MalformedFrame(f"Batch {frame.sequence} came where {self._sequence} was due.")
        if not frame.body:
            raise MalformedFrame("An empty batch came.")
        self._sequence += 1
        self._rows += frame.row_count
        self._bytes += len(frame.body)
        if self._bytes > self._max_bytes + CREDIT_BYTES or self._rows > self._max_rows:
            raise MalformedFrame("The result is larger than what was asked for.")
        self._hash.update(frame.body)
        if len(self._preview) < PREVIEW_ROWS:
            self._look_at(frame)
        if self._spool is None:
            self._spool = self._results.spool()
        await self._spool.add(frame.body)
        self._owed += len(frame.body)
        owed = self._owed if self._owed >= _CREDIT_STEP else 0
        self._owed -= owed
        return owed

    async def take_end(self, message: End) -> bool:
        """The result is over. True when it is whole; otherwise it has failed."""
        found = (self._rows, self._bytes, self._hash.hexdigest())
        if self._columns is None or found != (message.rows, message.bytes, message.hash):
            await self.fail(
                Failed(
                    code="protocol",
                    message="The result did not arrive whole: rows, bytes or hash differ from what was sent.",
                    hint="Ask again; if it stays, update the agent.",
                    retryable=True,
                )
            )
            return False
        reference = None
        if self._spool is None:
            self._spool = self._results.spool()
        reference = await self._spool.keep()
        self._spool = None
        self._settle(
            Rows(
                columns=self._columns,
                preview=[list(row) for row in self._preview],
                row_count=self._rows if message.withheld is None else message.withheld,
                withheld=message.withheld is not None,
                truncated=message.truncated,
                size_bytes=self._bytes,
                digest=message.hash,
                elapsed_ms=message.elapsed_ms,
                policy_digest=message.policy_digest,
                result_ref=reference if message.withheld is None else None,
            )
        )
        return True

    async def fail(self, failure: Failed) -> None:
        """It gave no rows."""
        self._settle(failure)
        await self.drop()

    def lose(self) -> None:
        """Its session is gone."""
        self._give_up(SessionLost())

    def not_taken(self) -> None:
        """It has to be sent again."""
        self._give_up(NotTaken())

    def _give_up(self, why: SessionLost) -> None:
        if not self.done.done():
            self.done.set_exception(why)
            # Whoever waited may have been cancelled: an exception nobody fetches is not news.
            self.done.exception()

    async def drop(self) -> None:
        """Forget rows that will not be used."""
        spool, self._spool = self._spool, None
        if spool is not None:
            await spool.drop()

    def _settle(self, outcome: Outcome) -> None:
        if not self.done.done():
            self.done.set_result(outcome)

    def _reset(self) -> None:
        self._columns = None
        self._how = converters(())
        self._preview = []
        self._rows = 0
        self._bytes = 0
        self._owed = 0
        self._sequence = 0
        self._hash = hashlib.sha256()
        self.accepted = False

    def _look_at(self, frame: RowsFrame) -> None:
        for row in frame.rows()[: PREVIEW_ROWS - len(self._preview)]:
            if len(row) != len(self._how):
                raise MalformedFrame("A row has another number of cells than there are columns.")
            if not all(cell is None or isinstance(cell, str) for cell in row):
                raise MalformedFrame("A cell of a row is neither text nor null.")
            self._preview.append(cells(row, self._how))
