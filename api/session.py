"""One agent's attached socket: what arrives is dealt to the statements and requests that wait for it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from api.metrics import Metrics
from api.statement import InHand, SessionLost, Statement
from api.store.records import AgentFacts, AgentRecord
from wire.errors import MalformedFrame, WireError
from wire.frames import decode_frame
from wire.messages import (
    Accepted,
    Cancel,
    Cancelled,
    Cases,
    Columns,
    Credit,
    Delta,
    End,
    EndAck,
    ErrorMessage,
    Export,
    FromBackend,
    Hello,
    InFlight,
    Introspect,
    Lookup,
    Packed,
    Plan,
    Score,
    Snapshot,
    StatementFailed,
    Suite,
    Tighten,
    Unchanged,
    Values,
    Verdict,
    Welcome,
    parse_from_agent,
)
from wire.outcome import Failed, Outcome
from wire.packing import unpack
from wire.policy import Limits, Policy, Share
from wire.values import Compared

INTROSPECT_SECONDS = 60.0
CANCEL_SECONDS = 2.0
"""How long a stop waits for the database's confirmation before it is told without one."""
TELL_SECONDS = 10.0
"""How long the agent may take nothing of what is sent before its socket counts as lost."""
MAX_BAD_FRAMES = 10
"""After so many the peer is not worth listening to."""

_UNPACKER = ThreadPoolExecutor(1, thread_name_prefix="unpacking")
"""One for all sessions: what is unpacked is many times as large as its frame."""
_UNREAD = frozenset({"malformed_frame", "unknown_message"})
"""What the agent answers to a frame that it could not read, and so cannot say whose it was."""

Introspected = Snapshot | Delta | Unchanged
Answer = Introspected | Values | Suite | Verdict
_Said = TypeVar("_Said", Limits, Share)

_log = structlog.get_logger("api.session")


class AgentError(Exception):
    """The agent answered a request with ``error``. Internal: becomes an ``AgentTrouble``."""


class AgentSession:
    """A session from ``welcome`` on. All methods run on the event loop."""

    def __init__(
        self,
        agent: AgentRecord,
        hello: Hello,
        welcome: Welcome,
        metrics: Metrics,
        send: Callable[[str], Awaitable[None]],
        close: Callable[[int, str], Awaitable[None]],
    ) -> None:
        self.agent_id = agent.agent_id
        self.connection_id = agent.connection_id
        self.tenant = agent.tenant
        self.epoch = welcome.epoch
        self.instance = hello.instance
        self.since = datetime.now(UTC)
        self.last_heard = self.since
        self.lost = False
        self._welcome = welcome.model_dump_json()
        """As text: a quarter of what its values take, and hardly ever looked at."""
        self._metrics = metrics
        self._send = send
        self._close = close
        self._statements: dict[str, InHand] = {}
        self._cancelled: dict[str, asyncio.Future[None]] = {}
        self._requests: dict[str, asyncio.Future[Answer]] = {}
        self._unpacking: set[asyncio.Task[None]] = set()
        self._packable: set[str] = set()
        """Requests that may be answered by a packed frame, once each: to unpack one costs much."""
        self._bad_frames = 0
        self.cut: Callable[[], None] = _nothing
        """Ends whoever listens to the socket: nothing can be sent on it any more, not even a close."""
        self.told(hello)

    def told(self, hello: Hello) -> None:
        """Take over what a hello says; an agent whose policy changed says it again."""
        self.facts = facts_of(hello)
        self.fingerprint = hello.fingerprint
        self.capabilities = frozenset(hello.capabilities)
        self.in_flight: dict[str, InFlight] = {item.statement_id: item for item in hello.in_flight}

    async def execute(self, statement: Statement, *, claim: bool = False) -> Outcome:
        """Run a statement to its outcome.

        Args:
            claim: the agent may have it in hand from another socket, and is to tell it here.

        Raises:
            SessionLost: the socket went away first.
        """
        held = self.in_flight.pop(statement.statement_id, None)
        again = claim or (held is not None and held.attempt == statement.attempt)
        message = statement.begin(again=again)
        self._statements[statement.statement_id] = statement
        try:
            await self.tell(message)
            return await asyncio.shield(statement.done)
        finally:
            if statement.done.done():
                self._statements.pop(statement.statement_id, None)

    async def begin(self, export: InHand, message: Export) -> None:
        """Start an export; what arrives for it is dealt out to it until ``release``.

        Raises:
            SessionLost: the socket is gone.
        """
        self._statements[export.statement_id] = export
        try:
            await self.tell(message)
        except SessionLost:
            self.release(export)
            raise

    def release(self, export: InHand) -> None:
        """An export is over."""
        self._statements.pop(export.statement_id, None)

    async def stop(self, statement: InHand) -> float | None:
        """Stop a statement in the database; milliseconds until it confirmed, None when it did not in time."""
        started = monotonic()
        confirmed = self._cancelled.setdefault(
            statement.statement_id, asyncio.get_running_loop().create_future()
        )
        try:
            either: set[asyncio.Future[Any]] = {confirmed, statement.done}
            async with asyncio.timeout(CANCEL_SECONDS):
                await self.tell(Cancel(statement_id=statement.statement_id, attempt=statement.attempt))
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            over = confirmed.done() or _ended(statement)
            return (monotonic() - started) * 1000 if over else None
        except (SessionLost, TimeoutError):
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
        message = Introspect(request_id=uuid4().hex, known=known, accepts=["zlib"])
        self._packable.add(message.request_id)
        try:
            answer = await asyncio.wait_for(self._answer(message), INTROSPECT_SECONDS)
        finally:
            self._packable.discard(message.request_id)
        if not isinstance(answer, Snapshot | Delta | Unchanged):
            raise AgentError("It answered with something else than the snapshot.")
        return answer

    async def lookup(self, text: str, compared: Sequence[Compared], most: int) -> Values:
        """Ask which values a question's words and a query's literals meet. Without a time limit of its own.

        Raises:
            SessionLost: the socket went away first.
            AgentError: the agent could not do it.
        """
        message = Lookup(request_id=uuid4().hex, text=text, compared=list(compared), most=most)
        answer = await self._answer(message)
        if not isinstance(answer, Values):
            raise AgentError("It answered with something else than values.")
        return answer

    async def cases(self) -> Suite:
        """Ask for the cases of an eval that lie beside the agent. Raises as ``lookup`` does."""
        answer = await self._answer(Cases(request_id=uuid4().hex))
        if not isinstance(answer, Suite):
            raise AgentError("It answered with something else than cases.")
        return answer

    async def score(self, case_id: str, sql: str) -> Verdict:
        """Have a query scored beside the agent. Raises as ``lookup`` does."""
        answer = await self._answer(Score(request_id=uuid4().hex, case_id=case_id, sql=sql))
        if not isinstance(answer, Verdict):
            raise AgentError("It answered with something else than a verdict.")
        return answer

    async def _answer(self, message: Introspect | Lookup | Cases | Score) -> Answer:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._requests[message.request_id] = answer
        try:
            await self.tell(message)
            return await answer
        finally:
            self._requests.pop(message.request_id, None)

    async def tighten(self, policy: Policy | None) -> None:
        """See that the agent holds to this policy of ours from the next frame on. Raises ``SessionLost``."""
        said = None if policy is None else policy.model_dump(mode="json", exclude_unset=True)
        if said != Welcome.model_validate_json(self._welcome).policy:
            await self.tell(Tighten(policy=said))
            self._now_said(policy=said)

    async def welcome(self, replicas: int) -> None:
        """Say again what ``welcome`` said, with another number of replicas. Raises ``SessionLost``."""
        await self.tell(self._now_said(replicas=replicas))

    def _now_said(self, **changed: Any) -> Welcome:
        welcome = Welcome.model_validate_json(self._welcome).model_copy(update=changed)
        self._welcome = welcome.model_dump_json()
        return welcome

    async def tell(self, message: FromBackend) -> None:
        """Send a control frame. Raises ``SessionLost``, also when the agent takes nothing for too long."""
        if self.lost:
            raise SessionLost
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._send(message.model_dump_json())
        except Exception as error:  # whatever the server's socket raises, it means that nobody listens
            self.end()
            self.cut()
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
            case Snapshot() | Delta() | Unchanged() | Values() | Suite() | Verdict() as answer:
                request = self._requests.get(answer.request_id)
                if request is not None and not request.done():
                    request.set_result(answer)
            case Packed() as packed if packed.request_id not in self._packable:
                pass  # nobody waits for it, or its like is being unpacked already
            case Packed() as packed:
                self._packable.discard(packed.request_id)
                # In a task of its own: what comes behind a large snapshot need not wait for it.
                unpacking = asyncio.ensure_future(self._unpack(packed))
                self._unpacking.add(unpacking)
                unpacking.add_done_callback(self._unpacking.discard)
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

    async def _unpack(self, packed: Packed) -> None:
        request = self._requests.get(packed.request_id)
        try:
            answer = await asyncio.get_running_loop().run_in_executor(_UNPACKER, unpack, packed)
            if answer.request_id != packed.request_id:
                raise MalformedFrame("A packed frame holds the answer to another request.")
        except WireError as error:
            self._metrics.wire_errors.labels(error.code).inc()
            if request is not None and not request.done():
                request.set_exception(AgentError(str(error)))
            return
        if request is not None and not request.done():
            request.set_result(answer)

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
        if (statement := self._statements.get(about)) is not None:
            if message.code == "digest_mismatch":
                statement.not_taken()
            else:
                await statement.fail(Failed(code="protocol", message=message.message, hint=message.hint))
        elif message.code in _UNREAD and message.about is None:
            await self._send_again()

    async def _send_again(self) -> None:
        """A frame of ours could not be read: it may have been any of those that are not accepted yet."""
        for statement in [one for one in self._statements.values() if not one.accepted]:
            # Should it be under way after all, that attempt ends; the next has a number of its own.
            await self.tell(Cancel(statement_id=statement.statement_id, attempt=statement.attempt))
            statement.not_taken()

    def _current(self, statement_id: str, attempt: int) -> InHand | None:
        statement = self._statements.get(statement_id)
        return statement if statement is not None and statement.attempt == attempt else None


def _nothing() -> None:
    return


def facts_of(hello: Hello) -> AgentFacts:
    """What a hello says of the agent itself."""
    return AgentFacts(
        version=hello.agent_version,
        database=hello.database,
        server_version=hello.server_version,
        policy_name=hello.policy_name,
        policy_digest=hello.policy_digest,
        limits=_alike(hello.limits),
        share=_alike(hello.share),
    )


@lru_cache(maxsize=1_024)
def _alike(value: _Said) -> _Said:
    """The first that said the same: a fleet of agents has few policies, and each would keep its copy."""
    return value


def _ended(statement: InHand) -> bool:
    return statement.done.done() and not statement.done.cancelled() and statement.done.exception() is None


def _broken(error: WireError) -> Failed:
    return Failed(
        code="protocol",
        message=f"The agent's answer could not be read: {error}",
        hint="Ask again; if it stays, update the agent.",
        retryable=True,
    )
