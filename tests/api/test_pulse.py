"""What an idle agent's socket is kept alive with: one timer for all, and nothing that nobody waits for."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

import pytest

from api.mailbox import Gate, Mailbox
from api.pulse import STEP_SECONDS, Ping, Pulse
from tests.patience import HANG_SECONDS


async def test_those_who_are_due_together_are_sent_the_same() -> None:
    pulse, pings = Pulse(), list[Ping]()
    both = asyncio.Event()

    def beat_of(_: int) -> Any:
        def beat(ping: Ping) -> float | None:
            pings.append(ping)
            if len(pings) == 4:
                both.set()
            return 0.0 if len(pings) < 3 else None

        return beat

    for number in range(2):
        pulse.begin(beat_of(number), 0)
    await asyncio.wait_for(both.wait(), HANG_SECONDS)
    assert pings[0] is pings[1]
    assert pings[2] is pings[3]
    assert pings[2].payload != pings[0].payload
    assert pings[2].at > pings[0].at
    assert pings[0].frame == bytes((0x89, 4)) + pings[0].payload


async def test_nobody_is_called_later_than_asked_but_for_the_loop() -> None:
    pulse, loop = Pulse(), asyncio.get_running_loop()
    began, timed = loop.time(), list[float]()
    real = loop.call_at

    def call_at(when: float, *rest: Any, **more: Any) -> Any:
        timed.append(when)
        return real(when, *rest, **more)

    loop.call_at = call_at  # type: ignore[method-assign]
    for seconds in (9.0, 5.1, 5.0, 7.0):
        pulse.begin(lambda _: None, seconds)
        # The one that is due first has the timer, and each has it in time.
        assert timed[-1] <= loop.time() + seconds
    assert timed == sorted(timed, reverse=True)
    assert timed[-1] > began + 5.0 - STEP_SECONDS


async def test_who_has_ended_is_not_called_and_who_fails_takes_nobody_along() -> None:
    pulse, called = Pulse(), asyncio.Event()
    gone = list[Ping]()

    def broken(_: Ping) -> float | None:
        raise RuntimeError("broken")

    def well(_: Ping) -> float | None:
        called.set()
        return None

    for beat in (broken, gone.append, well):
        pulse.begin(beat, 0)
    pulse.end(gone.append)
    await asyncio.wait_for(called.wait(), HANG_SECONDS)
    assert not gone


async def test_messages_come_in_order_and_a_cancelled_reader_loses_none() -> None:
    box = Mailbox()
    assert box.empty()
    reader = asyncio.create_task(box.get())
    await asyncio.sleep(0)
    for number in range(3):
        box.put_nowait(number)
    reader.cancel()  # it has been woken, and has not yet taken what woke it
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert [await box.get() for _ in range(3)] == [0, 1, 2]
    assert box.empty()
    late = asyncio.create_task(box.get())
    await asyncio.sleep(0)
    box.put_nowait("late")
    assert await asyncio.wait_for(late, HANG_SECONDS) == "late"


async def test_a_gate_holds_while_it_is_shut() -> None:
    gate = Gate()
    await gate.wait()
    gate.clear()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(one.done() for one in waiting)
    gate.set()
    await asyncio.wait_for(asyncio.gather(*waiting), HANG_SECONDS)
    gate.set()
    await gate.wait()


def _protocol(backend: Any) -> Any:
    (found,) = [one for one in backend.server.server_state.connections if hasattr(one, "ping_sent_at")]
    return found


async def test_an_agent_that_answers_is_pinged_on_and_stays(backend: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.server.PING_SECONDS", 0.1)
    monkeypatch.setattr("api.server.PONG_SECONDS", HANG_SECONDS)
    agent = await backend.agent(connection := await backend.connection())
    protocol, seen = _protocol(backend), set[float]()

    def pinged_thrice() -> bool:
        seen.add(protocol.ping_sent_at)
        return len(seen) > 3

    await backend.eventually(pinged_thrice)
    assert backend.state.gateway.session(connection) is not None
    # Nothing of the handshake is held on to meanwhile.
    assert not protocol.scope
    assert not hasattr(protocol, "request")
    assert not hasattr(protocol, "response")
    assert (await backend.ask(connection))["status"] == "succeeded"
    await agent.leave()


async def test_an_agent_that_answers_no_ping_is_given_up(backend: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.server.PING_SECONDS", 0.1)
    monkeypatch.setattr("api.server.PONG_SECONDS", 0.1)
    connection = await backend.connection()
    agent = await backend.agent(connection)
    agent.socket.transport.pause_reading()
    await backend.eventually(lambda: backend.state.gateway.online == 0)
    agent.socket.transport.abort()


async def test_the_short_way_in_is_guarded_as_the_long_one(backend: Any) -> None:
    address = urlsplit(backend.url)
    for path in ("/ws", "/ws/", "/other"):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: rebound.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        answer = await asyncio.wait_for(reader.read(), HANG_SECONDS)
        assert answer.startswith(b"HTTP/1.1 403 ")
        assert b"foreign_host" in answer
        writer.close()
