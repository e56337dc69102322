"""Dials out and stays attached: reconnects with jitter, and stops only where knocking again cannot help."""

import asyncio
import logging
import time
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from agent import __version__
from agent.backoff import Backoff
from agent.runtime import Runtime
from agent.session import Session
from agent.settings import Settings
from agent.statements import Statements
from agent.verdicts import Fatal, judge
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
        self._socket: ClientConnection | None = None
        self._stopping = False
        self.statements = Statements(lambda: runtime.sandbox)
        runtime.on_policy_change = lambda: self.statements.stop_all("policy")

    async def run(self) -> None:
        """Stay attached until ``stop``.

        Raises:
            ConnectionEnded: the backend has closed the door for good.
        """
        try:
            async for socket in connect(
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
                process_exception=self._not_connected,
                reconnect_delays=self._backoff.delays,
            ):
                if await self._serve(socket):
                    return
        finally:
            await self.statements.close()

    def _not_connected(self, error: Exception) -> Exception | None:
        decision = judge(error)
        if isinstance(decision, Fatal):
            return decision.error
        self._backoff.failed(slow=decision.slow)
        _log.warning("not connected", extra={"reason": decision.reason, "slow": decision.slow})
        return None

    async def _serve(self, socket: ClientConnection) -> bool:
        """One session, and the pause after it; True when the agent is to stop."""
        self._socket = socket
        started = time.monotonic()
        session = Session(socket, self._runtime, self.statements)
        self._on_state(True)
        try:
            await session.run()
        except Exception as error:
            if self._stopping:
                return True
            decision = judge(error)
            if isinstance(decision, Fatal):
                raise decision.error from error
            self._backoff.lasted(time.monotonic() - started)
            if decision.slow:
                self._backoff.failed(slow=True)
            _log.warning("detached", extra={"reason": decision.reason})
        finally:
            self._on_state(False)
            self._socket = None
            await socket.close()
        if self._stopping:
            return True
        # websockets pauses only between attempts that failed, not after a session that was lost.
        await asyncio.sleep(0.05 if session.draining else self._backoff.delay())
        return False

    async def stop(self, grace_seconds: float = DRAIN_SECONDS) -> None:
        """Let running statements end, for at most ``grace_seconds``, then leave."""
        self._stopping = True
        await self.statements.drained(grace_seconds)
        if self._socket is not None:
            await self._socket.close(1001, "the agent stops")
