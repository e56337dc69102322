"""The statements in hand: each runs at most once, and its result survives a short loss of the socket.

A statement writes its frames into an *outbox*; whichever session is attached delivers them. Frames are kept
until the backend has confirmed the whole result, as far as ``KEEP_BYTES`` allow, so that the next session can
be given them from the first one on. When the socket is lost a statement goes on for ``DETACHED_SECONDS``.
"""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from agent.execution import Completed, Planned, Request, Sandbox
from agent.stop import Stop, StopReason
from wire.frames import RowsFrame
from wire.messages import (
    Accepted,
    Cancelled,
    Columns,
    End,
    Execute,
    Explain,
    InFlight,
    Plan,
    StatementFailed,
    StatementRef,
)
from wire.outcome import Failed, ResultColumn

_log = logging.getLogger("agent.statements")

KEEP_BYTES = 8 * 1024 * 1024
"""Delivered but unconfirmed frames of all statements together, kept for a session to come."""
UNSENT_BYTES = 256 * 1024
"""Frames of one statement that may wait for the socket or for credit before its reading pauses."""
DETACHED_SECONDS = 15.0
"""How long a statement goes on, and a finished result is kept, without a session."""
UNCONFIRMED_SECONDS = 60.0
"""How long a delivered result is kept for a confirmation that does not come."""
REMEMBERED = 10_000
"""Executions that are over and remembered, so that none of them runs a second time."""

Key = tuple[str, int]
Send = Callable[[str | bytes], Awaitable[None]]


@dataclass(slots=True)
class _Frame:
    data: str | bytes
    credit: int
    """Bytes of credit that it takes; 0 for control frames."""
    terminal: bool = False

    @property
    def size(self) -> int:
        return len(self.data)


class Outbox:
    """One statement's frames, in order, with what has been delivered of them.

    ``put`` waits while too much is undelivered. ``deliver`` runs once a session.
    """

    def __init__(self, keep: "Keep") -> None:
        self._keep = keep
        self._frames: list[_Frame] = []
        self._sent = 0
        self._unsent_bytes = 0
        self._kept_bytes = 0
        self._credit = 0
        self._attached = False
        self._sending = False
        self._changed = asyncio.Condition()
        self.resumable = True
        """Whether every frame since the first is still here."""
        self.finished = False
        self.delivered = False
        """Whether the terminal frame has gone out on the session that is attached."""

    async def put(self, data: str | bytes, credit: int = 0) -> None:
        """Add a frame; waits while the reader is behind."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: self._unsent_bytes < (UNSENT_BYTES if self._attached else KEEP_BYTES // 4)
            )
            self._add(_Frame(data, credit))
            self._changed.notify_all()

    async def finish(self, data: str, *, drop_unsent: bool = False) -> None:
        """Add the terminal frame. ``drop_unsent`` discards rows that have not gone out: nobody wants them."""
        async with self._changed:
            if drop_unsent:
                first = self._sent + (1 if self._sending else 0)
                dropped = self._frames[first:]
                del self._frames[first:]
                for frame in dropped:
                    self._unsent_bytes -= frame.size
                    self._kept_bytes -= frame.size
                    self._keep.release(frame.size)
            self._add(_Frame(data, 0, terminal=True))
            self.finished = True
            self._changed.notify_all()

    def _add(self, frame: _Frame) -> None:
        self._frames.append(frame)
        self._unsent_bytes += frame.size
        self._kept_bytes += frame.size
        if not self._keep.take(frame.size):
            self._forget_sent()

    def _forget_sent(self) -> None:
        gone = self._frames[: self._sent]
        if not gone:
            return
        self.resumable = False
        del self._frames[: self._sent]
        self._sent = 0
        for frame in gone:
            self._kept_bytes -= frame.size
            self._keep.release(frame.size)

    async def add_credit(self, amount: int) -> None:
        """Allow that many more bytes of rows."""
        async with self._changed:
            self._credit += amount
            self._changed.notify_all()

    async def deliver(self, send: Send, credit: int) -> None:
        """Send every frame from the first on, as credit allows, until the terminal one has gone out.

        Cancelled when the session ends; a later session calls it again.
        """
        async with self._changed:
            for frame in self._frames[: self._sent]:
                self._unsent_bytes += frame.size
            self._sent, self._credit, self._attached, self.delivered = 0, credit, True, False
            self._changed.notify_all()
        try:
            while not self.delivered:
                async with self._changed:
                    await self._changed.wait_for(self._may_send)
                    frame = self._frames[self._sent]
                    self._sending = True
                await send(frame.data)
                async with self._changed:
                    self._sending = False
                    self._sent += 1
                    self._unsent_bytes -= frame.size
                    self._credit -= frame.credit
                    self.delivered = frame.terminal
                    if self._keep.over or not self.resumable:
                        self._forget_sent()
                    self._changed.notify_all()
        finally:
            self._attached = self._sending = False

    def _may_send(self) -> bool:
        if self._sent >= len(self._frames):
            return False
        frame = self._frames[self._sent]
        # A body may exceed what is left: else one wider than the window would wait for ever.
        return frame.credit == 0 or self._credit > 0

    def clear(self) -> None:
        """Let go of every frame."""
        self._keep.release(self._kept_bytes)
        self._kept_bytes = 0
        self._frames.clear()
        self._sent = 0


class Keep:
    """The budget of kept frames, shared by all outboxes."""

    def __init__(self, limit: int = KEEP_BYTES) -> None:
        self._limit = limit
        self._used = 0

    @property
    def over(self) -> bool:
        """Whether more is kept than the budget."""
        return self._used > self._limit

    @property
    def used(self) -> int:
        """Bytes kept now."""
        return self._used

    def take(self, size: int) -> bool:
        """Count ``size`` bytes in; False when that exceeds the budget."""
        self._used += size
        return not self.over

    def release(self, size: int) -> None:
        """Count ``size`` bytes out."""
        self._used -= size


class Statement:
    """One execution in hand, and the sink of its rows."""

    def __init__(self, ref: StatementRef, keep: Keep) -> None:
        self.key: Key = (ref.statement_id, ref.attempt)
        self.ref = {"statement_id": ref.statement_id, "attempt": ref.attempt}
        self.stop = Stop()
        self.outbox = Outbox(keep)
        self.cancelled_at: float | None = None
        self.delivery: asyncio.Task[None] | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.parting: str | None = None
        """The terminal frame, when nothing confirms it: the statement is forgotten once it is out."""
        self._sequence = 0

    async def columns(self, columns: list[ResultColumn]) -> None:
        await self.outbox.put(Columns(**self.ref, columns=columns).model_dump_json())

    async def rows(self, body: bytes, row_count: int) -> None:
        frame = RowsFrame(self.key[0], self.key[1], self._sequence, row_count, body)
        self._sequence += 1
        await self.outbox.put(frame.encode(), credit=len(body))


class Statements:
    """Every statement that this process has in hand or has had.

    Args:
        sandbox: gives the sandbox of the policy that holds now.
        detached_seconds: how long statements outlive their session.
    """

    def __init__(self, sandbox: Callable[[], Sandbox], *, detached_seconds: float = DETACHED_SECONDS) -> None:
        self._sandbox = sandbox
        self._detached_seconds = detached_seconds
        self._keep = Keep()
        self._open: dict[Key, Statement] = {}
        self._over: OrderedDict[Key, str | None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runs: set[asyncio.Task[None]] = set()
        self._send: Send | None = None
        self._offered: set[Key] = set()

    @property
    def running(self) -> int:
        """Statements that have not finished."""
        return sum(not statement.outbox.finished for statement in self._open.values())

    def in_flight(self) -> list[InFlight]:
        """What can still be given to a session, for ``hello``."""
        return [
            InFlight(**statement.ref, state="finished" if statement.outbox.finished else "running")
            for statement in self._open.values()
            if statement.outbox.resumable
        ]

    # --- the session's side --------------------------------------------------------------------------------

    def attach(self, send: Send) -> None:
        """A session is there: frames go to ``send``. What was in flight waits until it is asked for again."""
        self._send = send
        self._offered = {statement.key for statement in self._open.values() if statement.outbox.resumable}

    def detach(self) -> None:
        """The session is gone: statements go on for a while, for a session that may come."""
        self._send = None
        for statement in list(self._open.values()):
            if statement.delivery is not None:
                statement.delivery.cancel()
                statement.delivery = None
            self._expire_in(statement, self._detached_seconds)

    def _expire_in(self, statement: Statement, seconds: float) -> None:
        if statement.expiry is not None:
            statement.expiry.cancel()
        statement.expiry = asyncio.get_running_loop().call_later(seconds, self._expire, statement)

    def _expire(self, statement: Statement) -> None:
        if statement.outbox.finished:
            self._forget(statement, statement.parting)
        else:
            statement.stop.throw("detached")

    # --- messages ------------------------------------------------------------------------------------------

    def execute(self, message: Execute) -> str | None:
        """Run a statement, or deliver again what a lost session was owed; why not, as text, or None.

        A reason is given for a duplicate on a live session; an execution that is over is answered by what
        ended it.
        """
        key = (message.statement_id, message.attempt)
        known = self._open.get(key)
        if known is not None:
            if known.key not in self._offered or not known.outbox.resumable:
                return "This execution is under way already; it runs at most once."
            self._offered.discard(key)
            self._deliver(known, message.credit_bytes)
            return None
        if key in self._over:
            self._answer_again(message, self._over[key])
            return None
        statement = self._take_in(message)
        self._runs.add(task := self._spawn(self._safely(statement, self._run(statement, message))))
        task.add_done_callback(self._runs.discard)
        self._deliver(statement, message.credit_bytes)
        return None

    def explain(self, message: Explain) -> str | None:
        """Plan a statement; as ``execute``."""
        if (message.statement_id, message.attempt) in self._open:
            return "This execution is under way already; it runs at most once."
        statement = self._take_in(message)
        self._runs.add(task := self._spawn(self._safely(statement, self._plan(statement, message))))
        task.add_done_callback(self._runs.discard)
        self._deliver(statement, 1)
        return None

    def cancel(self, ref: StatementRef) -> None:
        """Stop a statement; it is answered by ``cancelled`` as soon as the database has let go of it."""
        statement = self._open.get((ref.statement_id, ref.attempt))
        if statement is None or statement.outbox.delivered:
            self._send_soon(Cancelled(statement_id=ref.statement_id, attempt=ref.attempt).model_dump_json())
            return
        if statement.delivery is None:
            self._offered.discard(statement.key)
            self._deliver(statement, 1)
        if statement.cancelled_at is None:
            statement.cancelled_at = time.monotonic()
            if statement.outbox.finished:
                # The result was read already but not fetched by the backend: nothing is left to stop.
                self._spawn(self._cancel_finished(statement))
            else:
                statement.stop.throw("cancelled")

    def credit(self, ref: StatementRef, amount: int) -> None:
        """Allow more bytes of a statement's rows."""
        statement = self._open.get((ref.statement_id, ref.attempt))
        if statement is not None:
            self._spawn(statement.outbox.add_credit(amount))

    def end_ack(self, ref: StatementRef) -> None:
        """The backend has the whole result: forget it."""
        statement = self._open.get((ref.statement_id, ref.attempt))
        if statement is not None and statement.outbox.finished:
            self._forget(statement, None)

    async def drained(self, seconds: float) -> None:
        """Wait until no statement runs, for at most so many seconds."""
        if self._runs:
            await asyncio.wait(self._runs, timeout=max(seconds, 0.0))

    def stop_all(self, reason: StopReason) -> None:
        """Ask every running statement to end."""
        for statement in self._open.values():
            statement.stop.throw(reason)

    async def close(self) -> None:
        """Stop everything and wait until the database has let go of it."""
        self.stop_all("shutdown")
        self.detach()
        for statement in self._open.values():
            if statement.expiry is not None:
                statement.expiry.cancel()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- inside --------------------------------------------------------------------------------------------

    def _take_in(self, ref: StatementRef) -> Statement:
        statement = Statement(ref, self._keep)
        self._open[statement.key] = statement
        return statement

    async def _safely(self, statement: Statement, work: Coroutine[Any, Any, None]) -> None:
        """Whatever goes wrong in the agent itself, the statement gets an ending."""
        try:
            await work
        except Exception:
            _log.exception("statement failed inside the agent", extra={"statement": statement.key[0]})
            failure = Failed(
                code="internal",
                message="The agent failed while it ran the statement.",
                hint="Ask again; the agent's log says more.",
                retryable=True,
            )
            if not statement.outbox.finished:
                await self._fail(statement, failure)

    async def _run(self, statement: Statement, message: Execute) -> None:
        sandbox = self._sandbox()
        await statement.outbox.put(Accepted(**statement.ref, queued=self.running - 1).model_dump_json())
        outcome = await sandbox.execute(
            Request(
                sql=message.sql,
                run_id=message.run_id,
                timeout_seconds=message.timeout_seconds,
                max_rows=message.max_rows,
                max_bytes=message.max_bytes,
            ),
            statement,
            statement.stop,
        )
        if isinstance(outcome, Completed):
            end = End(
                **statement.ref,
                rows=outcome.rows,
                bytes=outcome.bytes,
                hash=outcome.digest,
                truncated=outcome.truncated,
                elapsed_ms=outcome.elapsed_ms,
                policy_digest=outcome.policy_digest,
            )
            await self._end(statement, end.model_dump_json(), acknowledged=True)
        else:
            await self._fail(statement, outcome)

    async def _plan(self, statement: Statement, message: Explain) -> None:
        outcome = await self._sandbox().explain(message.sql, statement.stop)
        if isinstance(outcome, Planned):
            plan = Plan(**statement.ref, cost=outcome.cost, rows=outcome.rows, text=outcome.text)
            await self._end(statement, plan.model_dump_json())
        else:
            await self._fail(statement, outcome)

    async def _fail(self, statement: Statement, failure: Failed) -> None:
        if statement.cancelled_at is not None:
            await self._end(statement, self._cancelled(statement), drop_unsent=True)
            return
        frame = StatementFailed(**statement.ref, failure=failure).model_dump_json()
        await self._end(statement, frame, drop_unsent=True)

    def _cancelled(self, statement: Statement) -> str:
        assert statement.cancelled_at is not None
        elapsed = round((time.monotonic() - statement.cancelled_at) * 1000, 3)
        return Cancelled(**statement.ref, elapsed_ms=elapsed).model_dump_json()

    async def _cancel_finished(self, statement: Statement) -> None:
        await self._end(statement, self._cancelled(statement), drop_unsent=True)

    async def _end(
        self, statement: Statement, frame: str, *, acknowledged: bool = False, drop_unsent: bool = False
    ) -> None:
        """Add the terminal frame; with an acknowledgement to wait for, the statement stays until then."""
        if acknowledged and statement.cancelled_at is not None:
            frame, acknowledged, drop_unsent = self._cancelled(statement), False, True
        statement.parting = None if acknowledged else frame
        await statement.outbox.finish(frame, drop_unsent=drop_unsent)
        if statement.delivery is None and statement.key in self._open:
            # Nobody is there to take it, and nobody may ever come.
            self._expire_in(statement, self._detached_seconds)

    def _deliver(self, statement: Statement, credit: int) -> None:
        send = self._send
        if send is None:
            return
        if statement.expiry is not None:
            statement.expiry.cancel()
            statement.expiry = None

        async def deliver() -> None:
            # A socket that is lost ends the session, which detaches every statement.
            with contextlib.suppress(OSError, ConnectionError):
                await statement.outbox.deliver(send, credit)
                if statement.parting is not None:
                    self._forget(statement, statement.parting)
                else:
                    self._expire_in(statement, UNCONFIRMED_SECONDS)

        statement.delivery = asyncio.create_task(deliver())

    def _forget(self, statement: Statement, answer: str | None) -> None:
        self._open.pop(statement.key, None)
        if statement.expiry is not None:
            statement.expiry.cancel()
        if statement.delivery is not None and statement.delivery is not asyncio.current_task():
            statement.delivery.cancel()
        statement.outbox.clear()
        self._over[statement.key] = answer
        while len(self._over) > REMEMBERED:
            self._over.popitem(last=False)

    def _answer_again(self, ref: StatementRef, answer: str | None) -> None:
        if answer is None:
            failure = Failed(
                code="protocol",
                message="This execution is over and its result is no longer kept.",
                hint="Run it as a new attempt.",
                retryable=True,
            )
            answer = StatementFailed(
                statement_id=ref.statement_id, attempt=ref.attempt, failure=failure
            ).model_dump_json()
        self._send_soon(answer)

    def _send_soon(self, frame: str) -> None:
        send = self._send
        if send is None:
            return

        async def go() -> None:
            with contextlib.suppress(OSError, ConnectionError):
                await send(frame)

        self._spawn(go())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("statement task failed", exc_info=task.exception())
