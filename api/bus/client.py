"""The NATS library's client, with three things mended that it does not do by itself."""

import asyncio
from collections.abc import Callable

from nats.aio.client import DEFAULT_FLUSH_TIMEOUT, Client
from nats.protocol.parser import Parser


class HearingClient(Client):
    """Tells of all that arrives, does not go deaf over a waiter that has given up, and flushes in order.

    nats-py answers a PONG to the future of whoever waits for it, done or not; a future that was cancelled in
    the meantime raises, and that ends the loop that reads, on a connection that still counts as connected.

    Args:
        heard: called with every piece that the server sends, whole messages or not.
    """

    def __init__(self, heard: Callable[[], None]) -> None:
        super().__init__()
        self._ps = _HearingParser(self, heard)

    async def _process_pong(self) -> None:
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
            self._pongs_received += 1
            self._pings_outstanding = 0
            return
        await super()._process_pong()

    async def flush(self, timeout: int = DEFAULT_FLUSH_TIMEOUT) -> None:
        """As the library's, behind what was said before.

        Its own ping overtakes what still lies in the buffer. So a subscription that was drained was forgotten
        before the server had heard of it, and what the server sent until then was lost: an asker waited.
        """
        await self._flush_pending(force_flush=True)
        await super().flush(timeout)

    async def ping(self) -> "asyncio.Future[bool]":
        """Ask the server for a sign of life; done when that has come, and never when it was lost."""
        pong: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if self.is_connected:
            await self._send_ping(pong)
        return pong


class _HearingParser(Parser):
    def __init__(self, client: Client, heard: Callable[[], None]) -> None:
        super().__init__(client)
        self._heard = heard

    async def parse(self, data: bytes = b"") -> None:
        if data:
            self._heard()
        await super().parse(data)
