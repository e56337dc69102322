"""Retry or give up: the whole table."""

import ssl

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosedError,
    ConnectionClosedOK,
    InvalidHandshake,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
)
from websockets.frames import Close
from websockets.http11 import Response

from agent.errors import ConnectionEnded, NotAuthorised, Superseded, VersionRefused
from agent.verdicts import Fatal, Retry, judge


def status(code: int, body: bytes = b"") -> InvalidStatus:
    return InvalidStatus(Response(code, "", Headers(), body))


def closed(code: int, reason: str = "") -> ConnectionClosedError:
    return ConnectionClosedError(Close(code, reason), None)


FATAL: list[tuple[Exception, type[ConnectionEnded]]] = [
    (status(401), NotAuthorised),
    (status(403, b'{"code": "revoked"}'), NotAuthorised),
    (status(426), VersionRefused),
    (closed(4401), NotAuthorised),
    (closed(4403, "revoked"), NotAuthorised),
    (closed(4409), Superseded),
    (closed(4406), VersionRefused),
    (closed(4429), Superseded),
    (NegotiationError("no subprotocol"), VersionRefused),
    (InvalidURI("nope", "no scheme"), ConnectionEnded),
    (Superseded("said before"), Superseded),
]


@pytest.mark.parametrize(("error", "kind"), FATAL, ids=lambda value: repr(value)[:40])
def test_what_reconnecting_cannot_mend(error: Exception, kind: type[ConnectionEnded]) -> None:
    decision = judge(error)
    assert isinstance(decision, Fatal)
    assert isinstance(decision.error, kind)
    assert str(decision.error)


RETRIED: list[tuple[Exception, bool]] = [
    (ConnectionRefusedError(111, "refused"), False),
    (OSError("no route"), False),
    (TimeoutError(), False),
    (EOFError(), False),
    (status(500), False),
    (status(502), False),
    (status(503), False),
    (status(429), False),
    (status(403), True),
    (status(403, b"<html>Blocked by policy</html>"), True),
    (status(403, b'{"code": "foreign_host", "detail": "Unknown name.", "hint": "List it."}'), True),
    (status(404), True),
    (status(407), True),
    (InvalidProxyStatus(Response(407, "", Headers())), True),
    (ssl.SSLCertVerificationError(1, "expired"), True),
    (ssl.SSLError(1, "handshake failure"), True),
    (InvalidHandshake("not a WebSocket"), False),
    (ConnectionClosedOK(Close(1000, ""), Close(1000, ""), True), False),
    (ConnectionClosedError(None, None), False),
    (closed(1001), False),
    (closed(1006), False),
    (closed(1008), False),
    (closed(1009), False),
    (closed(1011), False),
    (closed(1012), False),
    (closed(1013), False),
    (closed(4000), False),
    (ValueError("something new"), True),
]


@pytest.mark.parametrize(("error", "slow"), RETRIED, ids=lambda value: repr(value)[:40])
def test_what_time_may_mend(error: Exception, slow: bool) -> None:
    decision = judge(error)
    assert isinstance(decision, Retry)
    assert decision.slow is slow
    assert decision.reason
