"""Requests of others that are being answered here: each a task of its own, that its asker can give up."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

import structlog
from nats.aio.msg import Msg

from api.bus.connection import Connection
from api.bus.parts import (
    ALL_PART_BYTES,
    BROKE,
    BUSY,
    CONFIRM_SECONDS,
    LAST,
    LATE,
    MORE,
    SIGN,
    SIGN_SECONDS,
    confirms,
)
from api.bus.protocol import MAX_ANSWERING, Answer, Give
from api.bus.streams import Outgoing

_log = structlog.get_logger("api.bus")

Work = Callable[[Msg], Coroutine[Any, Any, None]]


class Answering:
    """All of them, by where their answers go."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._numbers = count()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._confirming: dict[str, asyncio.Event] = {}
        self._giving: dict[str, Outgoing] = {}

    def answer(self, answer: Answer) -> Work:
        """Takes requests of a subject that this answers."""

        async def work(message: Msg) -> None:
            await self._begin(self._answer(answer, message), message)

        return work

    def give(self, give: Give) -> Work:
        """Takes requests for streams."""

        async def work(message: Msg) -> None:
            await self._begin(self._give(give, message), message)

        return work

    async def _begin(self, work: Coroutine[Any, Any, None], message: Msg) -> None:
        if len(self._tasks) >= MAX_ANSWERING:
            work.close()
            await self._connection.say(message.reply, BUSY)
            return
        task = asyncio.create_task(work, name=f"answer {message.subject}")
        self._tasks[message.reply] = task
        task.add_done_callback(lambda _: self._tasks.pop(message.reply, None))

    async def _answer(self, answer: Answer, message: Msg) -> None:
        signs: asyncio.Task[None] | None = None
        try:
            if confirms(message.reply) and not await self._confirmed(message.reply):
                _log.warning("a request came too late", subject=message.subject)
                await self._connection.say(message.reply, LATE)
                return
            signs = asyncio.create_task(self._signs(message.reply, SIGN, None))
            whole = await answer(message.data)
        except asyncio.CancelledError:
            await self._connection.say(message.reply, BROKE)
            raise
        except Exception as error:
            _log.error("a request could not be answered", subject=message.subject, kind=type(error).__name__)
            await self._connection.say(message.reply, BROKE)
            return
        finally:
            if signs is not None:
                signs.cancel()
        pieces = [whole[at : at + ALL_PART_BYTES] for at in range(0, len(whole), ALL_PART_BYTES)] or [b""]
        for piece in pieces[:-1]:
            await self._connection.say(message.reply, MORE + piece)
        await self._connection.say(message.reply, LAST + pieces[-1])

    async def _confirmed(self, reply: str) -> bool:
        """Whether the asker is still there."""
        word = f"w{next(self._numbers)}"
        confirmed = self._confirming[word] = asyncio.Event()
        try:
            await self._connection.say(reply, SIGN + f"{self._connection.inbox}.{word}".encode())
            async with asyncio.timeout(CONFIRM_SECONDS):
                await confirmed.wait()
        except TimeoutError:
            return False
        finally:
            del self._confirming[word]
        return True

    async def _give(self, give: Give, message: Msg) -> None:
        word = f"g{next(self._numbers)}"
        outgoing = self._giving[word] = Outgoing(
            lambda part: self._connection.say(message.reply, MORE + part)
        )
        outgoing.task = asyncio.current_task()
        sign = SIGN + f"{self._connection.inbox}.{word}".encode()
        # Before any part: it names where credit for them goes.
        await self._connection.say(message.reply, sign)
        signs = asyncio.create_task(self._signs(message.reply, sign, outgoing))
        try:
            await give(message.data, outgoing)
            await self._connection.say(message.reply, LAST + outgoing.numbered(b""))
        except asyncio.CancelledError:
            await self._connection.say(message.reply, BROKE)
            raise
        except Exception as error:
            _log.error("a stream could not be given", subject=message.subject, kind=type(error).__name__)
            await self._connection.say(message.reply, BROKE)
        finally:
            signs.cancel()
            del self._giving[word]

    async def _signs(self, reply: str, sign: bytes, outgoing: Outgoing | None) -> None:
        while outgoing is None or outgoing.beat(SIGN_SECONDS):
            await self._connection.say(reply, sign)
            await asyncio.sleep(SIGN_SECONDS)
        if outgoing.task is not None:
            outgoing.task.cancel()

    def hear(self, word: str, data: bytes) -> bool:
        """Whether that was an asker's word, for one of ours."""
        if (confirmed := self._confirming.get(word)) is not None:
            confirmed.set()
        if (outgoing := self._giving.get(word)) is not None:
            outgoing.hear(data)
        return confirmed is not None or outgoing is not None

    def give_up(self, reply: str) -> None:
        """Its asker waits no longer."""
        if (task := self._tasks.get(reply)) is not None:
            task.cancel()

    def lost(self) -> None:
        """The connection is: parts of what is being given are lost, and their askers know."""
        for outgoing in self._giving.values():
            if outgoing.task is not None:
                outgoing.task.cancel()

    async def close(self) -> None:
        """Cancel all that is being answered."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
