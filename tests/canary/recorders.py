"""Ears on every way out: a proxy between agent and backend, and a collector where traces go."""

import asyncio
import gzip
import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from wire.messages import SUBPROTOCOL

MAX_FRAME = 16 * 1024 * 1024
BATCHES = {
    "size_limit": 20,
    "size_limit_bytes": 20_000_000,
    "scale_up_nthreads_limit": 1,
    "scale_up_qsize_trigger": 1000,
    "scale_down_nempty_trigger": 4,
    "use_multipart_endpoint": False,
}
"""How traces are to be sent: in JSON, as they are, so that they can be looked into."""


class WireRecorder:
    """Passes every WebSocket message on as it is and keeps it; runs on a loop of its own thread.

    Args:
        backend: the backend's port on loopback.

    Attributes:
        up: what the agent said, in order.
        down: what it was told.
    """

    def __init__(self, backend: int) -> None:
        self.up: list[bytes] = []
        self.down: list[bytes] = []
        self.port = 0
        self._backend = backend
        self._server: Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        self._server = await serve(
            self._pass,
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            max_size=MAX_FRAME,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _pass(self, agent: ServerConnection) -> None:
        assert agent.request is not None
        authorization = agent.request.headers.get("Authorization", "")
        async with connect(
            f"ws://127.0.0.1:{self._backend}/ws",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers={"Authorization": authorization},
            compression=None,
            max_size=MAX_FRAME,
        ) as backend:

            async def carry(source: object, sink: object, kept: list[bytes]) -> None:
                try:
                    async for message in source:  # type: ignore[attr-defined]  # either end of a socket
                        kept.append(message.encode() if isinstance(message, str) else message)
                        await sink.send(message)  # type: ignore[attr-defined]  # as above
                except ConnectionClosed:
                    pass
                finally:
                    await sink.close()  # type: ignore[attr-defined]  # as above

            await asyncio.gather(carry(agent, backend, self.up), carry(backend, agent, self.down))


class TraceCollector:
    """Stands in for LangSmith: takes whatever it is sent, and keeps it unpacked."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _collecting(self.bodies))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _collecting(bodies: list[bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            self._answer({"version": "0.0.0", "batch_ingest_config": BATCHES})

        def do_POST(self) -> None:
            bodies.append(self._unpacked())
            self._answer({})

        do_PATCH = do_POST  # noqa: N815 (the name that the base class looks for)

        def _unpacked(self) -> bytes:
            if "content-length" in self.headers:
                data = self.rfile.read(int(self.headers["content-length"]))
            else:
                parts = []
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                data = b"".join(parts)
            match self.headers.get("content-encoding", ""):
                case "gzip":
                    return gzip.decompress(data)
                case "deflate":
                    return zlib.decompress(data)
                case "":
                    return data
                case other:
                    raise AssertionError(f"traces came packed as {other}, which is not looked into")

        def _answer(self, value: object) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler
