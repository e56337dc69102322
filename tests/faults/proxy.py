"""A TCP proxy that misbehaves on command, in Toxiproxy's vocabulary.

It runs on an event loop of its own thread, so that a test, whatever it waits for, does not hold up the
traffic it looks at. A fault set while connections are open holds for them too, from their next bytes on.

``Link.client`` is the side that dials the proxy, ``Link.server`` the one it dials. Bytes from the client go
*up*, bytes from the server *down*.
"""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from embedded.ports import free_port

Direction = Literal["up", "down"]
Tap = Callable[[int, Direction, bytes], None]
"""Told the number of the connection, the way, and the bytes."""
_T = TypeVar("_T")

_CHUNK = 64 * 1024
_LINGER_NONE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the bytes of one direction. The default is nothing."""

    latency: float = 0.0
    """Seconds before each piece goes on."""
    jitter: float = 0.0
    """At most so many seconds more."""
    bandwidth: float = 0.0
    """Bytes a second; 0 is unlimited."""
    slicer: int = 0
    """Bytes of a piece at most; 0 leaves them as they come."""
    blackhole: bool = False
    """Nothing goes on, and nobody is told: what a cut cable looks like from both ends."""
    limit_data: int | None = None
    """After so many bytes of a connection it is closed."""
    corrupt: float = 0.0
    """Of each piece, the chance that one of its bits is turned over."""
    slow_close: float = 0.0
    """Seconds between one side's end and the other side's hearing of it."""
    idle_cut: float = 0.0
    """A connection without traffic for so many seconds is closed, as load balancers do; 0 never."""


NOTHING = Fault()


class Loop:
    """An event loop in a thread of its own, shared by the proxies of a test run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxies", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run it there, and wait for its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@dataclass(eq=False)
class _Link:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    number: int
    """Which of the proxy's connections it is, from 1."""
    server: asyncio.StreamWriter | None = None
    passed: dict[Direction, int] = field(default_factory=lambda: {"up": 0, "down": 0})
    last: float = 0.0

    def writers(self) -> list[asyncio.StreamWriter]:
        return [one for one in (self.client, self.server) if one is not None]

    def cut(self, *, reset: bool) -> None:
        for writer in self.writers():
            raw: socket.socket | None = writer.get_extra_info("socket")
            if reset and raw is not None:
                with suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NONE)
            writer.transport.abort() if reset else writer.close()


class FaultProxy:
    """One link of the chain, with whatever is wrong with it.

    Args:
        loop: where it runs.
        target: host and port that it dials; may be changed at any time, for connections to come.
        name: for messages.
        seed: of the bits that are turned over and the jitter.
        tap: sees every piece as it came, before any fault.
    """

    def __init__(
        self, loop: Loop, target: tuple[str, int], *, name: str, seed: int = 0, tap: Tap | None = None
    ) -> None:
        self.target = target
        self.name = name
        # Not one of the kernel's choice: while it is refused, an outgoing connection could be given it.
        self.port = free_port()
        self.opened = 0
        """Connections that were ever taken."""
        self._loop = loop
        self._tap = tap
        self._chance = random.Random(seed)
        self._faults: dict[Direction, Fault] = {"up": NOTHING, "down": NOTHING}
        self._passed: dict[Direction, int] = {"up": 0, "down": 0}
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        loop.do(self._listen())

    @property
    def open(self) -> int:
        """Connections through it."""
        return len(self._links)

    def passed(self, way: Direction) -> int:
        """Bytes that have gone on that way, over all its connections."""
        return self._passed[way]

    def set(self, *, up: Fault | None = None, down: Fault | None = None) -> None:
        """What is wrong from now on; a direction that is not given is left as it is."""
        self._loop.do(self._set(up, down))

    def clear(self) -> None:
        """Nothing is wrong any more; what a blackhole held goes on."""
        self.set(up=NOTHING, down=NOTHING)

    @contextmanager
    def fault(self, *, up: Fault | None = None, down: Fault | None = None) -> Iterator[None]:
        """For a while."""
        self.set(up=up, down=down)
        try:
            yield
        finally:
            self.clear()

    def reset(self) -> None:
        """RST to both sides of every connection."""
        self._loop.do(self._cut(reset=True))

    def hang_up(self) -> None:
        """FIN to both sides of every connection."""
        self._loop.do(self._cut(reset=False))

    def refuse(self) -> None:
        """Take no more connections, and cut those there are."""
        self._loop.do(self._refuse())

    def accept(self) -> None:
        """Take connections again, at the same port."""
        self._loop.do(self._listen())

    def close(self) -> None:
        self._loop.do(self._close())

    # --- on the loop ---------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._taken, "127.0.0.1", self.port)

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        await self._cut(reset=True)

    async def _close(self) -> None:
        await self._refuse()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _set(self, up: Fault | None, down: Fault | None) -> None:
        self._faults |= {"up": up} if up is not None else {}
        self._faults |= {"down": down} if down is not None else {}
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _cut(self, *, reset: bool) -> None:
        for link in list(self._links):
            link.cut(reset=reset)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.opened += 1
        link = _Link(writer, self.opened, last=asyncio.get_running_loop().time())
        self._links.add(link)
        try:
            far, link.server = await self._dial(reader, writer)
            watch = asyncio.create_task(self._watch(link))
            try:
                await asyncio.gather(
                    self._pump(link, "up", reader, link.server), self._pump(link, "down", far, writer)
                )
            finally:
                watch.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # one side has gone, or could not be reached: the other is told below
        finally:
            link.cut(reset=link.server is None)
            self._links.discard(link)
            self._tasks.discard(task)

    async def _dial(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.target)

    async def _pump(
        self, link: _Link, way: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        while data := await source.read(self._faults[way].slicer or _CHUNK):
            link.last = asyncio.get_running_loop().time()
            if self._tap is not None:
                self._tap(link.number, way, data)
            data = await self._suffer(link, way, data)
            link.passed[way] += len(data)
            self._passed[way] += len(data)
            sink.write(data)
            await sink.drain()
            limit = self._faults[way].limit_data
            if limit is not None and link.passed[way] >= limit:
                link.cut(reset=False)
                return
        await self._blocked(way)
        await asyncio.sleep(self._faults[way].slow_close)
        with suppress(OSError):
            sink.write_eof()

    async def _suffer(self, link: _Link, way: Direction, data: bytes) -> bytes:
        await self._blocked(way)
        fault = self._faults[way]
        pause = fault.latency + self._chance.random() * fault.jitter
        if fault.bandwidth:
            pause += len(data) / fault.bandwidth
        if pause:
            await asyncio.sleep(pause)
        await self._blocked(way)
        if fault.limit_data is not None:
            data = data[: max(fault.limit_data - link.passed[way], 0)]
        if data and self._chance.random() < fault.corrupt:
            place, bit = self._chance.randrange(len(data)), 1 << self._chance.randrange(8)
            data = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
        return data

    async def _blocked(self, way: Direction) -> None:
        while self._faults[way].blackhole:
            await self._changed.wait()

    async def _watch(self, link: _Link) -> None:
        loop = asyncio.get_running_loop()
        while True:
            cut = max(self._faults["up"].idle_cut, self._faults["down"].idle_cut)
            if cut and loop.time() - link.last > cut:
                link.cut(reset=False)
                return
            await asyncio.sleep(0.1)
