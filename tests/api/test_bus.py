"""The bus: one contract, held by the one within a process and by the one over a real NATS server."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from api.bus import make_bus
from api.bus.broker import NatsBus
from api.bus.local import Hub, LocalBus
from api.bus.protocol import (
    PART_BYTES,
    WINDOW_BYTES,
    AnswerBroke,
    Bus,
    BusBusy,
    BusDown,
    BusError,
    BusSilent,
    NobodyAnswers,
    Sink,
    checked,
)
from api.errors import BadSettings
from api.relay import AskRequest
from api.replicas import Replicas
from embedded.nats_server import NatsMissing, NatsServer
from tests.patience import HANG_SECONDS

Pair = tuple[Bus, Bus]


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    with NatsServer() as server:
        yield server


@pytest.fixture(params=["local", "nats"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """Two ends of one bus."""
    if request.param == "local":
        hub = Hub()
        ends: Pair = (LocalBus(hub), LocalBus(hub))
    else:
        url = request.getfixturevalue("nats").url
        ends = (NatsBus(url), NatsBus(url))
    for end in ends:
        await end.open()
    yield ends
    for end in ends:
        await end.close()


async def _echo(data: bytes) -> bytes:
    return b"heard " + data


async def test_nobody_waits_for_one_that_stops_answering(pair: Pair) -> None:
    """What was on its way is still answered; what comes later finds nobody."""
    one, other = pair
    for _ in range(60):
        subscription = await one.answer("agent.a1", _echo)
        ending = asyncio.create_task(subscription.end())
        try:
            while True:
                assert await other.request("agent.a1", b"this", seconds=30) == b"heard this"
        except NobodyAnswers:
            await ending


async def test_what_is_published_reaches_everyone_who_subscribes_in_order(
    pair: Pair, eventually: Any
) -> None:
    one, other = pair
    heard: list[list[bytes]] = [[], [], []]
    for listener, bus in zip(heard, (one, other, other), strict=True):
        await bus.subscribe("run.r1", listener.append)
    await other.subscribe("run.r2", lambda data: pytest.fail("another subject"))
    for number in range(20):
        await one.publish("run.r1", b"%d" % number)
    await eventually(lambda: all(len(listener) == 20 for listener in heard))
    assert heard[0] == heard[1] == heard[2] == [b"%d" % number for number in range(20)]


async def test_nobody_hears_after_the_end_of_a_subscription(pair: Pair, eventually: Any) -> None:
    one, other = pair
    ended: list[bytes] = []
    lasting: list[bytes] = []
    subscription = await other.subscribe("run.r1", ended.append)
    await other.subscribe("run.r1", lasting.append)
    await subscription.end()
    await subscription.end()
    await one.publish("run.r1", b"x")
    await eventually(lambda: lasting)
    assert ended == []


async def test_a_request_to_nobody_fails_at_once(pair: Pair) -> None:
    one, other = pair
    async with asyncio.timeout(30):
        with pytest.raises(NobodyAnswers):
            await one.request("agent.a1", b"", seconds=60)
        subscription = await other.answer("agent.a1", _echo)
        assert await one.request("agent.a1", b"x", seconds=30) == b"heard x"
        assert await other.request("agent.a1", b"y", seconds=30) == b"heard y"
        await subscription.end()
        # An end travels like everything else: asked by its own end of the bus, it is known.
        with pytest.raises(NobodyAnswers):
            await other.request("agent.a1", b"", seconds=60)


async def test_a_request_goes_to_exactly_one_of_those_that_answer(pair: Pair) -> None:
    one, other = pair
    asked: list[str] = []

    def answering(name: str) -> Any:
        async def answer(data: bytes) -> bytes:
            asked.append(name)
            return name.encode()

        return answer

    await one.answer("conn.c1", answering("one"))
    await other.answer("conn.c1", answering("other"))
    said = [await one.request("conn.c1", b"", seconds=30) for _ in range(40)]
    assert len(asked) == 40
    assert {answer.decode() for answer in said} == {"one", "other"}


@pytest.mark.parametrize("size", [0, 1, 512 * 1024, 3 * 1024 * 1024 + 7])
async def test_an_answer_of_any_size_arrives_whole(pair: Pair, size: int) -> None:
    one, other = pair
    body = bytes(index % 251 for index in range(1009)) * (size // 1009 + 1)

    async def large(data: bytes) -> bytes:
        return body[:size]

    await other.answer("agent.a1", large)
    assert await one.request("agent.a1", b"", seconds=30) == body[:size]


async def test_giving_up_cancels_what_is_done_and_waits_for_it(pair: Pair, eventually: Any) -> None:
    one, other = pair
    states: list[str] = []

    async def long(data: bytes) -> bytes:
        states.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            states.append("let go")
        return b""

    await other.answer("agent.a1", long)
    asking = asyncio.create_task(one.request("agent.a1", b"", seconds=60))
    await eventually(lambda: states)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert states == ["begun", "let go"]
    seconds = 0.1
    while states.count("begun") < 2:  # on a busy machine the first may be given up before it has begun
        seconds *= 2
        with pytest.raises(BusSilent):
            await one.request("agent.a1", b"", seconds=seconds)
    await eventually(lambda: states == ["begun", "let go"] * 2)


async def test_an_answerer_that_breaks_is_told_from_one_that_is_absent(pair: Pair) -> None:
    one, other = pair

    async def broken(data: bytes) -> bytes:
        raise RuntimeError("a secret")

    await other.answer("agent.a1", broken)
    with pytest.raises(AnswerBroke) as broke:
        await one.request("agent.a1", b"", seconds=30)
    assert "secret" not in str(broke.value)


async def test_more_requests_than_a_replica_takes_are_turned_away(
    pair: Pair, monkeypatch: Any, eventually: Any
) -> None:
    for where in ("local", "answering"):
        monkeypatch.setattr(f"api.bus.{where}.MAX_ANSWERING", 2)
    one, other = pair
    gate = asyncio.Event()
    taken: list[bytes] = []

    async def gated(data: bytes) -> bytes:
        taken.append(data)
        await gate.wait()
        return b"done"

    await other.answer("agent.a1", gated)
    held = [asyncio.create_task(one.request("agent.a1", b"", seconds=30)) for _ in range(2)]
    await eventually(lambda: len(taken) == 2)
    with pytest.raises(BusBusy):
        await one.request("agent.a1", b"", seconds=30)
    gate.set()
    assert await asyncio.gather(*held) == [b"done", b"done"]


async def test_closing_ends_what_is_being_answered(pair: Pair, eventually: Any) -> None:
    one, other = pair
    begun = asyncio.Event()

    async def long(data: bytes) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    await other.answer("agent.a1", long)
    asking = asyncio.create_task(one.request("agent.a1", b"", seconds=30))
    await begun.wait()
    await other.close()
    with pytest.raises((AnswerBroke, BusSilent)):
        async with asyncio.timeout(HANG_SECONDS):
            await asking


@pytest.mark.parametrize(
    "subject", ["", "run.*", "run.>", "run. x", "run..x", "run.\r\nPUB x", "agent." + "x" * 5_000]
)
def test_a_subject_is_made_of_plain_words(subject: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        checked(subject)


# --- NATS itself -------------------------------------------------------------------------------------------


async def test_a_killed_server_fails_requests_at_once_and_is_found_again(eventually: Any) -> None:
    with NatsServer() as server:
        one, other = NatsBus(server.url), NatsBus(server.url)
        await one.open()
        await other.open()
        try:
            begun = asyncio.Event()
            gate = asyncio.Event()

            async def gated(data: bytes) -> bytes:
                begun.set()
                await gate.wait()
                return b"done"

            await other.answer("agent.a1", gated)
            asking = asyncio.create_task(one.request("agent.a1", b"", seconds=60))
            await begun.wait()
            await asyncio.to_thread(server.kill)
            async with asyncio.timeout(30):
                with pytest.raises(BusDown):
                    await asking
            assert one.trouble is not None
            with pytest.raises(BusDown):
                await one.request("agent.a1", b"", seconds=60)
            await one.publish("run.r1", b"lost without a word")
            gate.set()
            await asyncio.to_thread(server.start)
            await eventually(lambda: one.trouble is None and other.trouble is None)
            heard: list[bytes] = []
            await one.subscribe("run.r1", heard.append)
            # What was answered before the server went is answered again, without asking anybody.
            assert await one.request("agent.a1", b"", seconds=30) == b"done"
            await other.publish("run.r1", b"x")
            await eventually(lambda: heard == [b"x"])
        finally:
            await one.close()
            await other.close()


@contextmanager
def _stopped(server: NatsServer) -> Iterator[None]:
    """SIGSTOP: its sockets stay, it takes what is sent, and says nothing."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch, patient: None) -> None:
    """A broker is given up as soon as it is where nobody asked for patience."""
    monkeypatch.setattr("api.bus.pulse._WAITS", 6)
    monkeypatch.setattr("api.bus.pulse._LONG_WAITS", 30)


async def test_a_server_that_says_nothing_is_found_out_and_what_it_holds_is_never_done(
    eventually: Any, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was refused must not happen later, when the server wakes and delivers it."""
    with NatsServer() as server:
        one, other = NatsBus(server.url), NatsBus(server.url)
        await one.open()
        await other.open()
        done: list[bytes] = []

        async def doing(data: bytes) -> bytes:
            done.append(data)
            return b"done"

        try:
            await other.answer("agent.a1", doing)
            with _stopped(server):
                with pytest.raises(BusSilent) as silent:
                    await one.request("agent.a1", b"refused", seconds=60)
                assert not silent.value.begun
                assert "does not answer" in (one.trouble or "")
                with pytest.raises(BusDown) as down:
                    await one.request("agent.a1", b"refused too", seconds=60)
                assert not down.value.begun
            await eventually(lambda: one.trouble is None)
            monkeypatch.setattr("api.bus.pulse._WAITS", 150)
            assert await one.request("agent.a1", b"x", seconds=30) == b"done"
            assert done == [b"x"]
        finally:
            await one.close()
            await other.close()


async def test_a_server_that_falls_silent_behind_a_begun_hand_over_is_not_waited_for(
    eventually: Any, hurried: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run is seen in the store; what can only be told by its answer is waited for."""
    monkeypatch.setattr("api.bus.asking.SILENCE_SECONDS", 3_600.0)
    with NatsServer() as server:
        one, other = NatsBus(server.url), NatsBus(server.url)
        await one.open()
        await other.open()
        begun, gate = asyncio.Semaphore(0), asyncio.Event()

        async def gated(data: bytes) -> bytes:
            begun.release()
            await gate.wait()
            return b"done"

        async def known() -> bool:
            return True

        ask = AskRequest(run_id="run_1", tenant="local", connection_id="c1", question="How many engineers?")
        try:
            await other.answer("conn.c1", gated)
            patient = asyncio.create_task(one.request("conn.c1", b"", seconds=3_600))
            handed = asyncio.create_task(Replicas(one).start(ask, known))
            for _ in range(2):
                await begun.acquire()
            with _stopped(server):
                async with asyncio.timeout(60):
                    assert await handed == "run_1"
                assert not patient.done()
                gate.set()
            assert await patient == b"done"
        finally:
            await one.close()
            await other.close()


async def test_a_process_that_stood_still_does_not_take_its_server_for_silent(
    nats: NatsServer, hurried: None
) -> None:
    """Its loop was blocked for longer than a server may be silent; the answers lay in its socket."""
    one, other = NatsBus(nats.url), NatsBus(nats.url)
    for end in (one, other):
        await end.open()
    try:

        async def busy(data: bytes) -> bytes:
            for _ in range(3):
                await asyncio.sleep(0.15)
                time.sleep(0.9)
            return b"done"

        await other.answer("agent.a1", busy)
        assert await one.request("agent.a1", b"x", seconds=30) == b"done"
        assert one.trouble is None
    finally:
        await one.close()
        await other.close()


async def test_nothing_begins_before_its_asker_has_confirmed_it(
    nats: NatsServer, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An asker that has gone is not served; one of the version before, which confirms nothing, is."""
    monkeypatch.setattr("api.bus.answering.CONFIRM_SECONDS", 0.2)
    one, other = NatsBus(nats.url), NatsBus(nats.url)
    for end in (one, other):
        await end.open()
    heard: list[tuple[str, bytes]] = []

    async def hear(message: Any) -> None:
        heard.append((message.subject.rpartition(".")[2], message.data[:1]))

    try:
        await other.answer("agent.a1", _echo)
        client = one.connection.client
        await client.subscribe("_INBOX.gone.*", cb=hear)
        await client.publish("custard.ask.agent.a1", b"x", reply="_INBOX.gone.c1")
        await client.publish("custard.ask.agent.a1", b"x", reply="_INBOX.gone.2")
        await eventually(lambda: ("c1", b"n") in heard and ("2", b"l") in heard)
        assert ("c1", b"l") not in heard
    finally:
        await one.close()
        await other.close()


async def test_an_asker_that_was_busy_when_it_was_asked_back_asks_again(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.bus.answering.CONFIRM_SECONDS", 0.3)
    one, other = NatsBus(nats.url), NatsBus(nats.url)
    for end in (one, other):
        await end.open()
    done: list[bytes] = []

    async def doing(data: bytes) -> bytes:
        done.append(data)
        return b"done"

    say, words = one.connection.say, iter(["lost", "heard"])

    async def say_late(subject: str, data: bytes) -> None:
        if next(words, "heard") != "lost":
            await say(subject, data)

    try:
        await other.answer("agent.a1", doing)
        monkeypatch.setattr(one.connection, "say", say_late)
        assert await one.request("agent.a1", b"x", seconds=30) == b"done"
        assert done == [b"x"]
    finally:
        await one.close()
        await other.close()


async def test_a_backend_starts_before_its_server(eventually: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.bus.connection._CONNECT_SECONDS", 0.3)
    with NatsServer() as server:
        await asyncio.to_thread(server.kill)
        bus = NatsBus(server.url)
        await bus.open()
        try:
            assert bus.trouble is not None
            await bus.answer("agent.a1", _echo)
            await asyncio.to_thread(server.start)
            await eventually(lambda: bus.trouble is None)
            assert await bus.request("agent.a1", b"x", seconds=30) == b"heard x"
        finally:
            await bus.close()


async def test_a_stranger_without_the_token_is_not_let_in(nats: NatsServer, monkeypatch: Any) -> None:
    monkeypatch.setattr("api.bus.connection._CONNECT_SECONDS", 0.3)
    bus = NatsBus(f"nats://127.0.0.1:{nats.url.rpartition(':')[2]}")
    await bus.open()
    assert bus.trouble is not None
    await bus.close()


def test_what_is_missing_is_named_with_the_line_that_installs_it(settings: Any, monkeypatch: Any) -> None:
    assert isinstance(make_bus(settings), LocalBus)
    over_nats = settings.model_copy(update={"nats_url": SecretStr("nats://127.0.0.1:4222")})
    assert isinstance(make_bus(over_nats), NatsBus)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadSettings) as refused:
        make_bus(over_nats)
    assert "custard-sql[replicas]" in refused.value.hint
    monkeypatch.setattr("embedded.nats_server.sysconfig.get_path", lambda name: "/nowhere")
    monkeypatch.setattr("embedded.nats_server.shutil.which", lambda name: None)
    with pytest.raises(NatsMissing) as missing:
        NatsServer()
    assert "custard-sql[replicas]" in missing.value.hint


# --- streams -----------------------------------------------------------------------------------------------


def _body(size: int) -> bytes:
    return (bytes(index % 251 for index in range(1009)) * (size // 1009 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, PART_BYTES, 5 * 1024 * 1024 + 7])
async def test_a_stream_of_any_size_arrives_whole_and_in_order(pair: Pair, size: int) -> None:
    one, other = pair

    async def give(data: bytes, sink: Sink) -> None:
        whole = _body(int(data))
        for at in range(0, size, 300_001):
            await sink.send(whole[at : at + 300_001])

    await other.give("files.r1", give)
    pieces = [piece async for piece in one.stream("files.r1", b"%d" % size)]
    assert b"".join(pieces) == _body(size)


async def test_a_stream_waits_for_its_reader(pair: Pair, eventually: Any) -> None:
    """What a reader has not taken stays with the giver, but for a window and a piece."""
    one, other = pair
    given = 0

    async def give(data: bytes, sink: Sink) -> None:
        nonlocal given
        for _ in range(200):
            await sink.send(bytes(100_000))
            given += 100_000

    await other.give("files.r1", give)
    stream = one.stream("files.r1", b"")
    taken = len(await anext(stream))
    await eventually(lambda: given >= WINDOW_BYTES // 2)
    await asyncio.sleep(0.3)
    assert given <= taken + WINDOW_BYTES + 2 * PART_BYTES
    taken += sum([len(piece) async for piece in stream])
    assert taken == given == 20_000_000


async def test_leaving_a_stream_cancels_its_giving(pair: Pair, eventually: Any) -> None:
    one, other = pair
    ended: list[str] = []

    async def give(data: bytes, sink: Sink) -> None:
        try:
            while True:
                await sink.send(bytes(1000))
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    await other.give("files.r1", give)
    stream = one.stream("files.r1", b"")
    await anext(stream)
    await stream.aclose()
    await eventually(lambda: ended == ["cancelled"])


async def test_a_stream_that_breaks_is_not_taken_for_whole(pair: Pair) -> None:
    one, other = pair

    async def give(data: bytes, sink: Sink) -> None:
        await sink.send(b"a beginning")
        raise ValueError("inside")

    await other.give("files.r1", give)
    stream = one.stream("files.r1", b"")
    assert await anext(stream) == b"a beginning"
    with pytest.raises(AnswerBroke):
        await anext(stream)


async def test_a_stream_from_nobody_fails_at_once(pair: Pair) -> None:
    async with asyncio.timeout(30):
        with pytest.raises(NobodyAnswers):
            await anext(pair[0].stream("files.r1", b""))


async def test_a_giver_that_goes_breaks_its_stream(pair: Pair) -> None:
    one, other = pair

    async def give(data: bytes, sink: Sink) -> None:
        await sink.send(b"a beginning")
        await asyncio.Event().wait()

    await other.give("files.r1", give)
    stream = one.stream("files.r1", b"")
    await anext(stream)
    await other.close()
    with pytest.raises((AnswerBroke, BusSilent)):
        await anext(stream)


async def test_a_giver_stops_when_its_asker_has_died(
    nats: NatsServer, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is killed says nothing; its reader may only be slow, so it is signs of life that count."""
    monkeypatch.setattr("api.bus.streams.SILENCE_SECONDS", 2.0)
    for end in ("asking", "answering"):
        monkeypatch.setattr(f"api.bus.{end}.SIGN_SECONDS", 0.1)
    one, other = NatsBus(nats.url), NatsBus(nats.url)
    stopped = asyncio.Event()

    async def give(data: bytes, sink: Sink) -> None:
        try:
            while True:
                await sink.send(bytes(100_000))
        finally:
            stopped.set()

    for end in (one, other):
        await end.open()
    try:
        await other.give("files.r1", give)
        stream = one.stream("files.r1", b"")
        await anext(stream)
        await asyncio.sleep(3.0)
        assert not stopped.is_set(), "a reader that is slow lives"
        await one.connection.client.close()
        await asyncio.wait_for(stopped.wait(), HANG_SECONDS)
        with pytest.raises(BusError):
            async for _ in stream:
                pass
    finally:
        await one.close()
        await other.close()


async def test_a_part_that_is_lost_breaks_the_stream(nats: NatsServer) -> None:
    one, other = NatsBus(nats.url), NatsBus(nats.url)

    async def give(data: bytes, sink: Sink) -> None:
        for number in range(5):
            if number == 2:
                sink.numbered(b"")  # type: ignore[attr-defined]  # as if this part had been dropped
            await sink.send(b"part")

    for end in (one, other):
        await end.open()
    try:
        await other.give("files.r1", give)
        with pytest.raises(AnswerBroke):
            [piece async for piece in one.stream("files.r1", b"")]
    finally:
        await one.close()
        await other.close()


async def test_a_waiter_that_gives_up_does_not_make_the_bus_deaf(nats: NatsServer) -> None:
    """A flush that was cancelled before its PONG came: what is said afterwards is still heard."""
    one, other = NatsBus(nats.url), NatsBus(nats.url)
    for end in (one, other):
        await end.open()
    try:
        await other.answer("agent.a1", _echo)
        for bus in (one, other):
            for _ in range(3):
                flushing = asyncio.create_task(bus.connection.client.flush())
                await asyncio.sleep(0)
                flushing.cancel()
                await asyncio.wait({flushing})
            await bus.connection.client.flush()
        assert await one.request("agent.a1", b"x", seconds=30) == b"heard x"
    finally:
        await one.close()
        await other.close()
