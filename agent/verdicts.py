"""What a lost or refused connection means: knock again, knock seldom, or stop. One pure function."""

import json
import ssl
from dataclasses import dataclass

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
)
from websockets.http11 import Response

from agent.errors import ConnectionEnded, NotAuthorised, Superseded, VersionRefused
from wire.closing import FORBIDDEN, REVOKED, SAME_REPLICA, SUPERSEDED, TOKEN_SHARED, UNSUPPORTED_VERSION


@dataclass(frozen=True, slots=True)
class Retry:
    """Reconnecting may help. ``slow`` when only a person can mend it, and so seldom."""

    reason: str
    slow: bool = False
    asked: float = 0.0
    """Seconds that the backend wants to pass first."""
    expected: bool = False
    """Nothing is wrong: it happens as a matter of course."""


@dataclass(frozen=True, slots=True)
class Fatal:
    """Reconnecting would not help: ``error`` says what will."""

    error: ConnectionEnded


def judge(error: BaseException) -> Retry | Fatal:
    """Whether to reconnect after ``error``, which connecting or a session raised."""
    match error:
        case ConnectionEnded():
            return Fatal(error)
        case ConnectionClosed():
            return _judge_close(error)
        case InvalidStatus():
            return _judge_status(error.response)
        case InvalidURI():
            return Fatal(ConnectionEnded(f"The backend's address is not one: {error}"))
        case NegotiationError():
            return Fatal(
                VersionRefused(
                    "The server does not speak custard.v1.",
                    "Check the address; if it is right, update the older of agent and backend.",
                )
            )
        case InvalidProxyStatus():
            return Retry(f"the proxy answered {error.response.status_code}", slow=True)
        case ssl.SSLCertVerificationError():
            return Retry(f"the server's certificate is not valid: {error}", slow=True)
        case ssl.SSLError():
            return Retry(f"TLS failed: {error}", slow=True)
        case TimeoutError():
            return Retry("the server did not answer in time")
        case OSError() | EOFError():
            return Retry(f"the server cannot be reached: {error}")
        case InvalidHandshake():
            return Retry(f"the server's answer is no WebSocket handshake: {error}")
        case _:
            return Retry(f"unexpected: {type(error).__name__}: {error}", slow=True)


def _judge_status(response: Response) -> Retry | Fatal:
    status, retry_after = response.status_code, response.headers.get("Retry-After")
    said = _problem(response.body)
    if status == 401 or (status == 403 and said.get("code") == "revoked"):
        return Fatal(
            NotAuthorised(
                f"The backend does not accept this agent's token (HTTP {status}).",
                "It is wrong or was revoked. Ask for a new join code and run: custard-agent join URL CODE",
            )
        )
    if status == 426:
        return Fatal(VersionRefused("The backend wants another version of the agent.", "Update the agent."))
    if status == 429 or status >= 500:
        # RFC 9110 §10.2.3 has a date besides; a backend of ours sends seconds, and no clock is trusted.
        asked = float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
        return Retry(f"the server answered {status}", asked=asked)
    if status == 403:
        # Not about the token: of what stands before the backend, or of a name that the backend does not know.
        told = f"{said.get('detail', '')} {said.get('hint', '')}".strip()
        return Retry(
            f"the server answered 403: {told or 'something that stands before it does not let us through'}",
            slow=True,
        )
    return Retry(f"the server answered {status}: is the address right?", slow=True)


def _problem(body: bytes | bytearray | None) -> dict[str, object]:
    """What the backend says of it; nothing where somebody else answered."""
    try:
        said = json.loads(body or b"")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _judge_close(error: ConnectionClosed) -> Retry | Fatal:
    code = error.rcvd.code if error.rcvd is not None else None
    reason = error.rcvd.reason if error.rcvd is not None else ""
    if code == SAME_REPLICA:
        return Retry("the second socket was led to the same replica", expected=True)
    if code == SUPERSEDED:
        return Fatal(
            Superseded(
                "Another process with this agent's token has connected, and took over.",
                "Stop one of the two, or join the second as an agent of its own.",
            )
        )
    if code == TOKEN_SHARED:
        return Fatal(
            Superseded(
                "Several processes use this agent's token and keep displacing each other.",
                "Stop all but one, or join the others as agents of their own.",
            )
        )
    if code in (REVOKED, FORBIDDEN):
        return Fatal(
            NotAuthorised(
                "The backend has revoked this agent's token.",
                "Ask for a new join code and run: custard-agent join URL CODE",
            )
        )
    if code == UNSUPPORTED_VERSION:
        return Fatal(VersionRefused(reason or "The backend wants another version.", "Update the older one."))
    said = f" ({code}{': ' + reason if reason else ''})" if code is not None else ""
    return Retry(f"the connection was lost{said}")
