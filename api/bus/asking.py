"""Requests of this process that are under way, and what comes back for them."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from time import monotonic

from nats.aio.msg import Msg

from api.bus.connection import Connection
from api.bus.parts import CONFIRMING, LAST, MORE, SIGN, SIGN_SECONDS, TAKEN_SECONDS, TooLate, told
from api.bus.protocol import SILENCE_SECONDS, BusDown, BusError, BusSilent, NobodyAnswers
from api.bus.streams import Incoming, next_part

_TRIES = 3
"""So often a request is sent, when its answerer each time has not heard our word in time."""
_CANCEL_SECONDS = 5.0
"""How long a cancelled request waits for the answerer to have let go."""

_numbers = count()


class _Asked:
    """One request.

    Attributes:
        begun: whether the answerer may have begun; before, nothing was done.
        patient: whether it is then waited for although the broker says nothing.
    """

    def __init__(self, subject: str, reply: str, *, patient: bool) -> None:
        self.subject = subject
        self.reply = reply
        self.patient = patient
        self.parts: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self.begun = False

    async def next(self, patience: float) -> bytes:
        """What comes next. Raises ``BusError``, which says whether anything was done."""
        try:
            return await next_part(self.parts, self.subject, patience)
        except (BusSilent, BusDown) as error:
            error.begun = self.begun
            raise


class Asking:
    """All of them, by the last word of the subject that their answers come to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._asked: dict[str, _Asked] = {}

    async def request(self, subject: str, data: bytes, seconds: float, *, patient: bool) -> bytes:
        """As ``Bus``; what came too late to be begun is asked again."""
        ends = monotonic() + seconds
        for _ in range(_TRIES - 1):
            with suppress(TooLate):
                return await self._request(subject, data, ends - monotonic(), patient=patient)
        return await self._request(subject, data, ends - monotonic(), patient=patient)

    async def _request(self, subject: str, data: bytes, seconds: float, *, patient: bool) -> bytes:
        with self._under_way(subject, CONFIRMING, patient=patient) as asked:
            try:
                await self._connection.ask(f"custard.ask.{subject}", data, asked.reply)
                async with asyncio.timeout(seconds):
                    return await self._gather(asked)
            except TimeoutError:
                await self._give_up(asked)
                raise BusSilent(subject, begun=asked.begun) from None
            except TooLate:
                raise
            except BusSilent:
                await self._give_up(asked)
                raise
            except asyncio.CancelledError:
                await self._give_up(asked)
                await self._let_go(asked)
                raise

    async def _gather(self, asked: _Asked) -> bytes:
        whole = bytearray()
        patience = TAKEN_SECONDS
        while True:
            part = await asked.next(patience)
            kind, body, patience = part[:1], part[1:], SILENCE_SECONDS
            if kind == SIGN:
                if body and not asked.begun:
                    asked.begun = True
                    await self._connection.say(body.decode(errors="replace"), b"")
                asked.begun = True
                continue
            asked.begun = True
            told(kind, asked.subject)
            whole += body
            if kind == LAST:
                return bytes(whole)

    async def stream(self, subject: str, data: bytes) -> AsyncGenerator[bytes, None]:
        """As ``Bus``."""
        giver = ""

        async def say(data: bytes) -> None:
            if giver:
                await self._connection.say(giver, data)

        incoming = Incoming(subject, say)
        living = asyncio.ensure_future(incoming.live(SIGN_SECONDS))
        whole = False
        patience = TAKEN_SECONDS
        with self._under_way(subject, "") as asked:
            try:
                await self._connection.ask(f"custard.ask.{subject}", data, asked.reply)
                while not whole:
                    part = await asked.next(patience)
                    kind, body, patience = part[:1], part[1:], SILENCE_SECONDS
                    asked.begun = True
                    if kind == SIGN:
                        giver = giver or body.decode(errors="replace")
                        continue
                    whole = told(kind, subject) == LAST
                    piece = incoming.part(body)
                    if piece:
                        yield piece
                        await incoming.taken(len(piece))
            finally:
                living.cancel()
                if not whole:
                    await self._give_up(asked)

    @contextmanager
    def _under_way(self, subject: str, mark: str, *, patient: bool = True) -> Iterator[_Asked]:
        word = f"{mark}{next(_numbers)}"
        asked = _Asked(subject, f"{self._connection.inbox}.{word}", patient=patient)
        self._asked[word] = asked
        try:
            with self._connection.pulse.watch():
                yield asked
        finally:
            del self._asked[word]

    async def _give_up(self, asked: _Asked) -> None:
        await self._connection.say("custard.giveup", asked.reply.encode())

    async def _let_go(self, asked: _Asked) -> None:
        try:
            async with asyncio.timeout(_CANCEL_SECONDS if asked.begun else 0):
                while True:
                    part = await asked.parts.get()
                    if isinstance(part, Exception) or part[:1] not in (SIGN, MORE):
                        return
        except TimeoutError:
            return

    def hear(self, word: str, message: Msg) -> None:
        """Something came for one of them; for one that was given up it is too late."""
        asked = self._asked.get(word)
        if asked is None:
            return
        if not message.data and (message.headers or {}).get("Status") == "503":
            asked.parts.put_nowait(NobodyAnswers(asked.subject))
        else:
            asked.parts.put_nowait(message.data)

    def lost(self) -> None:
        """The connection is: whoever waits learns it now, and not from silence."""
        self._tell(BusDown, list(self._asked.values()))

    def silent(self) -> None:
        """The broker is: what has begun may still come to its end, and is waited for by the patient."""
        self._tell(BusSilent, [one for one in self._asked.values() if not (one.begun and one.patient)])

    def _tell(self, error: type[BusError], those: list[_Asked]) -> None:
        for asked in those:
            asked.parts.put_nowait(error(asked.subject))
