"""The statements in hand: each runs at most once, and its result survives a short loss of the socket.

A statement writes its frames into an *outbox*; whichever session is attached delivers them. Frames are kept
until the backend has confirmed the whole result, as far as ``KEEP_BYTES`` allow, so that the next session can
be given them from the first one on. An agent may have several sessions, each a door of its own; a statement
leaves by the one that asked for it. When the socket is lost a statement goes on for ``DETACHED_SECONDS``.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from agent.execution import Completed, Planned, Request, Sandbox
from agent.outbox import Keep, Send
from agent.past import Past
from agent.statement import Door, Key, Statement
from agent.stop import StopReason
from wire.frames import KIND_CSV, KIND_JSON_ROWS, KIND_TEXT, BodyKind
from wire.messages import (
    Accepted,
    Cancelled,
    End,
    Execute,
    Explain,
    Export,
    InFlight,
    Plan,
    StatementFailed,
    StatementRef,
)
from wire.outcome import Failed

_Message = TypeVar("_Message", bound=StatementRef)

_log = logging.getLogger("agent.statements")

DETACHED_SECONDS = 15.0
"""How long a statement goes on, and a finished result is kept, without a session."""
UNCONFIRMED_SECONDS = 60.0
"""How long a delivered result is kept for a confirmation that does not come."""


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
        self._past = Past()
        self._tasks: set[asyncio.Task[None]] = set()
        self._runs: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """Statements that have not finished."""
        return sum(not statement.outbox.finished for statement in self._open.values())

    def in_flight(self) -> list[InFlight]:
        """What waits for a session that asks for it, for ``hello``; another session's are its own."""
        return [
            InFlight(**statement.ref, state="finished" if statement.outbox.finished else "running")
            for statement in self._open.values()
            if statement.outbox.resumable and statement.door is None
        ]

    # --- the session's side --------------------------------------------------------------------------------

    def attach(self, send: Send) -> Door:
        """A session is there; what was in flight waits until one asks for it again."""
        return Door(send)

    def detach(self, door: Door) -> None:
        """The session is gone: its statements go on for a while, for a session that may ask for them."""
        door.open = False
        for statement in list(self._open.values()):
            if statement.door is not door:
                continue
            statement.door = None
            if statement.delivery is not None:
                statement.delivery.cancel()
                statement.delivery = None
            if statement.kind != KIND_JSON_ROWS and not statement.outbox.finished:
                statement.stop.throw("detached")
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

    def execute(self, message: Execute, door: Door) -> str | None:
        """Run a statement, or deliver what a lost session was owed, here; why not, as text, or None.

        A reason is given for a duplicate on a live session; an execution that is over is answered by what
        ended it.
        """
        known = self._open.get((message.statement_id, message.attempt))
        if known is not None and known.door is None and known.outbox.resumable:
            self._deliver(known, message.credit_bytes, door)
            return None
        return self._begin(message, KIND_JSON_ROWS, self._run, message.credit_bytes, door)

    def export(self, message: Export, door: Door) -> str | None:
        """Run a statement for a file; as ``execute``, but what is over cannot be told again."""
        kind = KIND_CSV if message.format == "csv" else KIND_TEXT
        return self._begin(message, kind, self._run, message.credit_bytes, door)

    def explain(self, message: Explain, door: Door) -> str | None:
        """Plan a statement; as ``execute``."""
        return self._begin(message, KIND_JSON_ROWS, self._plan, 1, door)

    def _begin(
        self,
        message: _Message,
        kind: BodyKind,
        work: Callable[[Statement, _Message], Coroutine[Any, Any, None]],
        credit: int,
        door: Door,
    ) -> str | None:
        key = (message.statement_id, message.attempt)
        if key in self._open:
            return "This execution is under way already; it runs at most once."
        if key in self._past:
            self._send_soon(self._past.answer(message), door)
            return None
        statement = self._open[key] = Statement(message, self._keep, kind)
        self._runs.add(task := self._spawn(self._safely(statement, work(statement, message))))
        task.add_done_callback(self._runs.discard)
        self._deliver(statement, credit, door)
        return None

    def cancel(self, ref: StatementRef, door: Door) -> None:
        """Stop a statement; it is answered by ``cancelled`` as soon as the database has let go of it."""
        statement = self._open.get((ref.statement_id, ref.attempt))
        if statement is None or statement.outbox.delivered:
            gone = Cancelled(statement_id=ref.statement_id, attempt=ref.attempt)
            self._send_soon(gone.model_dump_json(), door)
            return
        if statement.door is None:
            self._deliver(statement, 1, door)
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
        for door in {one.door for one in self._open.values() if one.door is not None}:
            self.detach(door)
        for statement in self._open.values():
            if statement.expiry is not None:
                statement.expiry.cancel()
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- inside --------------------------------------------------------------------------------------------

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

    async def _run(self, statement: Statement, message: Execute | Export) -> None:
        sandbox = self._sandbox()
        await statement.outbox.put(Accepted(**statement.ref, queued=self.running - 1).model_dump_json())
        request = Request(
            sql=message.sql,
            run_id=message.run_id,
            timeout_seconds=message.timeout_seconds,
            max_rows=message.max_rows,
            max_bytes=message.max_bytes,
            more_than=message.more_than if isinstance(message, Export) else 0,
        )
        if isinstance(message, Export):
            outcome = await sandbox.export(request, message.format, statement, statement.stop)
        else:
            outcome = await sandbox.execute(request, statement, statement.stop)
        if isinstance(outcome, Completed):
            end = End(
                **statement.ref,
                rows=outcome.rows,
                bytes=outcome.bytes,
                hash=outcome.digest,
                truncated=outcome.truncated,
                elapsed_ms=outcome.elapsed_ms,
                policy_digest=outcome.policy_digest,
                withheld=outcome.withheld,
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

    def _deliver(self, statement: Statement, credit: int, door: Door) -> None:
        if not door.open:
            return
        statement.door, send = door, door.send
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
        self._past.add(statement.key, answer)

    def _send_soon(self, frame: str, door: Door) -> None:
        async def go() -> None:
            with contextlib.suppress(OSError, ConnectionError):
                await door.send(frame)

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
