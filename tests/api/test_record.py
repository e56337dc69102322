"""Whatever a pipeline yields, the stored run is the fold of its stored events, with exactly one end."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.ask import Ask
from api.bus.local import Hub, LocalBus
from api.errors import StoreRefused
from api.live import LiveRun
from api.metrics import Metrics
from api.recorder import Recorder, stored
from api.settings import Settings
from api.state import State
from api.store.protocols import Runs
from api.store.records import Batch, ConnectionRecord, Fate, RunRecord
from api.store.sqlite import SqliteStore
from graph.events import (
    RUN_EVENT,
    AnswerDelta,
    Clarified,
    Drafted,
    Executing,
    Linted,
    Refused,
    Repaired,
    RunEvent,
    RunFailed,
    RunStarted,
    SqlDelta,
    StepFinished,
    StepStarted,
)
from graph.fold import fold
from graph.record import TERMINAL, Clarification, Problem, Refusal

_MAKERS: dict[str, Any] = {
    "step": lambda fact: StepStarted(**fact, step="draft_sql"),
    "done": lambda fact: StepFinished(**fact, step="draft_sql", elapsed_ms=1.0),
    "delta": lambda fact: SqlDelta(**fact, attempt=1, text="SELECT"),
    "drafted": lambda fact: Drafted(**fact, attempt=1, sql="SELECT 1"),
    "linted": lambda fact: Linted(**fact, attempt=1, verdict="reject"),
    "repaired": lambda fact: Repaired(**fact, attempt=2, sql="SELECT 2", reason="lint"),
    "executing": lambda fact: Executing(**fact, attempt=2),
    "words": lambda fact: AnswerDelta(**fact, text="Two"),
    "failed": lambda fact: RunFailed(**fact, problem=Problem(code="sql_failed", message="no")),
    "refused": lambda fact: Refused(**fact, refusal=Refusal(reason="not_in_data", message="no")),
    "clarified": lambda fact: Clarified(**fact, clarification=Clarification(question="Which?")),
    "breaks": None,
    "cancel": None,
}


async def _record(folder: Path, names: list[str], agent: Any) -> None:
    async def pipeline(_: Any, *, run_id: str, **__: Any) -> AsyncGenerator[RunEvent, None]:
        for name in names:
            if name == "breaks":
                raise ValueError
            if name == "cancel":
                stopping.append(asyncio.ensure_future(state.runs.cancel("local", run_id)))
                await asyncio.sleep(0)
                continue
            yield _MAKERS[name]({"run_id": run_id, "at": datetime.now(UTC)})

    stopping: list[asyncio.Task[Any]] = []
    app = create_app(Settings(home=folder, log_level="error"), pipeline=pipeline, model=agent["model"])
    state: State = app.state.custard
    async with app.router.lifespan_context(app):
        connection = await agent["join"](state)
        run_id = await state.runs.start(Ask("local", connection, "How many engineers?"))
        seen = [event async for events in state.runs.tail(run_id, 0) for event in events]
        await asyncio.gather(*stopping)
        run = await state.runs.load("local", run_id)
        kept = await state.store.runs.events(run_id, 0)
    assert seen == kept
    assert [event.position for event in kept] == list(range(1, len(kept) + 1))
    assert fold(RUN_EVENT.validate_json(event.data) for event in kept) == run
    assert run.status in TERMINAL
    assert run.last_event_id == len(kept)


async def test_any_order_of_events_folds_to_the_stored_run(tmp_path: Path, model: Any, snapshot: Any) -> None:
    from api.session import AgentSession
    from api.store.records import AgentRecord
    from wire.messages import Hello, Welcome
    from wire.policy import Limits, Share

    async def join(state: State) -> ConnectionRecord:
        now = datetime.now(UTC)
        connection = ConnectionRecord(f"conn_{now.timestamp()}", "local", "Demo", "", "", now)
        await state.store.connections.add(connection)
        agent = AgentRecord("agt_1", "local", connection.connection_id, "", "hash", now)
        hello = Hello(agent_version="1", instance="i", policy_digest="p", limits=Limits(), share=Share())

        welcome = Welcome(protocol=1, agent_id="agt_1", connection_id=connection.connection_id, epoch=1)

        async def nowhere(*_: Any) -> None:
            return

        await state.store.snapshots.put(connection.connection_id, snapshot(), "p")
        await state.gateway.attach(AgentSession(agent, hello, welcome, state.metrics, nowhere, nowhere))
        return connection

    tried: list[list[str]] = []

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.sampled_from(sorted(_MAKERS)), max_size=12))
    def collect(names: list[str]) -> None:
        tried.append(names)

    # Hypothesis calls plain functions; what it found is run here, on this loop.
    collect()
    for names in [*tried, ["cancel"], ["drafted", "cancel", "failed"], ["failed", "step", "refused"]]:
        await _record(tmp_path, names, {"model": model, "join": join})


async def test_a_run_that_the_store_cannot_hold_ends_alone(tmp_path: Path, model: Any) -> None:
    """What is written together with it is written all the same, and it is ended by name."""

    class Picky:
        """Refuses the drafts of one run, as a database does whose encoding lacks a letter."""

        def __init__(self, runs: Runs) -> None:
            self._runs = runs

        def __getattr__(self, name: str) -> Any:
            return getattr(self._runs, name)

        async def append(self, batches: Sequence[Batch]) -> list[Fate]:
            bad = {batch.run_id for batch in batches if any("unheard of" in one.data for one in batch.events)}
            taken = iter(await self._runs.append([batch for batch in batches if batch.run_id not in bad]))
            return [StoreRefused("-") if batch.run_id in bad else next(taken) for batch in batches]

    store = SqliteStore(tmp_path / "custard.db")
    await store.open()
    store.runs = Picky(store.runs)  # type: ignore[assignment]
    recorder = Recorder(store, Metrics(), LocalBus(Hub()))
    try:
        now = datetime.now(UTC)
        await store.connections.add(ConnectionRecord("conn_1", "local", "Demo", "", "", now))
        lives = [await _started(store, f"run_{number}") for number in range(3)]
        for live, sql in zip(lives, ("SELECT 1", "SELECT 'unheard of'", "SELECT 3"), strict=True):
            await recorder.take(live, Drafted(run_id=live.run.run_id, at=now, attempt=1, sql=sql))
        async with asyncio.timeout(30):
            for live in (lives[0], lives[2]):
                while live.run.last_event_id < 2:
                    await live.changed.wait()
            assert [live.broken is None for live in lives] == [True, False, True]
            ended = await store.runs.load("run_1")
            while ended is None or ended.status not in TERMINAL:  # the store knows no waiters
                await asyncio.sleep(0.05)
                ended = await store.runs.load("run_1")
        assert ended.status == "failed"
        assert not ended.attempts
    finally:
        await recorder.close()
        await store.close()


async def _started(store: SqliteStore, run_id: str) -> LiveRun:
    now = datetime.now(UTC)
    first = RunStarted(run_id=run_id, at=now, thread_id=f"thr_{run_id}", connection_id="conn_1", question="?")
    record = RunRecord(run_id, "local", "conn_1", first.thread_id, "running", "?", now)
    await store.runs.start(record, stored(1, first), thread_title="?", key=None)
    run = fold([first])
    assert run is not None
    return LiveRun(run, [stored(1, first)], database=None)  # type: ignore[arg-type]
