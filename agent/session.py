"""One attached socket: hello and welcome, then a dispatch loop that never waits for a statement."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agent.errors import VersionRefused
from agent.runtime import Runtime
from agent.statements import Statements
from wire.errors import CustardError, WireError
from wire.messages import (
    PROTOCOL_VERSION,
    PROTOCOL_VERSION_MIN,
    Cancel,
    Credit,
    Drain,
    EndAck,
    ErrorMessage,
    Execute,
    Explain,
    FromBackend,
    Introspect,
    Welcome,
    parse_from_backend,
)

_log = logging.getLogger("agent.session")

WELCOME_SECONDS = 10.0
MAX_BAD_FRAMES = 10
"""After so many frames that make no sense the socket is closed: this peer is not a backend."""
CLOSE_BAD_PEER = 1008


class Session:
    """A socket from its opening to its end.

    Args:
        socket: open, subprotocol agreed.
        runtime: what this agent is and knows.
        statements: those in hand, which outlive the session.
    """

    def __init__(self, socket: ClientConnection, runtime: Runtime, statements: Statements) -> None:
        self._socket = socket
        self._runtime = runtime
        self._statements = statements
        self._tasks: set[asyncio.Task[None]] = set()
        self._bad_frames = 0
        self.epoch = 0
        self.draining = False

    async def run(self) -> None:
        """Serve until the socket is lost.

        Raises:
            ConnectionClosed: the socket was closed, by whom and why is in it.
            VersionRefused: no protocol version is shared.
        """
        try:
            welcome = await self._greet()
            self.epoch = welcome.epoch
            self._runtime.limit_frames(welcome.limits.max_frame_bytes)
            self._max_control = welcome.limits.max_frame_bytes
            self._statements.attach(self._send)
            _log.info(
                "attached",
                extra={
                    "agent_id": welcome.agent_id,
                    "connection": welcome.connection_id,
                    "epoch": self.epoch,
                },
            )
            self._runtime.greeted = True
            self._spawn(self._tell_policy())
            async for data in self._socket:
                await self._hear(data)
            # Iteration ends without an error on a normal close; it is an end all the same.
            await self._socket.recv()
        finally:
            self._runtime.greeted = False
            self._statements.detach()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _greet(self) -> Welcome:
        hello = self._runtime.hello(self._statements.in_flight())
        await self._send(hello.model_dump_json())
        async with asyncio.timeout(WELCOME_SECONDS):
            while True:
                data = await self._socket.recv()
                match self._parse(data):
                    case Welcome() as welcome:
                        break
                    case ErrorMessage() as refusal:
                        if refusal.code == VersionRefused.code:
                            raise VersionRefused(refusal.message, refusal.hint)
                        _log.warning("backend reports", extra={"code": refusal.code, "text": refusal.message})
                    case _:
                        pass
        if not PROTOCOL_VERSION_MIN <= welcome.protocol <= PROTOCOL_VERSION:
            raise VersionRefused(
                f"The backend wants protocol {welcome.protocol}; this agent speaks"
                f" {PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION}.",
                "Update the older of the two.",
            )
        return welcome

    async def _hear(self, data: str | bytes) -> None:
        try:
            message = self._parse(data)
        except WireError as error:
            self._bad_frames += 1
            _log.warning("frame refused", extra={"code": error.code, "reason": str(error)})
            self._reply(ErrorMessage(code=error.code, message=str(error), hint=error.hint))
            if self._bad_frames >= MAX_BAD_FRAMES:
                await self._socket.close(CLOSE_BAD_PEER, "too many frames that make no sense")
            return
        self._dispatch(message)

    def _parse(self, data: str | bytes) -> FromBackend:
        if isinstance(data, bytes):
            raise WireError("The backend sends no binary frames.")
        return parse_from_backend(data)

    def _dispatch(self, message: FromBackend) -> None:
        match message:
            case Execute():
                self._refuse(message.statement_id, self._statements.execute(message))
            case Explain():
                self._refuse(message.statement_id, self._statements.explain(message))
            case Cancel():
                self._statements.cancel(message)
            case Credit():
                self._statements.credit(message, message.bytes)
            case EndAck():
                self._statements.end_ack(message)
            case Introspect():
                self._spawn(self._introspect(message))
            case Drain():
                self._spawn(self._drain(message.grace_seconds))
            case ErrorMessage():
                _log.warning("backend reports", extra={"code": message.code, "text": message.message})
            case Welcome():
                pass

    def _refuse(self, about: str, reason: str | None) -> None:
        if reason is not None:
            _log.warning("execution refused", extra={"statement": about, "reason": reason})
            self._reply(ErrorMessage(code="duplicate_statement", message=reason, about=about))

    async def _introspect(self, message: Introspect) -> None:
        try:
            frames = await self._runtime.describe(message, max_bytes=self._max_control)
        except CustardError as error:
            await self._send(
                ErrorMessage(
                    code=error.code, message=str(error), hint=error.hint, about=message.request_id
                ).model_dump_json()
            )
            return
        for frame in frames:
            await self._send(frame)

    async def _tell_policy(self) -> None:
        """Say hello again whenever the policy has changed."""
        digest = self._runtime.policy.digest
        while True:
            await self._runtime.changed(digest)
            digest = self._runtime.policy.digest
            await self._send(self._runtime.hello([]).model_dump_json())

    async def _drain(self, grace_seconds: float) -> None:
        """The backend is about to stop: finish here what runs, then attach anew."""
        self.draining = True
        _log.info("backend drains", extra={"grace_seconds": grace_seconds})
        await self._statements.drained(grace_seconds)
        await self._socket.close(1000, "drained")

    def _reply(self, message: ErrorMessage) -> None:
        self._spawn(self._send(message.model_dump_json()))

    async def _send(self, data: str | bytes) -> None:
        try:
            await self._socket.send(data)
        except ConnectionClosed as error:
            raise ConnectionResetError("the socket is closed") from error

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        async def quietly() -> None:
            with contextlib.suppress(ConnectionError):
                await work

        task = asyncio.create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
