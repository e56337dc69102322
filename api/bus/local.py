"""The bus within a process: the default, for one replica. A ``Hub`` joins several applications in it."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from itertools import count
from typing import Any

import structlog

from api.bus.protocol import (
    MAX_ANSWERING,
    WINDOW_BYTES,
    Answer,
    AnswerBroke,
    BusBusy,
    BusSilent,
    Give,
    Hear,
    NobodyAnswers,
    checked,
)

_log = structlog.get_logger("api.bus")


class Hub:
    """What the ends of local buses have in common."""

    def __init__(self) -> None:
        self.hearing: dict[str, list[Hear]] = defaultdict(list)
        self.answering: dict[str, list[tuple[LocalBus, Answer]]] = defaultdict(list)
        self.giving: dict[str, list[tuple[LocalBus, Give]]] = defaultdict(list)
        self.turns = count()


class LocalBus:
    """``protocol.Bus``.

    Args:
        hub: shared with other ends; None for a bus that reaches nobody else.
    """

    def __init__(self, hub: Hub | None = None) -> None:
        self.shared = hub is not None
        self.trouble: str | None = None
        self.on_found: Callable[[], None] = lambda: None
        self._hub = hub or Hub()
        self._answers: set[asyncio.Task[Any]] = set()
        self._subscriptions: list[_Subscription] = []

    async def open(self) -> None:
        """Nothing is needed."""

    async def publish(self, subject: str, data: bytes = b"") -> None:
        """As ``Bus``."""
        for hear in list(self._hub.hearing[checked(subject)]):
            # In its own turn, as from a broker: the publisher is not in the hearer's call stack.
            asyncio.get_running_loop().call_soon(hear, data)

    async def subscribe(self, subject: str, hear: Hear) -> "_Subscription":
        """As ``Bus``."""
        listeners = self._hub.hearing[checked(subject)]
        listeners.append(hear)
        return self._kept(_Subscription(lambda: listeners.remove(hear)))

    async def answer(self, subject: str, answer: Answer) -> "_Subscription":
        """As ``Bus``."""
        answerers, mine = self._hub.answering[checked(subject)], (self, answer)
        answerers.append(mine)
        return self._kept(_Subscription(lambda: answerers.remove(mine)))

    async def request(self, subject: str, data: bytes, *, seconds: float, patient: bool = True) -> bytes:
        """As ``Bus``."""
        answerers = self._hub.answering[checked(subject)]
        if not answerers:
            raise NobodyAnswers(subject)
        bus, answer = answerers[next(self._hub.turns) % len(answerers)]
        if len(bus._answers) >= MAX_ANSWERING:
            raise BusBusy(subject)
        task: asyncio.Task[bytes] = asyncio.ensure_future(_run(answer, data))
        bus._answers.add(task)
        task.add_done_callback(bus._answers.discard)
        try:
            await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        if not task.done():
            task.cancel()
            raise BusSilent(subject)
        if task.cancelled():
            raise BusSilent(subject)
        if error := task.exception():
            _log.error("a request could not be answered", subject=subject, kind=type(error).__name__)
            raise AnswerBroke(subject)
        return task.result()

    async def give(self, subject: str, give: Give) -> "_Subscription":
        """As ``Bus``."""
        givers, mine = self._hub.giving[checked(subject)], (self, give)
        givers.append(mine)
        return self._kept(_Subscription(lambda: givers.remove(mine)))

    async def stream(self, subject: str, data: bytes) -> AsyncGenerator[bytes, None]:
        """As ``Bus``."""
        givers = self._hub.giving[checked(subject)]
        if not givers:
            raise NobodyAnswers(subject)
        bus, give = givers[next(self._hub.turns) % len(givers)]
        if len(bus._answers) >= MAX_ANSWERING:
            raise BusBusy(subject)
        sink = _Sink()
        task: asyncio.Task[None] = asyncio.ensure_future(_given(give, data, sink))
        bus._answers.add(task)
        task.add_done_callback(bus._answers.discard)
        task.add_done_callback(lambda _: sink.pieces.put_nowait(None))
        try:
            while (piece := await sink.pieces.get()) is not None:
                yield piece
                sink.taken(len(piece))
            if task.cancelled():
                raise BusSilent(subject)
            if error := task.exception():
                _log.error("a stream could not be given", subject=subject, kind=type(error).__name__)
                raise AnswerBroke(subject)
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def close(self) -> None:
        """As ``Bus``."""
        for subscription in self._subscriptions:
            await subscription.end()
        for task in list(self._answers):
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)

    def _kept(self, subscription: "_Subscription") -> "_Subscription":
        self._subscriptions = [one for one in self._subscriptions if not one.ended]
        self._subscriptions.append(subscription)
        return subscription


class _Subscription:
    def __init__(self, remove: Callable[[], None]) -> None:
        self.ended = False
        self._remove = remove

    async def end(self) -> None:
        if not self.ended:
            self.ended = True
            self._remove()


class _Sink:
    """``protocol.Sink`` within a process."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._held = 0
        self._room = asyncio.Event()
        self._room.set()

    async def send(self, piece: bytes) -> None:
        await self._room.wait()
        self._held += len(piece)
        if self._held >= WINDOW_BYTES:
            self._room.clear()
        self.pieces.put_nowait(piece)

    def taken(self, size: int) -> None:
        self._held -= size
        if self._held < WINDOW_BYTES:
            self._room.set()


async def _given(give: Give, data: bytes, sink: _Sink) -> None:
    await give(data, sink)


async def _run(answer: Answer, data: bytes) -> bytes:
    return await answer(data)
