"""One connection to NATS: dialled until it stands, found again after it is lost, listened to for silence."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from api.bus.client import HearingClient
from api.bus.protocol import BusDown
from api.bus.pulse import Pulse

_CONNECT_SECONDS = 3.0
_PING_SECONDS = 5
_SETTLE_SECONDS = 2.0
_PENDING_MESSAGES = 20_000
_PENDING_BYTES = 32 * 1024 * 1024
"""What may wait for one subscription here; beyond, messages are dropped: hints are, requests time out."""

Take = Callable[[Msg], Awaitable[None]]

_log = structlog.get_logger("api.bus")


class Connection:
    """Kept for as long as the process lives; opened once.

    Args:
        url: one server's, or several separated by commas; may hold a user or a token. Never logged.

    ``on_lost``, ``on_found`` and ``on_silence`` are set before ``open``.
    """

    def __init__(self, url: str) -> None:
        self.on_lost: Callable[[], None] = _nothing
        self.on_found: Callable[[], None] = _nothing
        self.on_silence: Callable[[], None] = _nothing
        self.inbox = f"_INBOX.custard.{uuid4().hex}"
        """Where what is meant for this process alone arrives, under a word of its own each."""
        self.client = HearingClient(lambda: self.pulse.heard())
        self.pulse = Pulse(self.client.ping, lambda: self.client.is_connected, self._silent)
        self._servers = [part.strip() for part in url.split(",") if part.strip()]
        self._connecting: asyncio.Task[None] | None = None
        self._later: list[Subscribed] = []
        self._settling: dict[str, asyncio.Event] = {}

    @property
    def trouble(self) -> str | None:
        """As ``Bus``."""
        if not self.client.is_connected:
            return "The NATS server cannot be reached."
        return "The NATS server does not answer." if self.pulse.silent else None

    async def open(self) -> None:
        """Connect; a server that is away is waited for in the background."""
        self._connecting = asyncio.create_task(self._connect(), name="bus")
        await asyncio.wait({self._connecting}, timeout=_CONNECT_SECONDS)

    async def _connect(self) -> None:
        while True:
            try:
                await self.client.connect(
                    self._servers,
                    name="custard",
                    connect_timeout=2,
                    # The library's own first attempts; afterwards it reconnects for ever.
                    max_reconnect_attempts=-1,
                    allow_reconnect=True,
                    reconnect_time_wait=1,
                    ping_interval=_PING_SECONDS,
                    max_outstanding_pings=1,
                    pending_size=8 * 1024 * 1024,
                    error_cb=self._complain,
                    disconnected_cb=self._lost,
                    reconnected_cb=self._found,
                )
            except (nats.errors.Error, OSError, TimeoutError) as error:
                self._tell("the bus cannot be reached", error)
                await asyncio.sleep(0.5)
                continue
            for subscription in self._later:
                await subscription.begin()
            self._later.clear()
            return

    async def close(self) -> None:
        """Let go of the server."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self.pulse.close()
        await self.client.close()

    # --- telling -------------------------------------------------------------------------------------------

    async def ask(self, subject: str, data: bytes, reply: str) -> None:
        """Send what somebody waits for. Raises ``BusDown`` when it cannot go out."""
        if self.trouble is not None:
            raise BusDown(subject, begun=False)
        try:
            await self.client.publish(subject, data, reply=reply)
        except (nats.errors.Error, OSError) as error:
            raise BusDown(subject) from error

    async def say(self, subject: str, data: bytes) -> None:
        """Send it, or lose it without a word."""
        try:
            if self.client.is_connected:
                await self.client.publish(subject, data)
        except (nats.errors.Error, OSError) as error:
            self._tell("a message was lost", error)

    async def subscribe(self, subject: str, take: Take, group: str = "") -> "Subscribed":
        """Take what arrives there, from when this returns or the server is found."""
        subscription = Subscribed(self.client, subject, group, take)
        if self.client.is_connected or self.client.is_reconnecting:
            await subscription.begin()
            if self.trouble is None:
                await self._settle()
        else:
            self._later.append(subscription)
        return subscription

    async def _settle(self) -> None:
        """Wait until the server has what was said so far, by a message to ourselves.

        The library's ``flush`` overtakes subscriptions that still lie in its buffer.
        """
        word = uuid4().hex
        back = self._settling[word] = asyncio.Event()
        try:
            with self.pulse.watch():
                await self.say(f"{self.inbox}.{word}", b"")
                await asyncio.wait_for(back.wait(), _SETTLE_SECONDS)
        except TimeoutError:
            return  # the connection was lost; the library subscribes again with the next one
        finally:
            del self._settling[word]

    def settled(self, word: str) -> bool:
        """Whether that was one of ours that has come back."""
        if (back := self._settling.get(word)) is not None:
            back.set()
        return back is not None

    # --- hearing of it -------------------------------------------------------------------------------------

    async def _lost(self) -> None:
        _log.warning("the bus is lost")
        self.on_lost()

    async def _found(self) -> None:
        _log.info("the bus is back")
        self.on_found()

    def _silent(self) -> None:
        for back in self._settling.values():
            back.set()
        self.on_silence()

    async def _complain(self, error: Exception) -> None:
        self._tell("the bus reports an error", error)

    def _tell(self, what: str, error: Exception) -> None:
        _log.warning(what, kind=type(error).__name__)


class Subscribed:
    """Begun when there is a connection; the library renews it after a reconnect."""

    def __init__(self, client: Client, subject: str, group: str, take: Take) -> None:
        self._client = client
        self._subject = subject
        self._group = group
        self._take = take
        self._subscription: NatsSubscription | None = None
        self._ended = False

    async def begin(self) -> None:
        if self._ended:
            return
        self._subscription = await self._client.subscribe(
            self._subject,
            queue=self._group,
            cb=self._take,
            pending_msgs_limit=_PENDING_MESSAGES,
            pending_bytes_limit=_PENDING_BYTES,
        )

    async def end(self) -> None:
        self._ended = True
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                # Not ``unsubscribe``, which throws away what is on its way: an asker would wait in vain.
                await subscription.drain()  # type: ignore[no-untyped-call]  # nats-py leaves it bare
            except (nats.errors.Error, OSError, ValueError):
                return  # it went with the connection


def _nothing() -> None:
    return
