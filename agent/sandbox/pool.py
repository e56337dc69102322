"""Child processes that judge statements, kept warm; one that crashes or hangs is a refusal and is
replaced."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from agent.sandbox.catalog import Catalog
from agent.sandbox.judge import MAX_STATEMENT_BYTES, check_bytes
from agent.sandbox.nursery import Child
from agent.sandbox.orders import HEADER
from agent.sandbox.verdict import Refusal, Shown, Verdict, verdict_of
from agent.sandbox.wrapping import MaskKey
from wire.policy import PolicyStack

_T = TypeVar("_T")

WORKERS = 2
JUDGE_SECONDS = 5.0
"""Wall time after which a child is given up; its own limit of processor time is shorter."""
SHOWN_SECONDS = 60.0
START_SECONDS = 60.0
MAX_ANSWER_BYTES = 16 * 1024 * 1024


class WorkerGone(Exception):
    """The child ended, or did not answer in time."""


class _Worker:
    """One child process."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self.pid = 0

    @classmethod
    async def start(cls, setup: bytes) -> _Worker:
        worker = cls(await Child.born())
        try:
            worker.pid = int(json.loads(await worker._exchange(setup, START_SECONDS))["pid"])
        except BaseException:
            await worker.kill()
            raise
        return worker

    async def judge(self, sql: str) -> Verdict:
        return verdict_of(await self._exchange(json.dumps(sql).encode(), JUDGE_SECONDS))

    async def shown(self) -> dict[str, Shown]:
        answer: dict[str, Any] = json.loads(await self._exchange(b"null", SHOWN_SECONDS))
        return {
            name: Shown(tuple(columns), frozenset(masked), filtered)
            for name, (columns, masked, filtered) in answer.items()
        }

    async def _exchange(self, body: bytes, seconds: float) -> bytes:
        source, sink = self._child.reader, self._child.writer
        try:
            async with asyncio.timeout(seconds):
                sink.write(HEADER.pack(len(body)) + body)
                await sink.drain()
                (length,) = HEADER.unpack(await source.readexactly(HEADER.size))
                if length <= MAX_ANSWER_BYTES:
                    return await source.readexactly(length)
        except (TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            self._child.nursery.retire()
            raise WorkerGone from error
        self._child.nursery.retire()
        raise WorkerGone

    async def kill(self) -> None:
        await self._child.end()


class JudgePool:
    """Hands each statement to an idle child.

    Args:
        workers: children kept; more statements than that wait for one another.
    """

    def __init__(self, stack: PolicyStack, catalog: Catalog, key: MaskKey, workers: int = WORKERS) -> None:
        self._setup = pickle.dumps((stack, catalog, key))
        self._size = workers
        self._idle: asyncio.Queue[_Worker | None] = asyncio.Queue()
        self._workers: set[_Worker] = set()
        self._started = False
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def judge(self, sql: str) -> Verdict:
        """Judge a statement. Crash, hang and exhaustion of the child are refusals.

        Raises:
            RuntimeError: the pool was closed.
        """
        try:
            check_bytes(sql, MAX_STATEMENT_BYTES)
        except Refusal as refusal:
            return refusal.verdict()
        try:
            return await self._with_worker(lambda worker: worker.judge(sql))
        except WorkerGone:
            return _gone()

    async def shown(self) -> dict[str, Shown]:
        """What may be read, by ``schema.name``.

        Raises:
            WorkerGone: the child ended; a view's definition may be more than the parser can take.
        """
        return await self._with_worker(lambda worker: worker.shown())

    async def _with_worker(self, work: Callable[[_Worker], Awaitable[_T]]) -> _T:
        if self._closed:
            raise RuntimeError("The pool of judges is closed.")
        if not self._started:
            self._started = True
            for _ in range(self._size):
                self._idle.put_nowait(None)
        worker = await self._idle.get()
        try:
            if worker is None:
                worker = await _Worker.start(self._setup)
                self._workers.add(worker)
            answer = await work(worker)
        except BaseException:
            # Cancelled or broken in the middle of an exchange: what it would answer next is not ours.
            await self._discard(worker)
            raise
        self._idle.put_nowait(worker)
        return answer

    async def warm(self) -> None:
        """Start every child now, so that the first statements need not wait for it."""
        await asyncio.gather(*(self.judge("SELECT 1") for _ in range(self._size)))

    async def close(self) -> None:
        """End the children. Twice is once."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for worker in list(self._workers):
            await worker.kill()
        self._workers.clear()

    async def _discard(self, worker: _Worker | None) -> None:
        if worker is None:
            self._idle.put_nowait(None)
            return
        self._workers.discard(worker)
        task = asyncio.create_task(self._replace(worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _replace(self, worker: _Worker) -> None:
        await worker.kill()
        fresh: _Worker | None = None
        try:
            if not self._closed:
                fresh = await _Worker.start(self._setup)
                self._workers.add(fresh)
        except (WorkerGone, OSError):
            fresh = None
        finally:
            # Also when it did not start: the next statement tries again, and nobody waits for ever.
            self._idle.put_nowait(fresh)


def _gone() -> Verdict:
    return Refusal(
        "process",
        "judge_ended",
        "The statement could not be examined within the limits of time and memory.",
        "Write it shorter and less nested.",
    ).verdict()
