"""The bus over NATS core, for several processes.

NATS itself says at once when nobody answers a subject. What it does not say is that an answerer died in the
midst of a request, so one that works gives a sign every two seconds; nor that it is silent itself, so it is
asked as soon as a request has waited for a moment. An answer comes in parts, since a message is bounded.
"""

from collections.abc import AsyncGenerator, Callable

from nats.aio.msg import Msg

from api.bus.answering import Answering
from api.bus.asking import Asking
from api.bus.connection import Connection, Subscribed
from api.bus.parts import GROUP
from api.bus.protocol import Answer, Give, Hear, checked


class NatsBus:
    """``protocol.Bus``.

    Args:
        url: as ``Connection``.
    """

    shared = True

    def __init__(self, url: str) -> None:
        self.on_found: Callable[[], None] = lambda: None
        self.connection = Connection(url)
        self._asking = Asking(self.connection)
        self._answering = Answering(self.connection)

    @property
    def trouble(self) -> str | None:
        """As ``Bus``."""
        return self.connection.trouble

    async def open(self) -> None:
        """As ``Bus``; an instance is opened once."""
        self.connection.on_lost = self._lost
        self.connection.on_found = lambda: self.on_found()
        self.connection.on_silence = self._asking.silent
        await self.connection.open()
        await self.connection.subscribe(f"{self.connection.inbox}.*", self._hear)
        await self.connection.subscribe("custard.giveup", self._hear_giving_up)

    async def publish(self, subject: str, data: bytes = b"") -> None:
        """As ``Bus``."""
        await self.connection.say(f"custard.tell.{checked(subject)}", data)

    async def subscribe(self, subject: str, hear: Hear) -> Subscribed:
        """As ``Bus``."""

        async def take(message: Msg) -> None:
            hear(message.data)

        return await self.connection.subscribe(f"custard.tell.{checked(subject)}", take)

    async def answer(self, subject: str, answer: Answer) -> Subscribed:
        """As ``Bus``."""
        take = self._answering.answer(answer)
        return await self.connection.subscribe(f"custard.ask.{checked(subject)}", take, GROUP)

    async def give(self, subject: str, give: Give) -> Subscribed:
        """As ``Bus``."""
        take = self._answering.give(give)
        return await self.connection.subscribe(f"custard.ask.{checked(subject)}", take, GROUP)

    async def request(self, subject: str, data: bytes, *, seconds: float, patient: bool = True) -> bytes:
        """As ``Bus``."""
        return await self._asking.request(checked(subject), data, seconds, patient=patient)

    def stream(self, subject: str, data: bytes) -> AsyncGenerator[bytes, None]:
        """As ``Bus``."""
        return self._asking.stream(checked(subject), data)

    async def _hear(self, message: Msg) -> None:
        word = message.subject.rpartition(".")[2]
        if not self.connection.settled(word) and not self._answering.hear(word, message.data):
            self._asking.hear(word, message)

    async def _hear_giving_up(self, message: Msg) -> None:
        self._answering.give_up(message.data.decode(errors="replace"))

    def _lost(self) -> None:
        self._asking.lost()
        self._answering.lost()

    async def close(self) -> None:
        """As ``Bus``."""
        await self._answering.close()
        await self.connection.close()
