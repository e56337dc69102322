"""Frames that are malformed, oversized, turned over, replayed or of another version: one socket's trouble."""

import base64
import json
import os
import random
import re
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from api.routes.socket import MAX_FRAME_BYTES
from cli.errors import ApiProblem
from tests.faults.plant import PATIENCE_SECONDS, Plant, await_
from tests.faults.proxy import Fault
from wire.messages import SUBPROTOCOL

SEED = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(2**32)))

OVERSIZED = MAX_FRAME_BYTES + 1
_CLOSE_TOO_BIG = re.compile(rb"\x88[\x02-\x7d]" + struct.pack("!H", 1009), re.S)
"""The head of a close frame from a server, with its code."""


def _dial(plant: Plant, token: str) -> ClientConnection:
    return connect(
        plant.direct.replace("http", "ws") + "/ws",
        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
        additional_headers={"Authorization": f"Bearer {token}"},
        proxy=None,
        open_timeout=PATIENCE_SECONDS,
        close_timeout=1,
    )


def _hello(**values: object) -> str:
    limits = {"statement_seconds": 1, "rows": 1, "bytes": 1000, "concurrent": 1}
    known = {
        "type": "hello",
        "agent_version": "9",
        "instance": uuid4().hex,
        "policy_digest": "p",
        "policy_name": "p",
        "limits": limits,
        "share": {},
        "server_version": 180000,
        "database": "work",
    }
    return json.dumps(known | values)


def _talk(plant: Plant, token: str, *frames: str | bytes, until: str) -> str:
    """Send frames; what is said back until that was said or the socket is closed, and how it was."""
    said = []
    with _dial(plant, token) as socket_:
        try:
            for frame in frames:
                socket_.send(frame)
            while until not in "\n".join(said):
                said.append(str(socket_.recv(timeout=PATIENCE_SECONDS)))
        except TimeoutError:
            said.append("open")
        except ConnectionClosed as closed:
            said.append(str(closed))
    return "\n".join(said)


def _handshake(token: str) -> bytes:
    key = base64.b64encode(b"0123456789abcdef").decode()
    return (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


def _raw(plant: Plant, token: str) -> socket.socket:
    """A socket behind its handshake, whose bytes nobody reads or writes but the test."""
    host, port = plant.direct.removeprefix("http://").split(":")
    raw = socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS)
    raw.sendall(_handshake(token))
    assert b" 101 " in raw.recv(4096)
    return raw


def _more(raw: socket.socket) -> bytes:
    """What comes next. Raises ``ConnectionError`` at the end."""
    found = raw.recv(65_536)
    if not found:
        raise ConnectionResetError
    return found


def _head(size: int) -> bytes:
    """Of one whole text frame (RFC 6455, 5.2); its mask is zero, so the payload goes as it is."""
    return b"\x81\xff" + struct.pack("!Q", size) + bytes(4)


@pytest.fixture(scope="module")
def token(whole_plant: Plant) -> str:
    """Of an agent beside the one that serves."""
    return whole_plant.join()


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        (["{"], "malformed_frame"),
        (["[]"], "malformed_frame"),
        ([b"\x00\x01\x02"], "no_hello"),
        (['{"type": "execute"}'], "unknown_message"),
        ([_hello(protocol_min=98, protocol_max=99)], "Update the older of the two"),
        ([_hello(), *(["{"] * 12)], "Too many frames"),
        ([_hello(), *([b"\xff" * 30] * 12)], "Too many frames"),
    ],
    ids=["no json", "no message", "binary", "not mine", "version", "babble", "binary babble"],
)
def test_what_cannot_be_taken_is_said_and_ends_that_socket_alone(
    plant: Plant, token: str, frames: list[str | bytes], said: str
) -> None:
    """The other agent serves all the while, and the process lives; ``plant`` asks a question afterwards."""
    process = plant.child("backend").process.pid
    assert said in _talk(plant, token, *frames, until=said)
    assert plant.child("backend").process.pid == process


@pytest.mark.parametrize("way", ["announced", "sent"])
def test_a_frame_that_is_too_large_ends_that_socket_alone(plant: Plant, token: str, way: str) -> None:
    """Read off the wire: a client whose sending breaks off may give up before it reads the close frame."""
    process = plant.child("backend").process.pid
    frame = _head(OVERSIZED) + (b"x" * OVERSIZED if way == "sent" else b"")
    hello = _hello().encode()
    said = bytearray()
    with _raw(plant, token) as raw:
        raw.sendall(_head(len(hello)) + hello)
        while b'"welcome"' not in said:
            said += _more(raw)
        with suppress(ConnectionError):
            raw.sendall(frame)
        with suppress(ConnectionError):
            while True:
                said += _more(raw)
    assert _CLOSE_TOO_BIG.search(said), bytes(said[-200:])
    assert plant.child("backend").process.pid == process


def test_a_token_that_is_none(plant: Plant) -> None:
    with pytest.raises(InvalidStatus) as refused, _dial(plant, "custard_agent_nothing"):
        pass
    assert refused.value.response.status_code == 401


def test_bytes_that_are_no_websocket(plant: Plant) -> None:
    """Fuzzed from one seed, raw and behind a handshake that is right."""
    chance = random.Random(SEED)
    token = plant.join()
    host, port = plant.direct.removeprefix("http://").split(":")
    for number in range(40):
        with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as raw:
            if number % 2:
                raw.sendall(_handshake(token))
                assert b" 101 " in raw.recv(4096), f"seed {SEED}"
            raw.sendall(chance.randbytes(chance.randrange(1, 3000)))
    assert plant.rows(plant.ask("How many staff have an id below 22?")) == [[21]], f"seed {SEED}"


def test_bits_that_turn_over_on_the_way_up_change_no_answer(plant: Plant) -> None:
    """What arrives is what was sent, or the socket is closed: a result carries its own hash.

    A question that finds the agent gone is refused, and not asked again while bits turn over: sooner or
    later one of the token would, which the agent takes for the end of its token.
    """
    asked: dict[int, str] = {}
    with plant.wire.fault(up=Fault(corrupt=0.3)):
        for n in range(100, 106):
            with suppress(ApiProblem):
                asked[n] = plant.start(f"How many staff have an id below {n}?", patient=False)
    assert asked
    for n, run_id in asked.items():
        run = plant.finish(run_id)
        assert run["status"] == "failed" or run["answer"]["rows"] == [[n - 1]], run["answer"]


@pytest.mark.parametrize("fault", [Fault(slicer=1), Fault(slicer=16, latency=0.0005)], ids=["one", "slow"])
def test_frames_that_come_in_crumbs(plant: Plant, fault: Fault) -> None:
    with plant.wire.fault(up=fault, down=fault):
        assert plant.rows(plant.ask("How many staff have an id below 23?")) == [[22]]


def test_the_agent_leaves_a_backend_that_babbles(plant: Plant) -> None:
    """What the backend's side of the wire says may be anything: the agent comes back, and serves."""
    detached: Callable[[], bool] = lambda: "detached" in plant.logs("agent")  # noqa: E731
    with plant.wire.fault(down=Fault(corrupt=1.0)):
        plant.wire.reset()
        await_(lambda: plant.agent_status() == "offline" or detached(), "the agent to leave")
    plant.wire.reset()
    plant.mend()
