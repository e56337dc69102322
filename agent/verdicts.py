"""What a lost or refused connection means: knock again, knock seldom, or stop. One pure function."""

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

from agent.errors import ConnectionEnded, NotAuthorised, Superseded, VersionRefused
from wire.closing import FORBIDDEN, REVOKED, SUPERSEDED, TOKEN_SHARED, UNSUPPORTED_VERSION


@dataclass(frozen=True, slots=True)
class Retry:
    """Reconnecting may help. ``slow`` when only a person can mend it, and so seldom."""

    reason: str
    slow: bool = False


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
            return _judge_status(error.response.status_code)
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


def _judge_status(status: int) -> Retry | Fatal:
    if status in (401, 403):
        return Fatal(
            NotAuthorised(
                f"The backend does not accept this agent's token (HTTP {status}).",
                "It is wrong or was revoked. Ask for a new join code and run: custard-agent join URL CODE",
            )
        )
    if status == 426:
        return Fatal(VersionRefused("The backend wants another version of the agent.", "Update the agent."))
    if status == 429 or status >= 500:
        return Retry(f"the server answered {status}")
    return Retry(f"the server answered {status}: is the address right?", slow=True)


def _judge_close(error: ConnectionClosed) -> Retry | Fatal:
    code = error.rcvd.code if error.rcvd is not None else None
    reason = error.rcvd.reason if error.rcvd is not None else ""
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
