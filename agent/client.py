"""Dials out and stays attached: reconnects with jitter, and stops only where knocking again cannot help.

Where the backend has several replicas there are two sockets, to different ones. A replica that is about to
stop says so; its socket serves on while another is dialled.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from agent import __version__
from agent.backoff import Backoff
from agent.lines import MAX_LINES, Lines
from agent.runtime import Runtime
from agent.session import Session
from agent.settings import Settings
from agent.statements import Statements
from agent.verdicts import Fatal, Retry, judge
from wire.messages import SUBPROTOCOL

_log = logging.getLogger("agent.client")

PING_SECONDS = 5.0
PONG_SECONDS = 5.5
"""A peer that has not answered a ping for so long is gone: noticed 10.5 s after its last sign at most."""
OPEN_SECONDS = 10.0
MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""Largest control frame that is taken from the backend: a statement of the largest size, escaped."""
WRITE_LIMIT_BYTES = 128 * 1024
"""Bytes that may wait in this process for the socket; beyond, senders wait."""
DRAIN_SECONDS = 10.0
"""How long running statements may go on after the agent was asked to stop."""
MOVE_SECONDS = 2.0
"""Agents that are told to move at once spread their dialling over so long: nothing is in a hurry."""
AGAIN_SECONDS, AGAIN_SECONDS_MOST = 0.6, 5.0
"""Spread of the next attempt when a socket was led to the replica that is held already: what stands before
them needs some tries to lead elsewhere, and after ``AGAIN_TRIES`` it may be that it never does."""
AGAIN_TRIES = 4
_LEFT_SECONDS = 10.0
"""A replica that drained and has not closed its socket so long after its grace is left."""


class Client:
    """An agent's side of the connection.

    Args:
        settings: server and token.
        runtime: what this agent is and knows.
        on_state: told ``True`` when attached and ``False`` when not any more.
    """

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        *,
        backoff: Backoff | None = None,
        on_state: Callable[[bool], None] = lambda attached: None,
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._backoff = backoff or Backoff()
        self._on_state = on_state
        self._lines = Lines()
        self._leaving: set[asyncio.Task[None]] = set()
        self._attached = False
        self._stopping = False
        self.statements = Statements(lambda: runtime.sandbox)

    async def run(self) -> None:
        """Stay attached until ``stop``.

        Raises:
            ConnectionEnded: the backend has closed the door for good.
        """
        backoffs = [self._backoff, *(self._backoff.twin() for _ in range(MAX_LINES - 1))]
        lines = [asyncio.create_task(self._hold(*line)) for line in enumerate(backoffs)]
        try:
            # All end together when the agent is told to stop, and the first that fails ends all.
            await asyncio.gather(*lines)
        finally:
            for task in (*lines, *self._leaving):
                task.cancel()
            await asyncio.gather(*lines, *self._leaving, return_exceptions=True)
            await self.statements.close()

    async def _hold(self, number: int, backoff: Backoff) -> None:
        """Keep one socket, as long as one is missing."""
        led_back = 0
        while not self._stopping:
            await self._lines.room(number)
            if self._stopping:
                return
            try:
                attached = await self._attach(number)
            except Exception as error:
                expected = self._judge(error, backoff).expected
                led_back = led_back + 1 if expected else 0
                again = min(AGAIN_SECONDS * 2 ** min(max(0, led_back - AGAIN_TRIES), 5), AGAIN_SECONDS_MOST)
                await self._pause(backoff.spread(again) if expected else backoff.delay())
                continue
            led_back = 0
            if attached is not None:
                await self._serve(*attached, backoff)

    async def _attach(self, number: int) -> tuple[Session, ClientConnection] | None:
        async with self._lines.dialling:
            if not self._lines.missing(number):
                return None  # another one was attached while this one waited for its turn
            socket = await self._dial()
            session = Session(socket, self._runtime, self.statements, self._lines.told)
            try:
                await session.open(self._lines.attached)
            except BaseException:
                await socket.close()
                raise
            if self._stopping:
                # Told to stop while it dialled: nobody would close what nobody knew of yet.
                await socket.close(1001, "the agent stops")
                return None
            self._lines.add(session)
            self._tell_state()
            return session, socket

    async def _dial(self) -> ClientConnection:
        return await connect(
            self._settings.websocket_url,
            additional_headers={"Authorization": f"Bearer {self._settings.require_token()}"},
            user_agent_header=f"custard-agent/{__version__}",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            open_timeout=OPEN_SECONDS,
            ping_interval=PING_SECONDS,
            ping_timeout=PONG_SECONDS,
            close_timeout=2.0,
            max_size=MAX_MESSAGE_BYTES,
            write_limit=WRITE_LIMIT_BYTES,
        )

    async def _serve(self, session: Session, socket: ClientConnection, backoff: Backoff) -> None:
        """One session, until it is lost or its replica is about to stop, and the pause after it."""
        started = time.monotonic()
        serving = asyncio.create_task(self._until_lost(session, socket))
        moving = asyncio.create_task(session.draining.wait())
        try:
            await asyncio.wait({serving, moving}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            raise
        finally:
            moving.cancel()
        if not serving.done():
            leaving = asyncio.create_task(_left(serving, socket, session.grace_seconds))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
            self._lines.drained()
            await self._pause(backoff.spread(min(MOVE_SECONDS, session.grace_seconds / 4)))
            return
        error = serving.exception()
        if error is None or self._stopping:
            return
        backoff.lasted(time.monotonic() - started)
        self._judge(error, backoff, lost=True)
        await self._pause(backoff.delay())

    async def _until_lost(self, session: Session, socket: ClientConnection) -> None:
        try:
            await session.serve()
        finally:
            self._lines.remove(session)
            self._tell_state()
            await socket.close()

    def _judge(self, error: BaseException, backoff: Backoff, *, lost: bool = False) -> Retry:
        decision = judge(error)
        if isinstance(decision, Fatal):
            raise decision.error from error
        if not decision.expected and (not lost or decision.slow or decision.asked):
            backoff.failed(slow=decision.slow, asked=decision.asked)
        level = logging.INFO if decision.expected else logging.WARNING
        what = "detached" if lost else "not connected"
        _log.log(level, what, extra={"reason": decision.reason, "slow": decision.slow})
        return decision

    def _tell_state(self) -> None:
        attached = bool(self._lines.sessions)
        if attached != self._attached:
            self._attached = attached
            self._on_state(attached)

    async def _pause(self, seconds: float) -> None:
        if not self._stopping:
            await asyncio.sleep(seconds)

    async def stop(self, grace_seconds: float = DRAIN_SECONDS) -> None:
        """Let running statements end, for at most ``grace_seconds``, then leave."""
        self._stopping = True
        self._lines.close()
        await self.statements.drained(grace_seconds)
        for session in self._lines.sessions:
            await session.close(1001, "the agent stops")


async def _left(serving: asyncio.Task[None], socket: ClientConnection, grace_seconds: float) -> None:
    """See the end of a session whose replica is about to stop: that replica closes it, or else we do."""
    try:
        await asyncio.wait({serving}, timeout=grace_seconds + _LEFT_SECONDS)
        if not serving.done():
            await socket.close(1000, "drained")
            await asyncio.wait({serving}, timeout=5.0)
    finally:
        serving.cancel()
        with contextlib.suppress(Exception):
            await asyncio.gather(serving, return_exceptions=True)
