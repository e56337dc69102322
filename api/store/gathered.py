"""Small pieces of work that come close together, done together: what a herd of agents asks of the store."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Told = TypeVar("Told")

MOST = 500
"""Done together."""


class Gathered(Generic[Ask, Told]):
    """Does what is asked at once, and what is asked meanwhile together, once that is done.

    One that comes alone waits for nobody; of a thousand, most share a statement, a thread and a commit.

    Args:
        work: does all that it is given; what it returns fits that in number and order.
    """

    def __init__(self, work: Callable[[Sequence[Ask]], Awaitable[Sequence[Told]]]) -> None:
        self._work = work
        self._asked: list[tuple[Ask, asyncio.Future[Told]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, ask: Ask) -> Told:
        """What the work makes of this one. Raises what the work raises: for all that were done together."""
        answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._asked.append((ask, answer))
        if self._task is None or self._task.done():
            # In a task of its own: whoever asks may be cancelled, and the others must not be.
            self._task = asyncio.create_task(self._do_all(), name="gathered")
        return await answer

    async def _do_all(self) -> None:
        while self._asked:
            now, self._asked = self._asked[:MOST], self._asked[MOST:]
            try:
                told = await self._work([ask for ask, _ in now])
            except Exception as error:
                for _, answer in now:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, answer), each in zip(now, told, strict=True):
                    if not answer.done():
                        answer.set_result(each)
