"""The wish that a statement end, with its reason: a switch that all on the statement's way watch."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal

StopReason = Literal["cancelled", "timeout", "detached", "policy", "shutdown"]


class Stop:
    """Can be thrown once; the first reason stays."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._event = asyncio.Event()

    def throw(self, reason: StopReason) -> None:
        """Ask the statement to end."""
        if self.reason is None:
            self.reason = reason
            self._event.set()

    async def wait(self) -> StopReason:
        """Wait until it is thrown."""
        await self._event.wait()
        assert self.reason is not None
        return self.reason

    async def unless_stopped(self, work: Coroutine[Any, Any, object]) -> bool:
        """Run ``work`` to its end, or give it up when the switch is thrown; True when it ended.

        An error of ``work`` is raised. Work that has been given up has been cancelled and awaited.
        """
        if self.reason is not None:
            work.close()
            return False
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
                return True
            return False
        finally:
            watch.cancel()
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
