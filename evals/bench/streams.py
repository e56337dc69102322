"""Events to many listeners at once: how many a second one backend sends, beside a server that only sends.

Live, as a run tells them: each is written before it is seen, as fast as the store takes them, or five at a
time, as a question's come. And again, from the store, when the run is over. All through a browser's route.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx2

from evals.bench.bare_stream import running_streams
from evals.bench.chain import running_backend
from evals.bench.figure import Figure, figure_of
from evals.bench.herd import Herd, enrolled
from evals.bench.pipelines import GO
from evals.bench.processes import cpu_seconds
from wire.base import Value

LISTENERS = 50
EVENTS = 2_000
"""That each of them is told."""
FEW_EVENTS, AT_ONCE = 400, 5
"""Of those that come as a question's do: so many together, and a pause in which they are written."""
PER_SECOND = 30_000
"""The goal, of one process."""
Kind = Literal["live", "paced", "again", "bare"]
Ask = Callable[[str], Awaitable[str]]
_SECONDS = 300.0
_NOW = {"Prefer": "respond-async, detached"}


class Stream(Value):
    """What one process sent to its listeners."""

    kind: Kind
    listeners: int
    events: int
    """To all of them together, each round."""
    per_second: int | None
    """On the clock, with whatever else the machine did and those who listened; None where it was paced."""
    per_cpu_second: int
    """Of the process's own time: what it would send if it had a core to itself."""
    goal: int | None = None
    """Events a second; None for the baseline."""


@dataclass
class _Rounds:
    """Seconds of each round, in which so many events were sent to all listeners together."""

    events: int
    clock: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def timed(self, pid: int) -> AsyncIterator[None]:
        spent, began = cpu_seconds(pid), time.perf_counter()
        yield
        self.clock.append(time.perf_counter() - began)
        self.cpu.append(max(cpu_seconds(pid) - spent, 1e-6))

    def each(self) -> list[float]:
        """Processor seconds of an event."""
        return [cpu / self.events for cpu in self.cpu]


async def stream_figures(
    *, rounds: int, listeners: int = LISTENERS, events: int = EVENTS
) -> tuple[list[Figure], list[Stream]]:
    """An event's cost to the process that sends it, and what that makes a second.

    Raises:
        RuntimeError: a listener was not told everything.
    """
    few = min(events, FEW_EVENTS)
    paced, live, again, bare = (_Rounds(listeners * count) for count in (few, events, events, events))
    with tempfile.TemporaryDirectory(prefix="custard-streams-") as folder:
        home = Path(folder)
        with running_backend(home, asked="count") as (url, pid):
            async with _asking(home, url) as ask:
                run, size = await _live(ask, url, pid, _Rounds(0), listeners, events)  # does not count
                with running_streams(events, size) as (address, bare_pid):
                    await _bare(address, bare_pid, _Rounds(0), listeners)
                    for _ in range(rounds):
                        await _bare(address, bare_pid, bare, listeners)
                        run, _ = await _live(ask, url, pid, live, listeners, events)
                        await _again(run, url, pid, again, listeners, events)
                        await _live(ask, url, pid, paced, listeners, few, at_once=AT_ONCE)
    beside = f"to {listeners} listeners, its sender's processor time : by a server that only sends"
    named: tuple[tuple[Kind, str, _Rounds], ...] = (
        ("live", "an event as a run tells it, as fast as it can", live),
        ("paced", f"one of {AT_ONCE} that a run tells at once", paced),
        ("again", "a kept event", again),
    )
    figures = [
        figure_of(
            f"event_{kind}", f"{what}, {beside}", mine.each(), bare.each(), unit="µs", scale=1e6
        ).aiming(median=1e6 / PER_SECOND)
        for kind, what, mine in named
    ]
    told = [_stream(kind, mine, listeners, PER_SECOND) for kind, _, mine in named]
    return figures, [*told, _stream("bare", bare, listeners, None)]


def _stream(kind: Kind, taken: _Rounds, listeners: int, goal: int | None) -> Stream:
    return Stream(
        kind=kind,
        listeners=listeners,
        events=taken.events,
        per_second=None if kind == "paced" else round(taken.events / statistics.median(taken.clock)),
        per_cpu_second=round(taken.events / statistics.median(taken.cpu)),
        goal=goal,
    )


@asynccontextmanager
async def _asking(home: Path, url: str) -> AsyncIterator[Ask]:
    """What asks this backend, with an agent attached, and returns the run's path at once."""
    crowd = Herd(url, await enrolled(home, 1))
    agent = asyncio.create_task(crowd.agent(0))
    try:
        await crowd.all_up()
        async with httpx2.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
            (connection,) = (await http.get("/api/v1/connections")).json()["connections"]

            async def ask(question: str) -> str:
                body = {"connection_id": connection["connection_id"], "question": question}
                answer = await http.post("/api/v1/query", json=body, headers=_NOW)
                answer.raise_for_status()
                return str(answer.headers["Location"])

            yield ask
    finally:
        agent.cancel()
        await asyncio.gather(agent, return_exceptions=True)


async def _live(
    ask: Ask, url: str, pid: int, taken: _Rounds, listeners: int, events: int, at_once: int | None = None
) -> tuple[str, int]:
    """The run, and an event's bytes."""
    run = await ask(f"{events} by {at_once}" if at_once else str(events))
    heard = await _listening(f"{url}{run}/events", listeners)
    async with taken.timed(pid):
        await ask(GO)
        await _all_over(heard)
    return run, _checked(heard, events)


async def _again(run: str, url: str, pid: int, taken: _Rounds, listeners: int, events: int) -> None:
    async with taken.timed(pid):
        heard = await _listening(f"{url}{run}/events", listeners)
        await _all_over(heard)
    _checked(heard, events)


async def _bare(address: str, pid: int, taken: _Rounds, listeners: int) -> None:
    heard = await _listening(f"{address}/", listeners)
    async with taken.timed(pid):
        await _all_over(await _listening(f"{address}/go", 1))
        await _all_over(heard)


class _Listener(asyncio.Protocol):
    """Reads a response to its end and does nothing else, so that it is the sender that is measured."""

    def __init__(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        self._request = request
        self.begun: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self.pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.pieces.append(data)
        if not self.begun.done():
            self.begun.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        for moment in (self.begun, self.over):
            if not moment.done():
                moment.set_result(None)


async def _listening(url: str, listeners: int) -> Sequence[_Listener]:
    """Listeners to whom the first bytes have come."""
    place = urlsplit(url)
    request = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    made = [
        loop.create_connection(lambda: _Listener(request), str(place.hostname), int(place.port or 80))
        for _ in range(listeners)
    ]
    heard = [listener for _, listener in await asyncio.gather(*made)]
    await _all([listener.begun for listener in heard])
    return heard


async def _all_over(heard: Sequence[_Listener]) -> None:
    await _all([listener.over for listener in heard])


async def _all(moments: Sequence["asyncio.Future[None]"]) -> None:
    async with asyncio.timeout(_SECONDS):
        await asyncio.gather(*moments)


def _checked(heard: Sequence[_Listener], events: int) -> int:
    """The mean bytes of an event, once each listener has been told its run from beginning to end."""
    last = f"id: {events + 2}\r\nevent: refused\r\n".encode()
    size = 0
    for listener in heard:
        text = b"".join(listener.pieces)
        if last not in text:
            raise RuntimeError("A listener was not told everything.")
        size = len(text)
    return size // (events + 2)
