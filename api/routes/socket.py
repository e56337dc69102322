"""``/ws``: where agents dial in."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

import structlog
from fastapi.responses import Response
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.admission import Crowded
from api.arrivals import Arrival, Doubled
from api.audit import audited
from api.errors import StoreUnavailable
from api.gateway import TokenShared
from api.problem import api_problem, problem
from api.session import AgentSession, facts_of
from api.state import State, state_of
from api.statement import SessionLost
from api.store.records import AgentRecord
from api.tokens import digest
from wire.closing import (
    PROTOCOL_ERROR,
    REVOKED,
    SAME_REPLICA,
    TOKEN_SHARED,
    TOO_MANY_BAD_FRAMES,
    TRY_LATER,
    UNSUPPORTED_VERSION,
)
from wire.errors import WireError
from wire.messages import (
    PROTOCOL_VERSION,
    PROTOCOL_VERSION_MIN,
    SUBPROTOCOL,
    ErrorMessage,
    Hello,
    Welcome,
    WireLimits,
    parse_from_agent,
)

PATH = "/ws"
HELLO_SECONDS = 10.0
HASTE_SECONDS = 3.0
"""As long as a silent socket may take its place while others wait for one."""
_LOOK_SECONDS = 1.0
"""How often one that has been silent for so long is held against those who wait."""
CLOSE_SECONDS = 2.0
"""How long a farewell waits for its reader."""
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""Longer frames are cut off by the server with close code 1009: a snapshot of ten thousand tables fits."""

_log = structlog.get_logger("api.socket")


@dataclass(frozen=True, slots=True)
class _Farewell(Exception):
    """The socket is closed with this code after an ``error`` frame that says why."""

    close_code: int
    code: str
    message: str
    hint: str = ""


async def agent_socket(socket: WebSocket) -> None:
    """Serve one agent from its handshake to its end."""
    state = state_of(socket)
    session = await _attached(state, socket)
    if session is None:
        return
    try:
        await _listen(state, socket, session)
    finally:
        # The server cancels this task on shutdown; the leaving must be noted all the same.
        await asyncio.shield(_left(state, session))


async def _attached(state: State, socket: WebSocket) -> AgentSession | None:
    """The session, served from now on; None when it is over already."""
    with ExitStack() as door:
        entered = await _enter(state, socket, door)
        if entered is None:
            return None
        session, arrival = entered
        try:
            await state.gateway.attach(session, arrival)
        except SessionLost:
            await asyncio.shield(_left(state, session))
            return None
        except BaseException:
            await asyncio.shield(_left(state, session))
            raise
        return session


_Entered = tuple[AgentSession, Arrival]


async def _enter(state: State, socket: WebSocket, door: ExitStack) -> _Entered | None:
    """The welcomed session; None when the agent was turned away, or left."""
    try:
        refused = _turned_away(state, socket)
        if refused is None:
            try:
                # Before the token is looked up: the store is what a herd would trample.
                async with state.admission.entering():
                    refused = _stopping(state)  # it may have begun to while this one waited
                    if refused is None:
                        return await _let_in(state, socket, door)
            except Crowded as crowd:
                refused = _stopping(state) or _busy(state, crowd)
        await socket.send_denial_response(refused)
    except (WebSocketDisconnect, SessionLost):
        pass
    return None


def _turned_away(state: State, socket: WebSocket) -> Response | None:
    """The answer, if any, that turns it away at once."""
    if "origin" in socket.headers:
        return problem(
            403,
            "foreign_origin",
            "Not from a page",
            "This address is for agents, and browsers send an Origin.",
            "Use the HTTP API from a page.",
        )
    if SUBPROTOCOL not in socket.scope.get("subprotocols", []):
        return problem(
            400,
            "unsupported_version",
            "Unknown protocol",
            f"The subprotocol {SUBPROTOCOL} must be offered.",
            "Update the agent.",
        )
    return _stopping(state)


def _stopping(state: State) -> Response | None:
    if not state.runs.closing:
        return None
    return problem(503, "shutting_down", "The backend is stopping", "Dial another one, or again in a moment.")


def _busy(state: State, crowd: Crowded) -> Response:
    seconds = state.admission.come_back()
    doubled = isinstance(crowd, Doubled)
    return problem(
        503,
        "busy",
        "Too many agents at once",
        "Another socket with this token has yet to say hello."
        if doubled
        else "More agents knock than are let in a second.",
        f"Dial again after {seconds} seconds.",
        headers={"Retry-After": str(seconds)},
    )


async def _let_in(state: State, socket: WebSocket, door: ExitStack) -> _Entered | None:
    """As ``_enter``. Raises ``WebSocketDisconnect`` or ``SessionLost`` when the agent left, ``Crowded`` when
    another socket of its has not got that far yet."""
    agent = await _known(state, socket)
    if isinstance(agent, Response):
        await socket.send_denial_response(agent)
        return None
    arrival = door.enter_context(state.gateway.arrivals.one(agent))
    await socket.accept(subprotocol=SUBPROTOCOL)
    try:
        hello = await _hello(state, socket)
        session = await _welcome(state, socket, agent, hello, arrival)
        return session, arrival
    except _Farewell as why:
        await _send_away(socket, why)
    return None


async def _known(state: State, socket: WebSocket) -> AgentRecord | Response:
    """The agent whose token this is, or the answer that turns the socket away."""
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    hint = "Join again: make a join code and run `custard agent join`."
    if scheme.lower() != "bearer" or not token:
        return problem(401, "unauthorized", "A token is needed", "The agent's token is missing.", hint)
    try:
        agent = await state.store.agents.by_token(digest(token.strip()))
    except StoreUnavailable as error:
        return api_problem(error)
    if agent is None:
        return problem(401, "unauthorized", "Unknown token", "No agent has this token.", hint)
    if agent.revoked_at is not None:
        return problem(403, "revoked", "The token was revoked", "This agent's token was revoked.", hint)
    return agent


async def _first(state: State, socket: WebSocket) -> str:
    """The first frame, waited for less patiently while others wait for this one's place.

    Raises:
        TimeoutError: none came.
    """
    ends = monotonic() + HELLO_SECONDS
    patience = min(HASTE_SECONDS, HELLO_SECONDS)
    while True:
        try:
            return await asyncio.wait_for(socket.receive_text(), patience)
        except TimeoutError:
            patience = min(_LOOK_SECONDS, ends - monotonic())
            if patience <= 0 or state.admission.crowded:
                raise


async def _hello(state: State, socket: WebSocket) -> Hello:
    """The first frame. Raises ``_Farewell`` when it is no hello that can be answered."""
    try:
        hello = parse_from_agent(await _first(state, socket))
    except TimeoutError:
        raise _Farewell(PROTOCOL_ERROR, "no_hello", "No hello came in time.") from None
    except KeyError:
        raise _Farewell(PROTOCOL_ERROR, "no_hello", "The first frame must be hello, as text.") from None
    except WireError as error:
        raise _Farewell(PROTOCOL_ERROR, error.code, str(error), error.hint) from error
    if not isinstance(hello, Hello):
        raise _Farewell(PROTOCOL_ERROR, "no_hello", "The first frame must be hello.")
    if hello.protocol_max < PROTOCOL_VERSION_MIN or hello.protocol_min > PROTOCOL_VERSION:
        raise _Farewell(
            UNSUPPORTED_VERSION,
            "unsupported_version",
            f"This backend speaks protocol {PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION}, the agent "
            f"{hello.protocol_min} to {hello.protocol_max}.",
            "Update the older of the two.",
        )
    return hello


async def _welcome(
    state: State, socket: WebSocket, agent: AgentRecord, hello: Hello, arrival: Arrival
) -> AgentSession:
    """Open the session. Raises ``_Farewell`` when it cannot be, ``SessionLost`` when the agent left."""
    if state.gateway.replicas.roster.replica in hello.attached:
        raise _Farewell(
            SAME_REPLICA, "same_replica", "This agent is attached to this replica.", "Dial again for another."
        )
    try:
        state.gateway.admit(agent.agent_id, hello.instance)
        noted = await state.store.agents.attached(agent.agent_id, facts_of(hello), datetime.now(UTC))
    except TokenShared:
        ours = {"tenant": agent.tenant, "connection": agent.connection_id, "agent": agent.agent_id}
        audited("token shared", **ours)
        raise _Farewell(
            TOKEN_SHARED,
            "token_shared",
            "Several agents use this token and keep displacing each other.",
            "Stop all but one, or let the others join with codes of their own.",
        ) from None
    except StoreUnavailable as error:
        raise _Farewell(TRY_LATER, error.code, str(error), error.hint) from error
    if noted is None:
        raise _Farewell(REVOKED, "revoked", "This agent was removed.", "Join again with a new code.")

    async def close(code: int, reason: str) -> None:
        if not await _close(socket, code, reason):
            session.cut()

    policy = noted.policy
    roster = state.gateway.replicas.roster
    welcome = Welcome(
        protocol=min(PROTOCOL_VERSION, hello.protocol_max),
        agent_id=agent.agent_id,
        connection_id=agent.connection_id,
        epoch=noted.epoch,
        limits=WireLimits(max_frame_bytes=MAX_FRAME_BYTES),
        policy=None if policy is None else policy.model_dump(mode="json", exclude_unset=True),
        replica=roster.replica,
        replicas=roster.count,
    )
    session = AgentSession(agent, hello, welcome, state.metrics, socket.send_text, close)
    arrival.welcomed = True
    await session.tell(welcome)
    _log.info("agent online", agent=agent.agent_id, connection=agent.connection_id, epoch=noted.epoch)
    return session


async def _listen(state: State, socket: WebSocket, session: AgentSession) -> None:
    try:
        # Without an end of its own: the session sets one when nothing can be sent any more.
        async with asyncio.timeout(None) as clock:
            session.cut = lambda: None if clock.expired() else clock.reschedule(0)
            # Passed on unnamed: a name would keep the last frame, up to 16 MiB, until the next one comes.
            while not session.lost and await _heard(state, session, await socket.receive()):
                pass
    except TimeoutError:
        if not clock.expired():
            raise
    finally:
        session.cut = lambda: None


async def _heard(state: State, session: AgentSession, message: Message) -> bool:
    """Whether more is to be heard after this."""
    if message["type"] == "websocket.disconnect":
        return False
    try:
        hello = await session.hear(message.get("text"), message.get("bytes"))
    except SessionLost:
        return False
    except WireError:
        await session.close(TOO_MANY_BAD_FRAMES, "Too many frames that could not be understood.")
        return False
    if hello is not None:
        await state.gateway.told(session)
    return True


async def _left(state: State, session: AgentSession) -> None:
    try:
        await state.gateway.detach(session)
    except StoreUnavailable:
        _log.warning("the store could not note that an agent left", agent=session.agent_id)
    _log.info("agent offline", agent=session.agent_id, connection=session.connection_id)


async def _send_away(socket: WebSocket, why: _Farewell) -> None:
    said = ErrorMessage(code=why.code, message=why.message, hint=why.hint).model_dump_json()
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await socket.send_text(said)
    except (RuntimeError, WebSocketDisconnect, TimeoutError):
        return
    await _close(socket, why.close_code, why.message)


async def _close(socket: WebSocket, code: int, reason: str) -> bool:
    """Say farewell; False when the agent takes nothing, so that it will not hear of it."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            # RFC 6455 §5.5: a control frame's payload is at most 125 bytes, two of which are the code.
            await socket.close(code, reason.encode()[:120].decode(errors="ignore"))
    except TimeoutError:
        return False
    except (RuntimeError, WebSocketDisconnect):
        pass  # it is closed already
    return True
