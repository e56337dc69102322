"""An export that another replica serves, because the agent is attached there: handed on as it comes.

The bus carries what that replica would have sent to its own reader, head first. Credit is given back as our
reader takes it, so a slow one slows the agent down over both replicas, and neither holds more than a window.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog
from fastapi.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.bus.protocol import BusBusy, BusError, NobodyAnswers, Sink
from api.errors import ApiError, BusUnavailable, Busy
from api.export import Wanted
from api.live_answer import while_read
from api.problem import api_problem
from api.relay import FileHead, FileRequest
from api.replicas import Replicas
from graph.run import Run

_TRIES = 3
"""How often an agent is looked for that moves just while it is asked."""

_MARGIN_SECONDS = 5.0

_log = structlog.get_logger("api.export")


class RelayedAnswer(Response):
    """The reader's side.

    Args:
        headers: of the reader's request, those that ask for a part.
        stall_seconds: how long the reader may take nothing.
        absent: what is told when no replica has the agent.
    """

    def __init__(
        self,
        replicas: Replicas,
        tenant: str,
        run: Run,
        wanted: Wanted,
        headers: list[tuple[str, str]],
        stall_seconds: float,
        absent: ApiError,
    ) -> None:
        super().__init__()
        self._replicas = replicas
        self._run = run
        self._stall_seconds = stall_seconds
        self._absent = absent
        self._request = FileRequest(
            tenant=tenant,
            run_id=run.run_id,
            format=wanted.format,
            safe=wanted.safe,
            plain=wanted.plain,
            headers=headers,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await while_read(self._serve(scope, receive, send), receive)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            for _ in range(_TRIES):
                if await self._tried(send):
                    return
            raise self._absent
        except ApiError as error:
            await api_problem(error, self._run.run_id)(scope, receive, send)

    async def _tried(self, send: Send) -> bool:
        """Whether it was served, or broke off; False where the agent had left.

        Raises:
            ApiError: nothing was sent yet.
        """
        begun = False
        try:
            replica = await self._replicas.locate(self._run.connection_id, self._run.agent_id)
            if replica is None:
                return False
            async with aclosing(self._replicas.file(replica, self._request)) as pieces:
                head = FileHead.model_validate_json(await anext(pieces))
                if head.refused is not None:
                    raise head.refused.error()
                if head.absent:
                    return False
                begun = True
                await self._pass_on(head, pieces, send)
        except NobodyAnswers:
            return False
        except BusBusy as error:
            raise Busy("The replica that has the agent is busy.", "Export again in a minute.") from error
        except (BusError, StopAsyncIteration, TimeoutError) as error:
            if not begun:
                raise BusUnavailable(
                    "The replica that has the agent cannot be reached.",
                    "Export again in a few seconds; if it stays, see whether the NATS server runs.",
                ) from error
            # Returning without an end makes the server close the connection: the reader sees it broken.
            _log.warning("an export broke", run=self._run.run_id, code=type(error).__name__)
        return True

    async def _pass_on(self, head: FileHead, pieces: AsyncGenerator[bytes, None], send: Send) -> None:
        """Send what comes. Raises ``TimeoutError`` when the reader takes nothing for too long."""
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.headers]
        await send({"type": "http.response.start", "status": head.status, "headers": headers})
        async for piece in pieces:
            # Longer than at the other replica, which decides, and says so in the manifest.
            async with asyncio.timeout(2 * self._stall_seconds + _MARGIN_SECONDS):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def head_of(head: FileHead) -> bytes:
    """The stream's first piece."""
    return head.model_dump_json().encode()


class Unended(Exception):
    """The answer broke off. Internal: breaks the stream, and with it the reader's answer."""


async def hand_over(answer: Response, request: FileRequest, sink: Sink) -> None:
    """Have an answer made here, and give it away piece by piece.

    Raises:
        Unended: it broke off in its middle.
    """
    ended = False

    async def send(message: Message) -> None:
        nonlocal ended
        if message["type"] == "http.response.start":
            headers = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
            ]
            await sink.send(head_of(FileHead(status=message["status"], headers=headers)))
            return
        if body := message.get("body", b""):
            await sink.send(bytes(body))
        ended = not message.get("more_body", False)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers],
    }
    await answer(scope, _never_gone, send)
    if not ended:
        raise Unended


async def _never_gone() -> Message:
    """The reader's going cancels the giving; nothing else is heard of it."""
    await asyncio.Event().wait()
    raise AssertionError("unreachable")
