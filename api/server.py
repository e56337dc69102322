"""The backend's process: binds, serves, and stops in good order."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NoReturn, cast

import h11
import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from api.app import create_app
from api.door import Door
from api.errors import PortInUse, StartupError, UnsafeBind
from api.mailbox import Gate, Mailbox
from api.pulse import STEP_SECONDS, Ping, Pulse
from api.routes.socket import MAX_FRAME_BYTES
from api.settings import Settings
from api.state import State
from api.store import make_store
from api.store.protocols import Store
from api.warm import warm

_log = structlog.get_logger("api.server")

_BACKLOG = 2048
PING_SECONDS = 5.0
"""Between two pings to an agent."""
PONG_SECONDS = 6.0
"""An agent that has not answered a ping for so long is gone: noticed 11 s after its last sign at most."""
MOVE_SECONDS = 5.0
"""How long agents are waited for to have found another replica, before their sockets here are closed."""
LINGER_SECONDS = 1.5
REQUEST_SECONDS = 30.0
"""How long a request may take to arrive, from connecting or from its first byte: it has 64 kB at most."""
_FLUSH_SECONDS = 5.0
"""How long a socket that is closed waits for its peer to take what was written to it."""
_GRACE_SECONDS = 10
"""What connections are given to close once the runs have ended."""


class _Closing:
    """A transport that is gone soon after it was closed.

    asyncio's waits for its peer to take what was written, for ever: a task that sends to an agent that has
    stopped reading, or a stop of this process, would wait along.
    """

    __slots__ = ("_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """As asyncio's, and for good when what was written is not taken in time."""
        if not self._transport.is_closing() and self._transport.get_write_buffer_size():
            self._loop.call_later(_FLUSH_SECONDS, self._transport.abort)
        self._transport.close()


class AgentSocket(WebSocketsSansIOProtocol):
    """uvicorn's, that takes a refusal for an answer, where it would log an error for each agent turned away,
    waits for no agent that has stopped reading, and costs little while nothing happens.

    Args:
        pulse: pings it, with many others.
        given: what uvicorn gives.
    """

    # Most are uvicorn's own. An object with more than thirty attributes besides its slots has a table of its
    # own for them, 1.5 KB.
    __slots__ = (
        "_pulse",
        "pending_ping_payload",
        "ping_interval",
        "ping_sent_at",
        "ping_timeout",
        "ping_timer",
        "pong_timer",
        "queue",
        "request",
        "response",
        "scope",
        "transport",
        "writable",
    )

    def __init__(self, pulse: Pulse, **given: Any) -> None:
        super().__init__(**given)
        self.queue: Any = Mailbox()
        self.writable: Any = Gate()
        self._pulse = pulse

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As uvicorn."""
        super().connection_made(transport)
        self.transport: Any = _Closing(self.transport, self.loop)

    async def send(self, message: Any) -> None:
        """As uvicorn."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            self._forget_handshake()
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def start_keepalive(self) -> None:
        """As uvicorn."""
        self._pulse.begin(self._beat, PING_SECONDS)

    def stop_keepalive(self) -> None:
        """As uvicorn."""
        self._pulse.end(self._beat)
        self.pending_ping_payload = None

    def handle_pong(self, event: Frame) -> None:
        """As uvicorn, but that the next ping has its time already."""
        if self.pending_ping_payload is not None and bytes(event.data) == self.pending_ping_payload:
            self.pending_ping_payload = None

    def _beat(self, ping: Ping) -> float | None:
        """Ping, unless the last ping is not answered; fail when it has not been for too long."""
        if self.close_sent or self.transport.is_closing():
            return None
        if self.pending_ping_payload is None:
            self.pending_ping_payload, self.ping_sent_at = ping.payload, ping.at
            self.transport.write(ping.frame)
            return PING_SECONDS
        left = self.ping_sent_at + PONG_SECONDS - ping.at
        if left >= STEP_SECONDS:
            return left
        self.keepalive_timeout()
        return None

    def _forget_handshake(self) -> None:
        """What it said has been read by now, and whoever serves the socket holds on to all of it.

        websockets' parser keeps the request for ever, so that its headers are emptied, not only let go.
        """
        scope: Any = self.scope
        for headers in (self.request.headers, self.response.headers, scope["headers"]):
            headers.clear()
        del self.request, self.response
        scope.clear()


class PromptHttp(H11Protocol):
    """uvicorn's, for requests that come whole within ``REQUEST_SECONDS``.

    uvicorn's own waits for headers and bodies for ever: whoever sends a byte now and then, or none, would
    hold sockets, and what serves them, for as long as he likes.
    """

    _late: asyncio.TimerHandle | None = None
    _upgraded = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn."""
        super().connection_made(transport)
        self._mind()

    def data_received(self, data: bytes) -> None:
        """As uvicorn."""
        super().data_received(data)
        self._mind()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """As uvicorn; an agent has times of its own."""
        self._upgraded = True
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn."""
        self._upgraded = True
        self._mind()
        super().connection_lost(exc)

    def _mind(self) -> None:
        due = not self._upgraded and self.conn.their_state in (h11.IDLE, h11.SEND_BODY)
        if due and self._late is None:
            self._late = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)
        elif not due and self._late is not None:
            self._late.cancel()
            self._late = None


class Server(uvicorn.Server):
    """uvicorn's server that, once it listens, imports what the first question needs, and at its end ends the
    runs before it waits for their listeners to go."""

    def __init__(self, config: uvicorn.Config, state: State) -> None:
        super().__init__(config)
        self._state = state

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve; then warm up, so that ``/health`` answers at once and the first question soon."""
        await super().startup(sockets)
        if (ready := self._state.settings.ready_fd) is not None:
            os.write(ready, b"ready\n")
            os.close(ready)
        warm()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Refuse new questions, tell agents, let runs finish or end them by name, then close."""
        grace = self._state.settings.grace_seconds
        self._state.runs.closing = True
        if self._state.settings.listen_fd is not None:
            # The others listen on the same socket: whoever connects from now on comes to one of them.
            for server in self.servers:
                server.close()
        await self._state.gateway.drain(grace)
        await self._state.gateway.moved(min(grace, MOVE_SECONDS))
        if self._state.gateway.replicas.shared:
            # Clients that ask without a pause learn with their next answer that they are to connect anew.
            await asyncio.sleep(min(grace, LINGER_SECONDS))
        await self._state.runs.close(grace)
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, and return when that was SIGTERM.

    uvicorn dies of the signal once it has stopped in good order, by the handler that it found: to whoever
    started us that would look as if we had not.

    Raises:
        UnsafeBind: another address than loopback without keys.
        PortInUse: somebody else listens there.
        BadSettings: the keys cannot be taken.
        StoreUnavailable: the store's file, or its PostgreSQL, cannot be used.
    """
    listener = bind(settings)
    try:
        app = create_app(settings)
        # Found out here, where it can be said in one line, rather than in the midst of the start.
        asyncio.run(_try(make_store(settings)))
        server = make_server(app, settings)
        _log.info("listening", url=url_of(listener, settings))
        with _ended_by(signal.SIGTERM):
            server.run(sockets=[listener])
    finally:
        listener.close()


@contextmanager
def _ended_by(number: signal.Signals) -> Iterator[None]:
    """A signal that leaves this block, in good order, as if it had come to its end."""

    def leave(*_: object) -> NoReturn:
        raise _Stopped

    before = signal.signal(number, leave)
    try:
        with suppress(_Stopped):
            yield
    finally:
        signal.signal(number, before)


class _Stopped(BaseException):
    """Told to stop. Internal: no handler of errors is to take it for one."""


async def _try(store: Store) -> None:
    """Open and close a store of its own: a pool belongs to the loop that opened it."""
    try:
        await store.open()
    finally:
        await store.close()


def make_server(app: FastAPI, settings: Settings) -> Server:
    """A server for this application, for a process that runs it itself."""
    config = uvicorn.Config(
        Door(app, settings),
        interface="asgi3",  # which uvicorn takes only a coroutine for
        log_config=None,
        access_log=False,
        http=PromptHttp,
        server_header=False,
        proxy_headers=settings.public_url is not None,
        ws=cast(Any, partial(AgentSocket, Pulse())),
        ws_max_size=MAX_FRAME_BYTES,
        # Bodies are compact already; deflate costs 30 times the throughput (performance.md 2a).
        ws_per_message_deflate=False,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        backlog=_BACKLOG,
    )
    state: State = app.state.custard
    return Server(config, state)


def bind(settings: Settings) -> socket.socket:
    """A listening socket at the settings' address. Raises as ``serve`` does."""
    if settings.single_user and not settings.bound_to_loopback:
        raise UnsafeBind(
            f"{settings.host} can be reached by others, and no API keys are configured.",
            "Set CUSTARD_API_KEYS=tenant:key, or listen on 127.0.0.1.",
        )
    if settings.listen_fd is not None:
        return socket.socket(fileno=settings.listen_fd)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host.strip("[]"), settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"Port {settings.port} on {settings.host} is in use.",
                "Stop what listens there, or choose another port with --port or CUSTARD_PORT.",
            ) from error
        raise StartupError(
            f"{settings.host}:{settings.port} cannot be listened on: {error.strerror or error}.",
            "Choose another address with CUSTARD_HOST and CUSTARD_PORT.",
        ) from error
    return listener


def url_of(listener: socket.socket, settings: Settings) -> str:
    """Where the listener is reached from this machine; tells the port that 0 became."""
    host, port = listener.getsockname()[:2]
    return settings.public_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"
