"""What every request passes first: does it come to us, from where it may, and small enough?

Pure ASGI, so that streams and sockets pass without a copy.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiError, BodyTooLarge, ForeignHost, ForeignOrigin, UnsupportedMedia
from api.problem import api_problem
from api.settings import Settings, is_loopback

MAX_BODY_BYTES = 64 * 1024
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
}


class Guard:
    """Refuses foreign hosts, foreign origins, bodies that are no JSON or too large."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._single_user = settings.single_user
        self._hosts = {host.lower() for host in settings.allowed_hosts} | _names(settings.public_url)
        self._origins = frozenset(settings.cors_origins) | _origins(settings.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = self.refusal(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        await self._limited(scope, receive, send)

    def refusal(self, scope: Scope) -> Response | None:
        """The answer, if any, that a request or a socket gets instead of what it asks for."""
        headers = Headers(scope=scope)
        try:
            self._check_host(headers)
            if scope["type"] == "http":
                self._check_origin(scope["method"], headers)
                _check_body(scope["method"], headers)
        except ApiError as error:
            return api_problem(error)
        return None

    def _check_host(self, headers: Headers) -> None:
        if not self._single_user:
            return
        host = _bare_host(headers.get("host", ""))
        # Without a key the browser is the only fence: a rebound name must not be taken for ours.
        if not is_loopback(host) and host not in self._hosts:
            raise ForeignHost(
                f"The name {host[:80]!r} is not one under which this backend is known.",
                "Use http://127.0.0.1, or list the name in CUSTARD_ALLOWED_HOSTS.",
            )

    def _check_origin(self, method: str, headers: Headers) -> None:
        origin = headers.get("origin")
        if method in _SAFE_METHODS or origin is None:
            return
        place = _place(origin)
        if origin.rstrip("/") in self._origins or (place is not None and place == headers.get("host")):
            return
        raise ForeignOrigin(
            f"Pages of {origin[:80]!r} may not change anything here.",
            "List the origin in CUSTARD_CORS_ORIGINS if it is yours.",
        )

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                if taken > MAX_BODY_BYTES:
                    # Of all errors met while a body is read, FastAPI lets only this kind through as it is.
                    raise HTTPException(413)
            return message

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    own.setdefault(name, value)
            await send(message)

        await self._app(scope, counted, dressed)


def _check_body(method: str, headers: Headers) -> None:
    if method in _SAFE_METHODS:
        return
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise _too_large()
    has_body = (length.isdecimal() and int(length) > 0) or "transfer-encoding" in headers
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and media_type != "application/json":
        raise UnsupportedMedia(
            f"The body came as {media_type[:80] or 'nothing that is named'}.",
            "Send Content-Type: application/json.",
        )


def _too_large() -> BodyTooLarge:
    return BodyTooLarge(
        f"The body is larger than {MAX_BODY_BYTES // 1024} kB.",
        "Shorten it: rows need not be pasted into a question.",
    )


def _bare_host(host: str) -> str:
    """The name without its port, an IPv6 address without its brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _place(origin: str) -> str | None:
    """Host and port of an origin; None of what is none."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None


def _names(url: str | None) -> set[str]:
    return {name.lower()} if url and (name := urlsplit(url).hostname) else set()


def _origins(url: str | None) -> frozenset[str]:
    if not url:
        return frozenset()
    parts = urlsplit(url)
    return frozenset({f"{parts.scheme}://{parts.netloc}"})
