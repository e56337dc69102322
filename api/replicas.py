"""Work that crosses from one replica to another: to the one that holds the agent's socket.

Placement comes before routing: a question is handed to the replica that holds the agent, which drives the
run, so that its statements need no bus. Only where the agent has moved in the midst of a run does a statement
travel. Nothing here is kept; what must not be lost is in the store.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from time import monotonic

import structlog
from pydantic import ValidationError

from api.bus.protocol import (
    AnswerBroke,
    Bus,
    BusBusy,
    BusError,
    Give,
    NobodyAnswers,
    Sink,
    Subscription,
)
from api.errors import AgentTrouble, ApiError, BusUnavailable, Busy, ResultGone
from api.relay import (
    NOTICE,
    REPLY,
    REQUEST,
    Absent,
    AskRequest,
    CasesRequest,
    Done,
    ExecuteRequest,
    FileRequest,
    Located,
    LocateRequest,
    Looked,
    LookupRequest,
    MissedNotice,
    Notice,
    Refreshed,
    RefreshRequest,
    Refused,
    Reply,
    Request,
    ScoreRequest,
    Started,
)
from api.roster import Roster, Seat
from api.session import AgentSession
from wire.errors import CustardError
from wire.values import Found

ASK_SECONDS = 30.0
"""For starting a run elsewhere: its store may be slow, its model is not asked yet."""
MOVE_SECONDS = 8.0
"""How long a question waits for an agent that is on its way from a replica that is leaving."""
DOUBT_SECONDS = 3.0
"""How long the store is watched for a run whose replica cannot be heard any more: longer than it may wait for
the word to begin, and its store take to write it."""
STALE_SECONDS = 1.0
"""For how long a replica may be asked for an agent that it has no more."""
_PAUSE_SECONDS = 0.1

_log = structlog.get_logger("api.replicas")

Take = Callable[[Request], Awaitable[Reply]]


class Replicas:
    """This replica's ties to the others.

    Args:
        bus: not opened yet.

    ``take`` answers the others' requests, ``give`` their requests for files, and ``heed`` their notices; all
    are set before ``open``.
    """

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.roster = Roster(bus)
        self.take: Take = _nobody
        self.heed: Callable[[Notice], None] = lambda notice: None
        self.give: Give = _nothing
        self._answering: dict[str, tuple[AgentSession, list[Subscription]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving = False

    @property
    def shared(self) -> bool:
        """Whether there may be others."""
        return self.bus.shared

    async def open(self) -> None:
        """Connect and make ourselves known."""
        await self.bus.open()
        if self.shared:
            self.bus.on_found = self._found
            await self.bus.subscribe("notice", self._hear)
            await self.bus.give(f"files.{self.roster.replica}", self.give)
        await self.roster.open()

    async def close(self) -> None:
        """Take leave."""
        await self.leave()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.roster.close()
        await self.bus.close()

    # --- agents that are here ------------------------------------------------------------------------------

    async def attached(self, session: AgentSession) -> None:
        """Answer for this agent from now on."""
        if not self.shared:
            return
        await self.detached(session.agent_id)
        if not self._leaving:
            subjects = (f"agent.{session.agent_id}", f"conn.{session.connection_id}")
            self._answering[session.agent_id] = (
                session,
                [await self.bus.answer(subject, self._answer) for subject in subjects],
            )
        await self.roster.seated(
            Seat(session.agent_id, session.connection_id, session.instance, session.epoch, session.since)
        )

    async def detached(self, agent_id: str) -> None:
        """Answer for it no more."""
        _, subscriptions = self._answering.pop(agent_id, (None, []))
        for subscription in subscriptions:
            await subscription.end()
        if subscriptions:
            await self.roster.left(agent_id)

    async def leave(self) -> None:
        """This replica is about to stop: what comes from now on goes to the others."""
        if self._leaving or not self.shared:
            return
        self._leaving = True
        await self.roster.drain()
        for _, subscriptions in list(self._answering.values()):
            for subscription in subscriptions:
                await subscription.end()

    async def _answer(self, data: bytes) -> bytes:
        reply: Reply
        try:
            reply = await self.take(REQUEST.validate_json(data))
        except ValidationError:
            reply = Refused(
                code=AgentTrouble.code,
                message="Another replica sent a request that this one does not know.",
                hint="Let all replicas run the same version.",
            )
        except CustardError as error:
            reply = Refused.of(error)
        return REPLY.dump_json(reply)

    # --- agents that are elsewhere -------------------------------------------------------------------------

    async def start(self, ask: AskRequest, known: Callable[[], Awaitable[bool]]) -> str | None:
        """Have a run started where its agent is; returns the run's id, or None when no replica has the agent.

        Args:
            known: whether the store has the run: asked when it is open what became of a request.

        Raises:
            ApiError: as that replica answered.
            BusUnavailable: the others cannot be reached, or did not answer.
        """
        deadline = monotonic() + MOVE_SECONDS
        while True:
            try:
                # What was begun is seen in the store: a broker that falls silent behind it is not waited for.
                reply = await self._ask(ask, ASK_SECONDS, patient=False)
            except NobodyAnswers:
                reply = Absent()
            except BusBusy as error:
                raise Busy(
                    "The replica that has the agent is busy.", "Ask again in a few seconds."
                ) from error
            except BusError as error:
                if error.begun and await self._begun(known):
                    return ask.run_id
                if self.bus.trouble is not None or monotonic() > deadline:
                    raise _unavailable() from error
                continue
            match reply:
                case Started():
                    return reply.run_id
                case Refused() if reply.code != "shutting_down":
                    raise reply.error()
                case Absent() if not self.roster.moving(ask.connection_id):
                    return None
            if monotonic() > deadline:
                return None
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _begun(self, known: Callable[[], Awaitable[bool]]) -> bool:
        """Whether a run is stored that another replica may have begun: it is given the time for it."""
        deadline = monotonic() + DOUBT_SECONDS
        while not await known():
            if monotonic() > deadline:
                return False
            await asyncio.sleep(_PAUSE_SECONDS)
        return True

    async def execute(self, request: ExecuteRequest, seconds: float) -> Done | None:
        """Run a statement where the agent is; None when no replica has it.

        Raises:
            BusError: it is open whether it ran.
        """
        try:
            reply = await self._ask(request, seconds)
        except (NobodyAnswers, BusBusy):
            return None
        match reply:
            case Done():
                return reply
            case Refused():
                raise AnswerBroke(reply.code)
        return None

    async def refresh(self, request: RefreshRequest, seconds: float) -> Refreshed | None:
        """Have the snapshot renewed where the agent is; None when no replica has it.

        Raises:
            ApiError: as that replica answered.
            AgentTrouble: it did not answer.
        """
        try:
            reply = await self._ask(request, seconds)
        except NobodyAnswers:
            return None
        except BusError as error:
            raise AgentTrouble("The replica that has the agent did not answer.", "Try again.") from error
        match reply:
            case Refreshed():
                return reply
            case Refused():
                raise reply.error()
        return None

    async def lookup(self, request: LookupRequest, seconds: float) -> Found | None:
        """Have values looked up where the agent is; None when nobody can."""
        try:
            reply = await self._ask(request, seconds, patient=False)
        except BusError:
            return None
        return reply.found if isinstance(reply, Looked) else None

    async def evaluate(self, request: CasesRequest | ScoreRequest, seconds: float) -> Reply | None:
        """Have cases told or a query scored where the agent is; None when no replica has it.

        Raises:
            ApiError: as that replica answered.
            AgentTrouble: it did not answer.
        """
        try:
            reply = await self._ask(request, seconds)
        except NobodyAnswers:
            return None
        except BusError as error:
            raise AgentTrouble("The replica that has the agent did not answer.", "Try again.") from error
        if isinstance(reply, Refused):
            raise reply.error()
        return None if isinstance(reply, Absent) else reply

    async def locate(self, connection_id: str, agent_id: str | None) -> str | None:
        """The replica that has an agent; None when none has it. Raises ``BusError``."""
        request = LocateRequest(connection_id=connection_id, agent_id=agent_id)
        deadline = monotonic() + MOVE_SECONDS
        while True:
            try:
                reply = await self._ask(request, ASK_SECONDS)
            except NobodyAnswers:
                reply = Absent()
            match reply:
                case Located():
                    return reply.replica
                case Refused():
                    raise AnswerBroke(reply.code)  # of a version that knows no such request
            if not self.roster.moving(connection_id) or monotonic() > deadline:
                return None
            await asyncio.sleep(_PAUSE_SECONDS)

    def file(self, replica: str, request: FileRequest) -> AsyncGenerator[bytes, None]:
        """A ``FileHead`` and what follows it, from that replica. Raises ``BusError``."""
        return self.bus.stream(f"files.{replica}", request.model_dump_json().encode())

    async def kept(self, place: str, ref: str) -> AsyncGenerator[bytes, None]:
        """A kept result's file, from a replica whose folder of results has this name.

        Raises:
            ResultGone: nobody has it, or it did not come whole.
        """
        try:
            async with aclosing(self.bus.stream(f"kept.{place}", ref.encode())) as pieces:
                async for piece in pieces:
                    yield piece
        except BusError as error:
            raise ResultGone("The whole result is no longer kept.") from error

    async def keep(self, place: str, pieces: Callable[[str], AsyncGenerator[bytes, None]]) -> None:
        """Give the others what is kept in our folder of this name."""

        async def give(data: bytes, sink: Sink) -> None:
            async with aclosing(pieces(data.decode(errors="replace"))) as found:
                async for piece in found:
                    await sink.send(piece)

        if self.shared:
            await self.bus.give(f"kept.{place}", give)

    async def _ask(self, request: Request, seconds: float, *, patient: bool = True) -> Reply:
        if not self.shared:
            raise NobodyAnswers
        subject = f"conn.{request.connection_id}" if request.agent_id is None else f"agent.{request.agent_id}"
        until = monotonic() + STALE_SECONDS
        while True:
            data = REQUEST.dump_json(request)
            reply = REPLY.validate_json(
                await self.bus.request(subject, data, seconds=seconds, patient=patient)
            )
            if not isinstance(reply, Absent) or monotonic() > until:
                return reply
            # Its agent has just left, and the bus has yet to hear of it: another one may have it.
            await asyncio.sleep(_PAUSE_SECONDS)

    # --- notices -------------------------------------------------------------------------------------------

    async def notify(self, notice: Notice) -> None:
        """Tell every replica, ourselves included."""
        if self.shared:
            await self.bus.publish("notice", NOTICE.dump_json(notice))

    def _found(self) -> None:
        """What we did not hear, and what we could not say, is looked up: here and by the others."""
        task = asyncio.ensure_future(self.notify(MissedNotice()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _hear(self, data: bytes) -> None:
        try:
            notice = NOTICE.validate_json(data)
        except ValidationError:
            _log.warning("a notice was not understood")  # of a newer version, perhaps
            return
        self.heed(notice)


async def _nobody(request: Request) -> Reply:
    return Absent()


async def _nothing(data: bytes, sink: Sink) -> None:
    raise AnswerBroke


def _unavailable() -> ApiError:
    return BusUnavailable(
        "The replica that has the agent cannot be reached.",
        "Ask again in a few seconds; if it stays, see whether the NATS server runs.",
    )
