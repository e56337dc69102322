"""One attached socket: hello and welcome, then a dispatch loop that never waits for a statement."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from agent.errors import VersionRefused
from agent.runtime import Runtime
from agent.statement import Door
from agent.statements import Statements
from wire.errors import CustardError, WireError
from wire.messages import (
    PROTOCOL_VERSION,
    PROTOCOL_VERSION_MIN,
    Cancel,
    Cases,
    Credit,
    Drain,
    EndAck,
    ErrorMessage,
    Execute,
    Explain,
    Export,
    FromBackend,
    Introspect,
    Lookup,
    Score,
    Tighten,
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
        on_replicas: told how many replicas of the backend there are.
    """

    def __init__(
        self,
        socket: ClientConnection,
        runtime: Runtime,
        statements: Statements,
        on_replicas: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._socket = socket
        self._runtime = runtime
        self._statements = statements
        self._tasks: set[asyncio.Task[None]] = set()
        self._bad_frames = 0
        self._digest = ""
        self._on_replicas = on_replicas
        self._door: Door | None = None
        self.epoch = 0
        self.replica = ""
        """Which replica of the backend this is."""
        self.draining = asyncio.Event()
        """Set when that replica is about to stop."""
        self.grace_seconds = 0.0
        """How long a replica that drains still serves."""

    async def open(self, attached: list[str]) -> None:
        """Say hello and be welcomed.

        Args:
            attached: replicas that other sessions of this process lead to.

        Raises:
            ConnectionClosed, TimeoutError: there was no welcome.
            VersionRefused: no protocol version is shared.
        """
        welcome = await self._greet(attached)
        self.epoch, self.replica = welcome.epoch, welcome.replica
        self._welcome = welcome
        self._on_replicas(welcome.replicas)

    async def serve(self) -> None:
        """Serve until the socket is lost.

        Raises:
            ConnectionClosed: the socket was closed, by whom and why is in it.
        """
        welcome = self._welcome
        self._door = self._statements.attach(self._send)
        try:
            self._runtime.limit_frames(welcome.limits.max_frame_bytes)
            self._tighten(welcome.policy)
            self._max_control = welcome.limits.max_frame_bytes
            _log.info(
                "attached",
                extra={
                    "agent_id": welcome.agent_id,
                    "connection": welcome.connection_id,
                    "epoch": self.epoch,
                    "replica": self.replica,
                },
            )
            self._spawn(self._tell_policy())
            async for data in self._socket:
                await self._hear(data)
            # Iteration ends without an error on a normal close; it is an end all the same.
            await self._socket.recv()
        finally:
            self._statements.detach(self._door)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _greet(self, attached: list[str]) -> Welcome:
        hello = self._runtime.hello(self._statements.in_flight()).model_copy(update={"attached": attached})
        self._digest = hello.policy_digest
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
                        if refusal.code != "same_replica":  # which happens as a matter of course
                            _log.warning(
                                "backend reports", extra={"code": refusal.code, "text": refusal.message}
                            )
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
        door = self._door
        assert door is not None
        match message:
            case Execute() | Export() | Explain() if not message.intact:
                self._garbled(message.statement_id)
            case Execute():
                self._refuse(message.statement_id, self._statements.execute(message, door))
            case Export():
                self._refuse(message.statement_id, self._statements.export(message, door))
            case Explain():
                self._refuse(message.statement_id, self._statements.explain(message, door))
            case Cancel():
                self._statements.cancel(message, door)
            case Credit():
                self._statements.credit(message, message.bytes)
            case EndAck():
                self._statements.end_ack(message)
            case Introspect():
                self._spawn(self._introspect(message))
            case Lookup():
                self._spawn(self._lookup(message))
            case Cases():
                self._spawn(self._send(self._runtime.suite(message).model_dump_json()))
            case Score():
                self._spawn(self._score(message))
            case Tighten():
                self._tighten(message.policy)
            case Drain():
                self._drain(message.grace_seconds)
            case ErrorMessage():
                _log.warning("backend reports", extra={"code": message.code, "text": message.message})
            case Welcome():
                self._on_replicas(message.replicas)

    def _tighten(self, policy: dict[str, Any] | None) -> None:
        """Before anything else is heard: what comes next is held to it."""
        error = self._runtime.tighten(policy)
        if error is not None:
            self._reply(ErrorMessage(code=error.code, message=str(error), hint=error.hint, about="tighten"))

    def _refuse(self, about: str, reason: str | None) -> None:
        if reason is not None:
            _log.warning("execution refused", extra={"statement": about, "reason": reason})
            self._reply(ErrorMessage(code="duplicate_statement", message=reason, about=about))

    def _garbled(self, about: str) -> None:
        """A bit of its text turned over on the way: what would run is not what was asked for."""
        _log.warning("statement garbled", extra={"statement": about})
        self._reply(
            ErrorMessage(
                code="digest_mismatch",
                message="The statement's text is not the one that was sent; nothing was run.",
                hint="Send it again; if it stays, see what stands between backend and agent, and use TLS.",
                about=about,
            )
        )

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

    async def _lookup(self, message: Lookup) -> None:
        await self._send((await self._runtime.lookup(message)).model_dump_json())

    async def _score(self, message: Score) -> None:
        await self._send((await self._runtime.score(message)).model_dump_json())

    async def _tell_policy(self) -> None:
        """Say hello again whenever another policy is in force than the last hello told of."""
        while True:
            await self._runtime.changed(self._digest)
            self._digest = self._runtime.policy.digest
            await self._send(self._runtime.hello([]).model_dump_json())

    def _drain(self, grace_seconds: float) -> None:
        """This replica is about to stop. It is served until it closes; another is looked for meanwhile."""
        _log.info("backend drains", extra={"grace_seconds": grace_seconds, "replica": self.replica})
        self.grace_seconds = grace_seconds
        self.draining.set()

    async def close(self, code: int, reason: str) -> None:
        """Leave."""
        await self._socket.close(code, reason)

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
