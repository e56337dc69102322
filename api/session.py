"""One agent's attached socket: what arrives is dealt to the statements and requests that wait for it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog

from api.metrics import Metrics
from api.statement import SessionLost, Statement
from api.store.records import AgentFacts, AgentRecord
from wire.errors import WireError
from wire.frames import decode_frame
from wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    Columns,
    Credit,
    Delta,
    End,
    EndAck,
    ErrorMessage,
    FromBackend,
    Hello,
    InFlight,
    Introspect,
    Plan,
    Snapshot,
    StatementFailed,
    Unchanged,
    parse_from_agent,
)
from wire.outcome import Failed, Outcome

INTROSPECT_SECONDS = 60.0
CANCEL_SECONDS = 2.0
"""How long a stop waits for the database's confirmation before it is told without one."""
MAX_BAD_FRAMES = 10
"""After so many the peer is not worth listening to."""

Introspected = Snapshot | Delta | Unchanged

_log = structlog.get_logger("api.session")


class AgentError(Exception):
    """The agent answered a request with ``error``. Internal: becomes an ``AgentTrouble``."""


class AgentSession:
    """A session from ``welcome`` on. All methods run on the event loop."""

    def __init__(
        self,
        agent: AgentRecord,
        hello: Hello,
        epoch: int,
        metrics: Metrics,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int, str], Awaitable[None]],
    ) -> None:
        self.agent_id = agent.agent_id
        self.connection_id = agent.connection_id
        self.epoch = epoch
        self.instance = hello.instance
        self.since = datetime.now(UTC)
        self.last_heard = self.since
        self.lost = False
        self.draining = False
        self._metrics = metrics
        self._send = send
        self._close = close
        self._statements: dict[str, Statement] = {}
        self._cancelled: dict[str, asyncio.Future[None]] = {}
        self._requests: dict[str, asyncio.Future[Introspected]] = {}
        self._bad_frames = 0
        self.told(hello)

    def told(self, hello: Hello) -> None:
        """Take over what a hello says; an agent whose policy changed says it again."""
        self.facts = facts_of(hello)
        self.fingerprint = hello.fingerprint
        self.in_flight: dict[str, InFlight] = {item.statement_id: item for item in hello.in_flight}

    async def execute(self, statement: Statement) -> Outcome:
        """Run a statement to its outcome.

        Raises:
            SessionLost: the socket went away first.
        """
        held = self.in_flight.pop(statement.statement_id, None)
        message = statement.begin(again=held is not None and held.attempt == statement.attempt)
        self._statements[statement.statement_id] = statement
        try:
            await self.tell(message)
            return await asyncio.shield(statement.done)
        finally:
            if statement.done.done():
                self._statements.pop(statement.statement_id, None)

    async def stop(self, statement: Statement) -> float | None:
        """Stop a statement in the database; milliseconds until it confirmed, None when it did not in time."""
        started = monotonic()
        confirmed = self._cancelled.setdefault(
            statement.statement_id, asyncio.get_running_loop().create_future()
        )
        try:
            await self.tell(Cancel(statement_id=statement.statement_id, attempt=statement.attempt))
            either: set[asyncio.Future[Any]] = {confirmed, statement.done}
            await asyncio.wait(either, timeout=CANCEL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            over = confirmed.done() or _ended(statement)
            return (monotonic() - started) * 1000 if over else None
        except SessionLost:
            return None
        finally:
            self._cancelled.pop(statement.statement_id, None)
            self._statements.pop(statement.statement_id, None)
            await statement.drop()

    async def introspect(self, known: str | None) -> Introspected:
        """Ask for the snapshot.

        Raises:
            SessionLost: the socket went away first.
            AgentError: the agent could not do it.
            TimeoutError: it took longer than ``INTROSPECT_SECONDS``.
        """
        request_id = uuid4().hex
        answer: asyncio.Future[Introspected] = asyncio.get_running_loop().create_future()
        self._requests[request_id] = answer
        try:
            await self.tell(Introspect(request_id=request_id, known=known))
            return await asyncio.wait_for(answer, INTROSPECT_SECONDS)
        finally:
            self._requests.pop(request_id, None)

    async def tell(self, message: FromBackend) -> None:
        """Send a control frame. Raises ``SessionLost``."""
        if self.lost:
            raise SessionLost
        try:
            await self._send(message.model_dump_json())
        except Exception as error:  # whatever the server's socket raises, it means that nobody listens
            self.end()
            raise SessionLost from error

    async def close(self, code: int, reason: str) -> None:
        """Close the socket and give up what waits for it."""
        self.end()
        await self._close(code, reason)

    def end(self) -> None:
        """The socket is gone."""
        self.lost = True
        for statement in list(self._statements.values()):
            statement.lose()
        for request in list(self._requests.values()):
            if not request.done():
                request.set_exception(SessionLost())
        self._statements.clear()

    async def hear(self, text: str | None, data: bytes | None) -> Hello | None:
        """Deal out one frame; a further hello is returned, since it concerns the gateway.

        Raises:
            WireError: there were too many frames that could not be taken.
        """
        self.last_heard = datetime.now(UTC)
        try:
            if text is None:
                await self._hear_rows(data or b"")
                return None
            return await self._hear_message(text)
        except WireError as error:
            self._metrics.wire_errors.labels(error.code).inc()
            self._bad_frames += 1
            await self.tell(ErrorMessage(code=error.code, message=str(error), hint=error.hint))
            if self._bad_frames >= MAX_BAD_FRAMES:
                raise
            return None

    async def _hear_rows(self, data: bytes) -> None:
        frame = decode_frame(data)
        statement = self._current(frame.statement_id, frame.attempt)
        if statement is None:
            return  # it was given up meanwhile; what was under way may still arrive
        try:
            credit = await statement.take_rows(frame)
        except WireError as error:
            await statement.fail(_broken(error))
            await self.tell(Cancel(statement_id=frame.statement_id, attempt=frame.attempt))
            raise
        if credit:
            await self.tell(Credit(statement_id=frame.statement_id, attempt=frame.attempt, bytes=credit))

    async def _hear_message(self, text: str) -> Hello | None:
        match parse_from_agent(text):
            case Hello() as hello:
                self.told(hello)
                return hello
            case Snapshot() | Delta() | Unchanged() as answer:
                request = self._requests.get(answer.request_id)
                if request is not None and not request.done():
                    request.set_result(answer)
            case Accepted() as message:
                if statement := self._current(message.statement_id, message.attempt):
                    statement.accepted = True
            case Columns() as message:
                if statement := self._current(message.statement_id, message.attempt):
                    statement.take_columns(message)
            case End() as message:
                statement = self._current(message.statement_id, message.attempt)
                # Acknowledged even when nobody waits any more: the agent shall not keep it.
                if statement is None or await statement.take_end(message):
                    await self.tell(EndAck(statement_id=message.statement_id, attempt=message.attempt))
            case StatementFailed() as message:
                if statement := self._current(message.statement_id, message.attempt):
                    await statement.fail(message.failure)
            case Cancelled() as message:
                await self._confirm(message)
            case ErrorMessage() as message:
                await self._hear_error(message)
            case Plan():
                pass  # nothing here asks for plans yet
        return None

    async def _confirm(self, message: Cancelled) -> None:
        confirmed = self._cancelled.get(message.statement_id)
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)
        if statement := self._current(message.statement_id, message.attempt):
            await statement.fail(Failed(code="cancelled", message="The statement was stopped."))

    async def _hear_error(self, message: ErrorMessage) -> None:
        _log.warning("the agent reports an error", agent=self.agent_id, code=message.code)
        about = message.about or ""
        request = self._requests.get(about)
        if request is not None and not request.done():
            request.set_exception(AgentError(message.message))
        if statement := self._statements.get(about):
            await statement.fail(Failed(code="protocol", message=message.message, hint=message.hint))

    def _current(self, statement_id: str, attempt: int) -> Statement | None:
        statement = self._statements.get(statement_id)
        return statement if statement is not None and statement.attempt == attempt else None


def facts_of(hello: Hello) -> AgentFacts:
    """What a hello says of the agent itself."""
    return AgentFacts(
        version=hello.agent_version,
        database=hello.database,
        server_version=hello.server_version,
        policy_name=hello.policy_name,
        policy_digest=hello.policy_digest,
        limits=hello.limits,
        share=hello.share,
    )


def _ended(statement: Statement) -> bool:
    return statement.done.done() and not statement.done.cancelled() and statement.done.exception() is None


def _broken(error: WireError) -> Failed:
    return Failed(
        code="protocol",
        message=f"The agent's answer could not be read: {error}",
        hint="Ask again; if it stays, update the agent.",
        retryable=True,
    )
