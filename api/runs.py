"""Runs: each a task of its own, recorded before anybody sees it, ended exactly once."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from api.endings import INTERNAL, INTERRUPTED, SHUT_DOWN, cancelled, failed, told, too_long
from api.errors import (
    AgentOffline,
    Busy,
    ShuttingDown,
    ThreadElsewhere,
    UnknownAgent,
    UnknownRun,
    UnknownThread,
)
from api.gateway import Gateway
from api.ids import new_id
from api.live import LiveRun, Recorder, stored
from api.logs import bare
from api.metrics import Metrics
from api.models import Models
from api.settings import Settings
from api.store.protocols import Store
from api.store.records import ConnectionRecord, IdempotencyKey, RunRecord, StoredEvent
from graph.events import RUN_EVENT, RunEvent, RunResumed, RunStarted
from graph.fold import advance, fold
from graph.ports import Database, Ports
from graph.ports import Settings as GraphSettings
from graph.record import TERMINAL, Turn
from graph.run import Run
from wire.errors import CustardError

HISTORY_TURNS = 6
RESUME_MINUTES = 15.0
"""A run that was left longer ago is ended, not resumed: nobody waits for it any more."""
MAX_RESUMES = 3
_STOP_SECONDS = 5.0
"""How long a stopped pipeline may take to unwind before its run is ended without it."""
_TITLE_CHARACTERS = 80

_log = structlog.get_logger("api.runs")


class Pipeline(Protocol):
    """What makes a run's events: ``graph.build.run_events``."""

    def __call__(
        self, ports: Ports, *, run_id: str, question: str, history: list[Turn], resume: Run | None = None
    ) -> AsyncGenerator[RunEvent, None]: ...


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as it was asked."""

    tenant: str
    connection: ConnectionRecord
    question: str
    agent_id: str | None = None
    thread_id: str | None = None
    idempotency_key: str | None = None

    @property
    def body_hash(self) -> str:
        """Tells whether a repeated key came with the same question."""
        parts = (self.connection.connection_id, self.question, self.agent_id or "", self.thread_id or "")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class Runs:
    """Every run of this process."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        gateway: Gateway,
        models: Models,
        metrics: Metrics,
        pipeline: Pipeline | None = None,
    ) -> None:
        """``pipeline`` None means the graph, imported with the first run because that takes seconds."""
        self.closing = False
        self._settings = settings
        self._store = store
        self._gateway = gateway
        self._models = models
        self._metrics = metrics
        self._pipeline = pipeline
        self._live: dict[str, LiveRun] = {}
        self._recorder = Recorder(store, metrics)

    # --- asking --------------------------------------------------------------------------------------------

    async def start(self, ask: Ask) -> str:
        """Record the run and set it going; returns its id, or that of the run its key already started.

        Raises:
            ShuttingDown, Busy, AgentOffline, ModelMissing, StoreUnavailable: it was not started.
            UnknownThread, ThreadElsewhere: the thread does not fit.
            KeyReused: the idempotency key came with another question.
        """
        if self.closing:
            raise ShuttingDown("The backend is stopping.", "Ask again in a moment.")
        if len(self._live) >= self._settings.max_running:
            raise Busy(f"{len(self._live)} questions are being answered.", "Ask again in a few seconds.")
        connection_id = ask.connection.connection_id
        database = self._gateway.database(connection_id, ask.agent_id)
        key = IdempotencyKey(ask.idempotency_key, ask.body_hash) if ask.idempotency_key else None
        if key is not None and (earlier := await self._store.runs.earlier(ask.tenant, key)) is not None:
            return earlier
        session = self._gateway.session(connection_id, ask.agent_id)
        if session is None:
            raise await self._absent(ask)
        history = await self._history(ask)
        now = datetime.now(UTC)
        started = RunStarted(
            run_id=new_id("run"),
            at=now,
            thread_id=ask.thread_id or new_id("thr"),
            connection_id=connection_id,
            agent_id=session.agent_id,
            question=ask.question,
            history=history,
        )
        live = LiveRun(advance(None, started), [stored(1, started)], database)
        record = RunRecord(
            started.run_id, ask.tenant, connection_id, started.thread_id, "running", ask.question, now
        )
        ports = await self.ports(ask.connection, database, started.agent_id)
        raced = await self._store.runs.start(
            record, live.events[0], thread_title=_title(ask.question), key=key
        )
        if raced is not None:
            return raced
        self._launch(live, ports, history, None)
        return started.run_id

    async def ports(self, connection: ConnectionRecord, database: Database, agent_id: str | None) -> Ports:
        """What the graph needs for a run on this connection. Raises ``ModelMissing``."""
        return Ports(
            database=database,
            model=self._models.model(),
            settings=GraphSettings(max_repairs=self._settings.max_repairs),
            share=await self._gateway.share(connection, agent_id),
            agent_id=agent_id,
            instructions=connection.instructions,
        )

    # --- looking -------------------------------------------------------------------------------------------

    async def find(self, tenant: str, run_id: str) -> RunRecord:
        """The run's row. Raises ``UnknownRun``."""
        record = await self._store.runs.get(tenant, run_id)
        if record is None:
            raise UnknownRun(f"There is no run {run_id[:80]!r}.", "GET /api/v1/runs lists those there are.")
        return record

    async def load(self, tenant: str, run_id: str) -> Run:
        """The run as far as it has come. Raises ``UnknownRun``."""
        await self.find(tenant, run_id)
        live = self._live.get(run_id)
        run = live.run if live is not None else await self._store.runs.load(run_id)
        if run is None:
            raise UnknownRun(f"The run {run_id[:80]!r} was deleted.")
        return run

    async def of_thread(self, thread_id: str) -> list[Run]:
        """A thread's runs, oldest first; those under way as far as they have come."""
        runs = await self._store.runs.of_thread(thread_id)
        return [self._live[run.run_id].run if run.run_id in self._live else run for run in runs]

    async def tail(self, run_id: str, after: int) -> AsyncIterator[StoredEvent]:
        """Events after a position: those that were, then those that come, until the end."""
        live = self._live.get(run_id)
        if live is None:
            for event in await self._store.runs.events(run_id, after):
                yield event
            return
        while True:
            changed = live.changed
            for event in live.events[max(after, 0) :]:
                after = event.position
                yield event
            if live.over and after >= len(live.events):
                return
            if changed is live.changed:
                await changed.wait()

    async def wait(self, tenant: str, run_id: str) -> Run:
        """The run when it has ended.

        Raises:
            StoreUnavailable: its end could not be written.
        """
        live = self._live.get(run_id)
        if live is not None:
            async for _ in self.tail(run_id, live.run.last_event_id):
                pass
            if live.broken is not None:
                live.broken.run_id = run_id
                raise live.broken
            return live.run
        return await self.load(tenant, run_id)

    # --- stopping ------------------------------------------------------------------------------------------

    async def cancel(self, tenant: str, run_id: str, reason: str = "Stopped by the asker.") -> Run:
        """Stop the run and wait, bounded, for its end. Twice, or after the end, changes nothing."""
        live = self._live.get(run_id)
        if live is not None:
            await self._stop(live, reason)
        return await self.load(tenant, run_id)

    async def cancel_all(self, connection_id: str, reason: str) -> None:
        """Stop every run of a connection."""
        await self._stop_where(lambda run: run.connection_id == connection_id, reason)

    async def cancel_thread(self, thread_id: str, reason: str) -> None:
        """Stop every run of a thread."""
        await self._stop_where(lambda run: run.thread_id == thread_id, reason)

    async def close(self, grace_seconds: float) -> None:
        """Take no more questions, let runs finish for a while, then end them by name."""
        self.closing = True
        keepers = [live.keeper for live in self._live.values() if live.keeper is not None]
        if keepers and grace_seconds > 0:
            await asyncio.wait(keepers, timeout=grace_seconds)
        for live in list(self._live.values()):
            live.shutdown = True
            if live.work is not None:
                live.work.cancel()
        if keepers:
            await asyncio.wait(keepers, timeout=_STOP_SECONDS + 3)
        await self._recorder.close()

    # --- resuming ------------------------------------------------------------------------------------------

    async def resume(self) -> int:
        """Take up the runs that an earlier process left; returns how many are under way again."""
        resumed = 0
        for record in await self._store.runs.unfinished():
            if record.run_id in self._live:
                continue
            events = await self._store.runs.events(record.run_id, 0)
            run = fold(RUN_EVENT.validate_json(event.data) for event in events)
            connection = await self._store.connections.get(record.tenant, record.connection_id)
            if run is None or run.status in TERMINAL or connection is None:
                continue
            live = LiveRun(run, events, self._gateway.database(record.connection_id, None))
            self._live[record.run_id] = live
            resumed += await self._take_up(live, connection, record)
        return resumed

    async def _take_up(self, live: LiveRun, connection: ConnectionRecord, record: RunRecord) -> bool:
        run = live.run
        started = RUN_EVENT.validate_json(live.events[0].data)
        resumes = sum(1 for event in live.events if event.type == "run_resumed")
        age = datetime.now(UTC) - record.created_at
        if (
            not isinstance(started, RunStarted)
            or resumes >= MAX_RESUMES
            or age > timedelta(minutes=RESUME_MINUTES)
        ):
            await self._recorder.append(live, failed(run, INTERRUPTED))
            self._live.pop(run.run_id, None)
            return False
        try:
            ports = await self.ports(connection, live.database, run.agent_id)
        except CustardError as error:
            await self._recorder.append(live, failed(run, told(error)))
            self._live.pop(run.run_id, None)
            return False
        await self._recorder.append(
            live, RunResumed(run_id=run.run_id, at=datetime.now(UTC), after=len(live.events))
        )
        self._launch(live, ports, started.history, live.run)
        return True

    # --- inside --------------------------------------------------------------------------------------------

    def _launch(self, live: LiveRun, ports: Ports, history: list[Turn], resume: Run | None) -> None:
        self._live[live.run.run_id] = live
        self._metrics.running.set(len(self._live))
        live.work = asyncio.create_task(
            self._pump(live, ports, history, resume), name=f"run {live.run.run_id}"
        )
        live.keeper = asyncio.create_task(self._keep(live, live.work), name=f"keeper {live.run.run_id}")

    async def _pump(self, live: LiveRun, ports: Ports, history: list[Turn], resume: Run | None) -> None:
        if self._pipeline is None:
            self._pipeline = await asyncio.to_thread(_the_graph)
        run = live.run
        events = self._pipeline(
            ports, run_id=run.run_id, question=run.question, history=history, resume=resume
        )
        async with asyncio.timeout(self._settings.run_seconds), aclosing(events):
            async for event in events:
                await self._recorder.append(live, event)
                if live.over:
                    return

    async def _keep(self, live: LiveRun, work: asyncio.Task[None]) -> None:
        """Wait for the pipeline, however it ends, and see that the run ends too."""
        try:
            await self._unwound(live, work)
            if not live.over:
                await live.database.settled()
                await self._recorder.append(live, self._ending(live, work))
        finally:
            self._live.pop(live.run.run_id, None)
            self._metrics.running.set(len(self._live))

    async def _unwound(self, live: LiveRun, work: asyncio.Task[None]) -> None:
        while not work.done():
            await asyncio.wait({work}, timeout=1.0)
            if (live.stop_reason is not None or live.shutdown) and not work.done():
                await asyncio.wait({work}, timeout=_STOP_SECONDS)
                return

    def _ending(self, live: LiveRun, work: asyncio.Task[None]) -> RunEvent:
        run = live.run
        if live.stop_reason is not None:
            return cancelled(run, live.stop_reason, live.database.cancel_ms)
        if live.shutdown:
            return failed(run, SHUT_DOWN)
        error = work.exception() if work.done() and not work.cancelled() else None
        if isinstance(error, TimeoutError):
            return failed(run, too_long(self._settings.run_seconds))
        if isinstance(error, CustardError):
            return failed(run, told(error))
        # The error's text is left out: it may quote a row.
        _log.error("a run broke", run=run.run_id, kind=type(error).__name__, exc_info=bare(error))
        return failed(run, INTERNAL)

    async def _stop(self, live: LiveRun, reason: str) -> None:
        if live.stop_reason is None and not live.over and live.work is not None and not live.work.done():
            live.stop_reason = reason
            live.work.cancel()
        if live.keeper is not None:
            await asyncio.wait({live.keeper}, timeout=_STOP_SECONDS)

    async def _stop_where(self, fits: Callable[[Run], bool], reason: str) -> None:
        stops: list[Awaitable[None]] = [
            self._stop(live, reason) for live in self._live.values() if fits(live.run)
        ]
        await asyncio.gather(*stops)

    async def _absent(self, ask: Ask) -> UnknownAgent | AgentOffline:
        known = await self._store.agents.of_connection(ask.tenant, ask.connection.connection_id)
        if ask.agent_id is not None and all(agent.agent_id != ask.agent_id for agent in known):
            return UnknownAgent(
                f"This connection has no agent {ask.agent_id[:80]!r}.",
                "Leave agent_id out to ask whichever is online.",
            )
        if all(agent.revoked_at is not None for agent in known):
            return AgentOffline(
                "No agent has joined this connection.",
                "Make a join code and run its command beside the database.",
            )
        return AgentOffline(
            "The agent of this connection is offline.",
            "Start it beside the database with `custard agent run`, then ask again.",
        )

    async def _history(self, ask: Ask) -> list[Turn]:
        if ask.thread_id is None:
            return []
        thread = await self._store.threads.get(ask.tenant, ask.thread_id)
        if thread is None:
            raise UnknownThread(
                f"There is no thread {ask.thread_id[:80]!r}.", "Leave thread_id out to begin a new one."
            )
        if thread.connection_id != ask.connection.connection_id:
            raise ThreadElsewhere(
                "The thread is about another connection.", "Leave thread_id out to begin a new one."
            )
        return await self._store.threads.turns(ask.thread_id, HISTORY_TURNS)


def _the_graph() -> Pipeline:
    from graph.build import run_events

    return run_events


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1].rstrip() + "…"
