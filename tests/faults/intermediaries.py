"""What stands between an agent or a browser and the backend in companies: proxies that know HTTP."""

import asyncio
import re

from tests.faults.proxy import Direction, FaultProxy, Loop, _Link

_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_UNBUFFERED = re.compile(rb"\r\nx-accel-buffering: *no\r\n", re.IGNORECASE)

Address = tuple[str, int]


class Tunnel(FaultProxy):
    """The only way out of a network: takes ``CONNECT`` and nothing else, and tells what it was asked for.

    Args:
        target: where every tunnel leads, whatever was asked for.
    """

    def __init__(self, loop: Loop, target: Address, *, name: str) -> None:
        self.asked: list[str] = []
        """``host:port`` of each tunnel."""
        super().__init__(loop, target, name=name)

    async def _dial(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        head = await reader.readuntil(_HEAD_END)
        method, address, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            raise ConnectionRefusedError
        self.asked.append(address)
        dialled = await super()._dial(reader, writer)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        return dialled


class Buffering(FaultProxy):
    """Passes a response on when it has all of it, as reverse proxies do by default.

    Args:
        stubborn: also where the response asks not to be held back (``X-Accel-Buffering: no``).
    """

    def __init__(self, loop: Loop, target: Address, *, name: str, stubborn: bool) -> None:
        self._stubborn = stubborn
        super().__init__(loop, target, name=name)

    async def _pump(
        self, link: _Link, way: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        if way == "down":
            while await self._response(source, sink):
                pass
        await super()._pump(link, way, source, sink)

    async def _response(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> bool:
        """Pass one on whole. False: what comes from now on is not to be held back."""
        try:
            head = await source.readuntil(_HEAD_END)
        except asyncio.IncompleteReadError as error:
            sink.write(error.partial)
            return False
        if _UNBUFFERED.search(head) and not self._stubborn:
            sink.write(head)
            await sink.drain()
            return False
        body = bytearray()
        if (length := _LENGTH.search(head)) is not None:
            body += await source.readexactly(int(length[1]))
        else:
            while not (b"\r\n" + body).endswith(_LAST_CHUNK) and (piece := await source.read(65536)):
                body += piece
        sink.write(head + body)
        await sink.drain()
        return True
