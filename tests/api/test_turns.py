"""Fair queueing of runs, and how a herd of agents is let in."""

import asyncio
import random
from contextlib import ExitStack
from typing import Any

import pytest

from api.admission import (
    AT_ONCE_SECONDS,
    HOLD_SECONDS,
    MAX_ENTERING,
    MAX_WAIT_SECONDS,
    PATIENCE_SECONDS,
    Admission,
    Crowded,
)
from api.turns import Bounds, Turns


class Hall:
    """Runs that hold their turns until they are let go."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.order: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, tenant: str, connection: str) -> None:
        self.gates[name] = asyncio.Event()

        async def run() -> None:
            async with self.turns.turn(tenant, connection):
                self.order.append(name)
                await self.gates[name].wait()

        self.tasks[name] = asyncio.create_task(run())
        await asyncio.sleep(0)

    async def go(self, name: str) -> None:
        self.gates[name].set()
        await asyncio.wait({self.tasks[name]})
        await asyncio.sleep(0)

    async def empty(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def _turns(**bounds: int) -> Turns:
    return Turns(
        Bounds(
            **{
                "running": 2,
                "per_connection": 9,
                "per_tenant": 9,
                "waiting": 9,
                "waiting_per_tenant": 9,
                **bounds,
            }
        )
    )


async def test_one_noisy_tenant_does_not_hold_up_another() -> None:
    hall = Hall(_turns())
    for number in range(6):
        await hall.come(f"noisy{number}", "noisy", "c1")
    await hall.come("quiet0", "quiet", "c2")
    await hall.come("quiet1", "quiet", "c2")
    assert hall.order == ["noisy0", "noisy1"]
    for name in ("noisy0", "noisy1", "noisy2"):
        await hall.go(name)
    assert hall.order[2:] == ["noisy2", "quiet0", "noisy3"], "tenants take turns"
    await hall.empty()


async def test_one_busy_connection_leaves_room_for_others() -> None:
    hall = Hall(_turns(running=3, per_connection=1))
    for name, connection in (("a", "slow"), ("b", "slow"), ("c", "other"), ("d", "third")):
        await hall.come(name, "tenant", connection)
    assert hall.order == ["a", "c", "d"]
    await hall.go("c")
    assert hall.order == ["a", "c", "d"], "the slow connection has its one turn"
    await hall.go("a")
    assert hall.order == ["a", "c", "d", "b"]
    await hall.empty()


async def test_a_tenant_leaves_places_to_those_who_have_none() -> None:
    """However long its own take: what comes in meanwhile does not wait for them."""
    turns = _turns(running=4, per_tenant=3)
    hall = Hall(turns)
    for number in range(6):
        await hall.come(f"noisy{number}", "noisy", f"c{number}")
    assert hall.order == ["noisy0", "noisy1", "noisy2"]
    await hall.come("quiet0", "quiet", "c9")
    assert hall.order[3:] == ["quiet0"]
    await hall.go("noisy0")
    assert hall.order[4:] == ["noisy3"], "its own queue goes on"
    await hall.empty()
    assert not turns._of_tenant


async def test_all_who_are_stopped_at_once_give_their_places_back() -> None:
    """As when a connection is deleted: those who waited behind them were cancelled in the same moment."""
    turns = _turns(running=2)
    hall = Hall(turns)
    for number in range(6):
        await hall.come(f"run{number}", "one", "c1")
    await hall.empty()
    assert (turns.waiting, turns._running) == (0, 0)
    await hall.come("next", "one", "c1")
    assert hall.order[-1] == "next"
    await hall.empty()


async def test_those_who_are_coming_are_counted_with_those_who_wait() -> None:
    turns = _turns(running=2, per_tenant=1, waiting=3, waiting_per_tenant=2)
    with ExitStack() as door:
        for _ in range(3):  # one goes at once, two will wait
            assert turns.why_full("one") is None
            door.enter_context(turns.coming("one"))
        assert turns.why_full("one") is not None
        assert turns.why_full("two") is None, "what one tenant brings is not another's"
    assert turns.why_full("one") is None
    assert not turns._coming


async def test_a_burst_does_not_pass_the_bound_while_each_is_written_down(
    settings: Any, serve_with: Any, result: Any
) -> None:
    tight = settings.model_copy(update={"max_running": 1, "max_waiting": 2})
    async with serve_with(tight) as backend:
        connection = await backend.connection()
        agent = await backend.agent(connection, result=result(hold=True))
        question = {"connection_id": connection, "question": "How many employees are there?"}
        asking = [
            backend.http.post(
                "/api/v1/query",
                json={**question, "idempotency_key": f"k{number}"},
                headers={"Prefer": "respond-async"},
            )
            for number in range(12)
        ]
        answers = await asyncio.gather(*asking)
        taken = [answer for answer in answers if answer.status_code == 202]
        assert len(taken) == 3
        assert {answer.status_code for answer in answers} == {202, 503}
        # Full as it is: what a key has started is found.
        number = answers.index(taken[0])
        again = await backend.http.post(
            "/api/v1/query",
            json={**question, "idempotency_key": f"k{number}"},
            headers={"Prefer": "respond-async"},
        )
        assert (again.status_code, again.json()["run_id"]) == (202, taken[0].json()["run_id"])
        for answer in taken:
            await backend.http.post(f"/api/v1/runs/{answer.json()['run_id']}/cancel")
        assert backend.state.runs._driver.turns.why_full("local") is None
        await agent.leave()


async def test_who_waits_for_too_long_leaves_the_queue() -> None:
    turns = _turns(running=1)
    hall = Hall(turns)
    await hall.come("a", "one", "c1")
    with pytest.raises(TimeoutError):
        async with turns.turn("two", "c2", patience=0.01):
            pass
    assert turns.waiting == 0
    await hall.go("a")
    assert turns._running == 0
    await hall.empty()


async def test_the_queue_is_bounded_and_says_so() -> None:
    turns = _turns(running=1, waiting=3, waiting_per_tenant=2)
    hall = Hall(turns)
    assert turns.why_full("one") is None
    for name in ("a", "b", "c"):
        assert turns.why_full("one") is None
        await hall.come(name, "one", "c1")
    assert "2 wait" in (turns.why_full("one") or "")
    assert turns.why_full("two") is None
    await hall.come("d", "two", "c2")
    assert turns.why_full("two") is not None
    await hall.empty()
    assert (turns.waiting, turns.why_full("one")) == (0, None)


async def test_whoever_gives_up_leaves_no_trace() -> None:
    turns = _turns(running=1)
    hall = Hall(turns)
    for name in ("a", "b", "c"):
        await hall.come(name, "one", "c1")
    hall.tasks["b"].cancel()
    # Called and given up in one moment: the turn goes to the next.
    hall.gates["a"].set()
    await asyncio.wait({hall.tasks["a"], hall.tasks["b"]})
    await asyncio.sleep(0.01)
    assert hall.order == ["a", "c"]
    await hall.go("c")
    assert turns.waiting == turns._running == 0
    assert not turns._of_connection
    await hall.empty()


async def test_questions_wait_for_their_turn_and_can_be_stopped_there(
    settings: Any, serve_with: Any, script: Any
) -> None:
    gate = asyncio.Event()
    script.before = gate.wait
    tight = settings.model_copy(update={"max_running": 1, "max_waiting": 2})
    async with serve_with(tight) as backend:
        connection = await backend.connection()
        agent = await backend.agent(connection)
        runs = [await backend.start(connection) for _ in range(3)]
        question = {"connection_id": connection, "question": "How many engineers?"}
        refused = await backend.http.post("/api/v1/query", json=question)
        assert (refused.status_code, refused.json()["code"]) == (503, "busy")
        assert refused.headers["retry-after"]
        stopped = await backend.http.post(f"/api/v1/runs/{runs[1]}/cancel")
        assert stopped.json()["status"] == "cancelled"
        assert len(script.calls) == 1
        gate.set()
        for run_id in (runs[0], runs[2]):
            assert (await backend.events(run_id))[-1]["event"] == "answered"
        await agent.leave()


# --- agents ------------------------------------------------------------------------------------------------


class Door:
    """An admission on a clock of its own, whose pacer's steps take as long as the test says."""

    def __init__(self, per_second: float, *, stays: bool = False) -> None:
        self.now = 1_000.0
        self.step = 0.0
        self.stays = stays
        """Whether those who are let in stay between door and welcome."""
        self.let_in: list[float] = []
        self.crowded: list[float] = []
        self.admission = Admission(per_second, lambda: self.now, lambda: 0.0, self._sleep)
        self._next = asyncio.Event()

    async def _sleep(self, seconds: float) -> None:
        self._next.clear()
        await self._next.wait()
        self.now += max(seconds, self.step)

    async def knock(self) -> None:
        try:
            async with self.admission.entering():
                self.let_in.append(self.now)
                if self.stays:
                    await asyncio.Event().wait()
        except Crowded:
            self.crowded.append(self.now)

    async def pass_time(self, step: float) -> None:
        """One step of the pacer, so late, and what those do who are let in by it."""
        self.step = step
        self._next.set()
        for _ in range(8):
            await asyncio.sleep(0)


async def _knocking(door: Door, many: int) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(door.knock()) for _ in range(many)]
    for _ in range(4):
        await asyncio.sleep(0)
    return tasks


async def test_a_herd_is_let_in_evenly_however_late_the_timers_are() -> None:
    draw = random.Random(20_261_128)
    door, rate = Door(300), 300
    tasks = await _knocking(door, 2_000)
    at_once = round(rate * AT_ONCE_SECONDS)
    assert door.let_in == [1_000.0] * at_once
    assert len(door.crowded) == 2_000 - at_once - rate * HOLD_SECONDS
    began = door.now
    while not all(task.done() for task in tasks):
        await door.pass_time(draw.choice((0.01, 0.01, 0.01, 0.012, 0.02, 0.06)))
        assert (
            door.let_in.count(door.now) <= at_once + 1
        )  # and a loop that lags is not given all that are due
    assert door.now - began < 1.2 * HOLD_SECONDS
    for start in door.let_in:
        assert sum(start <= at < start + 1 for at in door.let_in) <= rate + at_once + 1
    assert len(door.let_in) == at_once + rate * HOLD_SECONDS


async def test_a_loop_that_stood_still_does_not_let_in_all_that_were_due() -> None:
    door = Door(300)
    tasks = await _knocking(door, 500)
    before = len(door.let_in)
    await door.pass_time(1.0)
    assert len(door.let_in) - before == round(300 * AT_ONCE_SECONDS)
    while not all(task.done() for task in tasks):
        await door.pass_time(0.01)
    assert not door.crowded


async def test_places_are_given_in_the_order_of_knocking_and_not_to_those_who_left() -> None:
    door, order = Door(100), list[int]()

    async def knock(number: int) -> None:
        async with door.admission.entering():
            order.append(number)

    tasks = [asyncio.create_task(knock(number)) for number in range(40)]
    await asyncio.sleep(0)
    left = [task for task in tasks[20:30] if task.cancel()]
    while not all(task.done() for task in tasks):
        await door.pass_time(0.02)
    assert [task.cancelled() for task in left] == [True] * 10
    assert order == [*range(20), *range(30, 40)]


async def test_who_is_stopped_in_the_moment_of_being_let_in_gives_the_place_back() -> None:
    door = Door(1_000, stays=True)
    tasks = await _knocking(door, MAX_ENTERING + 20)
    while len(door.let_in) < MAX_ENTERING:
        await door.pass_time(0.01)
    tasks[0].cancel()
    await asyncio.sleep(0)
    door.step = 0.01
    door._next.set()  # the place of the first is given to the next, which is stopped before it has run
    await asyncio.sleep(0)
    tasks[MAX_ENTERING].cancel()
    for _ in range(5):
        await door.pass_time(0.01)
    assert len(door.let_in) == MAX_ENTERING + 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    door.stays = False
    await door.pass_time(1.0)
    await asyncio.gather(*await _knocking(door, 1))
    assert len(door.let_in) == MAX_ENTERING + 2


def test_those_turned_away_are_told_times_apart() -> None:
    now = [1_000.0]
    admission = Admission(100, clock=lambda: now[0], draw=lambda: 0.0)
    told = [admission.come_back() for _ in range(1_000)]
    assert (told, told[0], told[-1]) == (sorted(told), 1, 11)
    now[0] += 100.0
    assert admission.come_back() == 1


def test_nobody_is_sent_away_for_long() -> None:
    admission = Admission(1, clock=lambda: 0.0)
    assert max(admission.come_back() for _ in range(1_000)) == MAX_WAIT_SECONDS


async def test_where_the_store_is_slow_fewer_are_let_in() -> None:
    door = Door(1_000, stays=True)
    tasks = await _knocking(door, MAX_ENTERING + 5)
    began = door.now
    while len(door.crowded) < 5:
        assert len(door.let_in) <= MAX_ENTERING
        await door.pass_time(0.1)
    assert len(door.let_in) == MAX_ENTERING
    assert door.now - began == pytest.approx(PATIENCE_SECONDS, abs=0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    door.stays = False
    await asyncio.gather(*await _knocking(door, 1))
    assert len(door.let_in) == MAX_ENTERING + 1


async def test_an_agent_that_is_turned_away_is_told_when_to_come_back(
    settings: Any, serve_with: Any, fake_agent: Any
) -> None:
    from websockets.exceptions import InvalidStatus

    async with serve_with(settings.model_copy(update={"agents_per_second": 1.0})) as backend:
        token = await backend.join(await backend.connection())
        first, second, *others = [fake_agent(backend.socket_url, token) for _ in range(8)]
        await first.dial()
        # The next ones are held at the door, until it would be for too long.
        dialling = [asyncio.ensure_future(agent.dial()) for agent in (second, *others)]
        done, held = await asyncio.wait(dialling, return_when=asyncio.FIRST_EXCEPTION)
        refused = next(task.exception() for task in done if task.exception() is not None)
        assert isinstance(refused, InvalidStatus)
        assert refused.response.status_code == 503
        assert int(refused.response.headers["Retry-After"]) >= 1
        assert b'"busy"' in refused.response.body
        for task in held:
            task.cancel()
        await asyncio.gather(*dialling, return_exceptions=True)
        await first.leave()
