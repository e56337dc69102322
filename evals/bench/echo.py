"""Sockets that only echo, as processes of their own: what a WebSocket costs at least.

``python -m evals.bench.echo`` serves with the backend's own server and no application behind it; prints its
address when it listens."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from embedded.ports import free_port


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that takes every socket and sends back what comes."""
    if scope["type"] != "websocket":
        return
    while True:
        message: Any = await receive()
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif message["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": message["bytes"]})
        else:
            return


@contextmanager
def running_echo() -> Iterator[tuple[str, int]]:
    """A server in a process; its address and process id."""
    with subprocess.Popen(
        [sys.executable, "-m", "evals.bench.echo"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


class _Server(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(f"ws://127.0.0.1:{self.config.port}", flush=True)


if __name__ == "__main__":
    import uvloop

    config = uvicorn.Config(
        echo,
        port=free_port(),
        log_level="error",
        lifespan="off",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=5.0,
        ws_ping_timeout=6.0,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Server(config).serve())
