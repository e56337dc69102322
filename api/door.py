"""The shortest way in for agents, who stay for days.

Every layer that an agent's socket passes keeps a frame or two for as long as it lives: through all that a
request passes they are sixteen, and ten kilobytes.
"""

from collections.abc import Awaitable

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from api.guard import Guard
from api.routes.socket import PATH, agent_socket
from api.settings import Settings


class Door:
    """The application as our own server runs it. Others run the application itself, which has the same route.

    Not a coroutine itself, so that it is not a layer either.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        self._app = app
        self._guard = Guard(app, settings)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] != "websocket" or scope["path"] != PATH:
            return self._app(scope, receive, send)
        refused = self._guard.refusal(scope)
        if refused is not None:
            return refused(scope, receive, send)
        scope["app"] = self._app
        return agent_socket(WebSocket(scope, receive, send))
