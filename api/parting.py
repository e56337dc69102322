"""While this backend stops, every response is the last on its connection.

A client that reused a connection in the moment in which it is closed would see its request fail, and could
not know whether it was taken. Told in time, it opens another, which leads to a replica that stays.
"""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Parting:
    """Adds ``Connection: close`` once the backend is stopping.

    Args:
        stopping: whether it is.
    """

    def __init__(self, app: ASGIApp, stopping: Callable[[], bool]) -> None:
        self._app = app
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def parting(message: Message) -> None:
            if message["type"] == "http.response.start" and self._stopping():
                # Headers may be any iterable: a copy, not a change of what somebody else holds.
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, receive, parting)
