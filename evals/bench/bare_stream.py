"""Streams with nothing behind them, as a process of their own: what sending events costs at least.

``python -m evals.bench.bare_stream EVENTS BYTES`` serves with the backend's own server: each ``GET /`` is
answered by so many pieces of so many bytes once somebody has asked ``GET /go``. Prints its address when it
listens.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from embedded.ports import free_port

_BODY = "http.response.body"


class Streams:
    """An application that sends the same pieces to everybody."""

    def __init__(self, events: int, size: int) -> None:
        self._events = events
        self._piece = b"x" * size
        self._may_begin = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/go":
            self._may_begin.set()
            self._may_begin = asyncio.Event()
        else:
            await send({"type": _BODY, "body": b"\n", "more_body": True})
            await self._may_begin.wait()
            for _ in range(self._events):
                await send({"type": _BODY, "body": self._piece, "more_body": True})
        await send({"type": _BODY, "body": b"", "more_body": False})


@contextmanager
def running_streams(events: int, size: int) -> Iterator[tuple[str, int]]:
    """A server in a process; its address and process id."""
    command = [sys.executable, "-m", "evals.bench.bare_stream", str(events), str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(f"http://127.0.0.1:{self.config.port}", flush=True)


async def _main(events: int, size: int) -> None:
    config = uvicorn.Config(
        Streams(events, size), interface="asgi3", port=free_port(), log_level="error", lifespan="off"
    )
    await _Server(config).serve()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(int(sys.argv[1]), int(sys.argv[2])))
