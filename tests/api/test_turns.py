"""Fair queueing of runs, and how a herd of agents is let in."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from api.admission import HOLD_SECONDS, MAX_ENTERING, MAX_WAIT_SECONDS, Admission, Crowded
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
        question = {"connection_id": connection, "question": "How many?"}
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


def test_a_herd_is_spread_over_the_time_that_it_takes() -> None:
    now = [1_000.0]
    admission = Admission(100, clock=lambda: now[0], draw=lambda: 0.0)

    def knock() -> tuple[float | None, int | None]:
        held = admission.place()
        return held, admission.come_back() if held is None else None

    first = [knock() for _ in range(2_000)]
    held = [wait for wait, _ in first if wait is not None]
    # A tenth of a second's come in at once, then one in each hundredth, for as long as one is held.
    assert held.count(0.0) == 11
    assert held == sorted(held)
    assert len(held) == pytest.approx(11 + 100 * HOLD_SECONDS, abs=1)
    told = [seconds for _, seconds in first if seconds is not None]
    assert (told, told[0], told[-1]) == (sorted(told), 1, 1 + (2_000 - len(held)) // 100)
    # Everybody comes back when told, and is let in then.
    for second in range(1, told[-1] + 1):
        now[0] = 1_000.0 + second
        assert None not in [admission.place() for _ in range(told.count(second))]
    now[0] += 100.0
    assert admission.place() == 0.0


def test_nobody_is_sent_away_for_long() -> None:
    admission = Admission(1, clock=lambda: 0.0)
    assert max(admission.come_back() for _ in range(1_000)) == MAX_WAIT_SECONDS


async def test_where_the_store_is_slow_fewer_are_let_in() -> None:
    admission = Admission(1_000)
    async with AsyncExitStack() as inside:
        for _ in range(MAX_ENTERING):
            await inside.enter_async_context(admission.entering())
        waiting = asyncio.ensure_future(inside.enter_async_context(admission.entering()))
        with pytest.raises(Crowded):
            await waiting
    async with admission.entering():
        pass


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
