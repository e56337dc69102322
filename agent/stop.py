"""The wish that a statement end, with its reason: a switch that all on the statement's way watch."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Literal

StopReason = Literal["cancelled", "timeout", "detached", "policy", "shutdown"]


class StoppedEarly(Exception):
    """A statement was stopped while PostgreSQL ran nothing of it: there is nothing to cancel."""


class Stop:
    """Can be thrown once; the first reason stays."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._watchers: list[Callable[[], object]] = []

    def throw(self, reason: StopReason) -> None:
        """Ask the statement to end."""
        if self.reason is None:
            self.reason = reason
            for tell in list(self._watchers):
                tell()

    @contextlib.contextmanager
    def telling(self, tell: Callable[[], object]) -> Iterator[None]:
        """While inside, ``tell`` is called when the switch is thrown; at once when it was already."""
        self._watchers.append(tell)
        try:
            if self.reason is not None:
                tell()
            yield
        finally:
            self._watchers.remove(tell)

    async def unless_stopped(self, work: Coroutine[Any, Any, object]) -> bool:
        """Run ``work`` to its end, or give it up when the switch is thrown; True when it ended.

        An error of ``work`` is raised. Work that has been given up has been cancelled and awaited. It runs in
        the caller's own task, as with ``asyncio.timeout``: a statement asks several times, and mostly nothing
        is to be waited for.
        """
        if self.reason is not None:
            work.close()
            return False
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        before, given_up = task.cancelling(), False
        pending: list[asyncio.Handle] = []

        def give_up() -> None:
            nonlocal given_up
            given_up = True
            task.cancel()

        # Not at once: who throws may be the work itself.
        with self.telling(lambda: pending.append(loop.call_soon(give_up))):
            try:
                await work
            except asyncio.CancelledError:
                if given_up and task.uncancel() <= before:
                    return False
                raise
            except BaseException:
                if given_up:
                    task.uncancel()
                raise
            finally:
                for handle in pending:
                    handle.cancel()
        if given_up:
            task.uncancel()
        return True
