"""How many statements may run: in order, never more than allowed, also where the allowance changes."""

import asyncio
from contextlib import AsyncExitStack

from agent.admission import Admission
from agent.stop import Stop


class Runs:
    """Statements that hold a slot until they are let go."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.tasks: list[asyncio.Task[bool]] = []
        self.running: list[int] = []
        self.stops: list[Stop] = []
        self._over: list[asyncio.Event] = []

    async def begin(self) -> None:
        number, stop, over = len(self.tasks), Stop(), asyncio.Event()
        self.stops.append(stop)
        self._over.append(over)

        async def run() -> bool:
            async with self._admission.slot(stop) as admitted:
                if admitted:
                    self.running.append(number)
                    await over.wait()
                    self.running.remove(number)
                return admitted

        self.tasks.append(asyncio.create_task(run()))
        await settled()

    async def end(self, number: int) -> None:
        self._over[number].set()
        await settled()

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_slots_are_given_in_order_and_given_back() -> None:
    admission = Admission(concurrent=2, per_minute=100)
    async with AsyncExitStack() as stack:
        runs = Runs(admission)
        stack.push_async_callback(runs.close)
        for _ in range(4):
            await runs.begin()
        assert (runs.running, admission.waiting) == ([0, 1], 2)
        runs.stops[2].throw("cancelled")
        await settled()
        assert (await runs.tasks[2], admission.waiting) == (False, 1)
        await runs.end(0)
        assert runs.running == [1, 3]


async def test_a_smaller_allowance_waits_for_what_runs_and_a_larger_lets_in_at_once() -> None:
    admission = Admission(concurrent=3, per_minute=100)
    async with AsyncExitStack() as stack:
        runs = Runs(admission)
        stack.push_async_callback(runs.close)
        for _ in range(3):
            await runs.begin()
        admission.resize(concurrent=1, per_minute=100)
        await runs.begin()
        await runs.end(0)
        await runs.end(1)
        assert runs.running == [2], "three may not become four over a change"
        await runs.end(2)
        assert runs.running == [3]
        for _ in range(3):
            await runs.begin()
        assert runs.running == [3]
        admission.resize(concurrent=3, per_minute=100)
        await settled()
        assert runs.running == [3, 4, 5]


async def test_a_task_that_is_cancelled_while_it_waits_takes_no_slot() -> None:
    admission = Admission(concurrent=1, per_minute=100)
    async with AsyncExitStack() as stack:
        runs = Runs(admission)
        stack.push_async_callback(runs.close)
        for _ in range(3):
            await runs.begin()
        runs.tasks[1].cancel()
        await settled()
        assert admission.waiting == 1
        await runs.end(0)
        assert runs.running == [2]


def test_the_minute_is_counted_over_a_change() -> None:
    now = 0.0
    admission = Admission(concurrent=1, per_minute=3, clock=lambda: now)
    assert [admission.over_limit() for _ in range(3)] == [None] * 3
    assert "3 statements a minute" in (admission.over_limit() or "")
    admission.resize(concurrent=1, per_minute=5)
    assert admission.over_limit() is None
    admission.resize(concurrent=1, per_minute=2)
    assert "2 statements a minute" in (admission.over_limit() or "")
    now = 61.0
    assert admission.over_limit() is None
