"""Whatever a pipeline yields, the stored run is the fold of its stored events, with exactly one end."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.ask import Ask
from api.settings import Settings
from api.state import State
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
        run_id = await state.runs.start(Ask("local", connection, "How many?"))
        seen = [event async for event in state.runs.tail(run_id, 0)]
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
    from api.store.records import AgentRecord, ConnectionRecord
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
