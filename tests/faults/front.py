"""A load balancer as people put it before replicas: asks each whether it is ready, and picks one that is."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from tests.faults.proxy import FaultProxy, Loop

_LOOK_SECONDS = 0.2
_DIAL_SECONDS = 1.0

Address = tuple[str, int]


class Front(FaultProxy):
    """One port for several replicas.

    Args:
        replicas: where they listen, in the order in which they are preferred.
        spread: give connections to all that are ready in turn; otherwise to the first of them.
    """

    def __init__(self, loop: Loop, replicas: list[Address], *, name: str, spread: bool) -> None:
        self._replicas = replicas
        self._spread = spread
        self._ready: list[Address] = []
        super().__init__(loop, replicas[0], name=name)
        self._looking = loop.do(_spawned(self._look()))

    @property
    def ready(self) -> int:
        """How many replicas it sends connections to."""
        return len(self._ready)

    async def _dial(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for address in [*self._ready, *self._replicas]:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_DIAL_SECONDS):
                    dialled = await asyncio.open_connection(*address)
                if self._spread and address in self._ready:
                    self._ready.remove(address)
                    self._ready.append(address)
                return dialled
        raise ConnectionRefusedError

    async def _look(self) -> None:
        while True:
            for address in self._replicas:
                good = await _is_ready(address)
                if good and address not in self._ready:
                    self._ready.append(address)
                elif not good and address in self._ready:
                    self._ready.remove(address)
            if not self._spread:
                self._ready.sort(key=self._replicas.index)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _close(self) -> None:
        self._looking.cancel()
        await super()._close()


async def _spawned(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.ensure_future(work)


async def _is_ready(address: Address) -> bool:
    try:
        async with asyncio.timeout(_DIAL_SECONDS):
            reader, writer = await asyncio.open_connection(*address)
            try:
                writer.write(b"GET /health/ready HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in line
