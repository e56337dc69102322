"""Runs: each a task of its own, recorded before anybody sees it, ended exactly once."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

from api.database import AgentDatabase
from api.errors import (
    AgentOffline,
    Busy,
    ShuttingDown,
    StoreUnavailable,
    ThreadElsewhere,
    UnknownRun,
    UnknownThread,
)
from api.gateway import Gateway
from api.ids import new_id
from api.metrics import Metrics
from api.models import Models
from api.settings import Settings
from api.store.protocols import Store
from api.store.records import ConnectionRecord, IdempotencyKey, RunRecord, StoredEvent
from graph.events import RUN_EVENT, RunCancelled, RunEvent, RunFailed, RunResumed, RunStarted
from graph.fold import advance, fold
from graph.ports import Database, Ports
from graph.ports import Settings as GraphSettings
from graph.record import TERMINAL, Problem, Turn
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


@dataclass(slots=True)
class LiveRun:
    """A run under way in this process."""

    run: Run
    events: list[StoredEvent]
    database: AgentDatabase
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    work: asyncio.Task[None] | None = None
    """The pipeline; cancelled to stop the run."""
    keeper: asyncio.Task[None] | None = None
    """Outlives ``work`` and writes the end."""
    stop_reason: str | None = None
    shutdown: bool = False
    broken: StoreUnavailable | None = None
    """Set when the store would not take an event: what follows is not seen by anyone."""

    @property
    def over(self) -> bool:
        return self.run.status in TERMINAL or self.broken is not None


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
        self._endings: dict[str, tuple[LiveRun, RunEvent]] = {}
        self._mender: asyncio.Task[None] | None = None

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
            raise _offline(ask)
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
        live = LiveRun(advance(None, started), [_stored(1, started)], database)
        record = RunRecord(
            started.run_id, ask.tenant, connection_id, started.thread_id, "running", ask.question, now
        )
        ports = self.ports(ask.connection, database, started.agent_id)
        raced = await self._store.runs.start(
            record, live.events[0], thread_title=_title(ask.question), key=key
        )
        if raced is not None:
            return raced
        self._launch(live, ports, history, None)
        return started.run_id

    def ports(self, connection: ConnectionRecord, database: Database, agent_id: str | None) -> Ports:
        """What the graph needs for a run on this connection. Raises ``ModelMissing``."""
        return Ports(
            database=database,
            model=self._models.model(),
            settings=GraphSettings(max_repairs=self._settings.max_repairs),
            share=self._gateway.share(connection.connection_id, agent_id),
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
        if self._mender is not None:
            self._mender.cancel()

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
            await self._end(live, _failed(run, _INTERRUPTED))
            self._live.pop(run.run_id, None)
            return False
        try:
            ports = self.ports(connection, live.database, run.agent_id)
        except CustardError as error:
            await self._end(live, _failed(run, Problem(code=error.code, message=str(error), hint=error.hint)))
            self._live.pop(run.run_id, None)
            return False
        await self._append(live, RunResumed(run_id=run.run_id, at=datetime.now(UTC), after=len(live.events)))
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
                await self._append(live, event)
                if live.over:
                    return

    async def _keep(self, live: LiveRun, work: asyncio.Task[None]) -> None:
        """Wait for the pipeline, however it ends, and see that the run ends too."""
        try:
            await self._unwound(live, work)
            if not live.over:
                await live.database.settled()
                await self._end(live, self._ending(live, work))
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
            return RunCancelled(
                run_id=run.run_id,
                at=datetime.now(UTC),
                reason=live.stop_reason,
                database_ms=live.database.cancel_ms,
            )
        if live.shutdown:
            return _failed(run, _SHUT_DOWN)
        error = work.exception() if work.done() and not work.cancelled() else None
        if isinstance(error, TimeoutError):
            return _failed(run, _too_long(self._settings.run_seconds))
        if isinstance(error, CustardError):
            return _failed(run, Problem(code=error.code, message=str(error), hint=error.hint))
        # The error's text is left out: it may quote a row.
        _log.error("a run broke", run=run.run_id, kind=type(error).__name__, exc_info=_bare(error))
        return _failed(run, _INTERNAL)

    async def _append(self, live: LiveRun, event: RunEvent) -> None:
        """Write an event and show it. A cancellation lets the write finish: positions must not tear."""
        writing = asyncio.ensure_future(self._write(live, event))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing})
            raise

    async def _write(self, live: LiveRun, event: RunEvent) -> None:
        if live.over:
            return
        run = advance(live.run, event)
        stored = _stored(run.last_event_id, event)
        ended = run if run.status in TERMINAL else None
        try:
            taken = await self._store.runs.append(run.run_id, stored, ended)
        except StoreUnavailable as error:
            self._break(live, error)
            return
        if not taken:
            self._break(live, StoreUnavailable("Another process took the run over, or it was deleted."))
            return
        live.run = run
        live.events.append(stored)
        if ended is not None:
            self._metrics.ended(run)
        _notify(live)

    async def _end(self, live: LiveRun, event: RunEvent) -> None:
        await self._append(live, event)

    def _break(self, live: LiveRun, error: StoreUnavailable) -> None:
        """The store does not take events: stop the run and write its end when the store is back."""
        live.broken = error
        _log.error("a run cannot be recorded", run=live.run.run_id, reason=str(error))
        self._endings[live.run.run_id] = (live, _failed(live.run, _NOT_RECORDED))
        if self._mender is None or self._mender.done():
            self._mender = asyncio.create_task(self._mend(), name="endings")
        if live.work is not None:
            live.work.cancel()
        _notify(live)

    async def _mend(self) -> None:
        pause = 0.5
        while self._endings:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0)
            for run_id, (live, event) in list(self._endings.items()):
                run = advance(live.run, event)
                try:
                    await self._store.runs.append(run_id, _stored(run.last_event_id, event), run)
                except StoreUnavailable:
                    break
                del self._endings[run_id]
                self._metrics.ended(run)

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


def _stored(position: int, event: RunEvent) -> StoredEvent:
    return StoredEvent(position, event.type, RUN_EVENT.dump_json(event).decode())


def _notify(live: LiveRun) -> None:
    changed, live.changed = live.changed, asyncio.Event()
    changed.set()


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1].rstrip() + "…"


def _offline(ask: Ask) -> AgentOffline:
    who = f"The agent {ask.agent_id}" if ask.agent_id else "The agent of this connection"
    return AgentOffline(
        f"{who} is offline.", "Start it beside the database with `custard agent run`, then ask again."
    )


def _failed(run: Run, problem: Problem) -> RunFailed:
    return RunFailed(run_id=run.run_id, at=datetime.now(UTC), problem=problem)


def _bare(error: BaseException | None) -> BaseException | None:
    """The error's type and traceback without its text."""
    return None if error is None else RuntimeError(type(error).__name__).with_traceback(error.__traceback__)


def _too_long(seconds: float) -> Problem:
    return Problem(
        code="deadline",
        message=f"The run took longer than {seconds:g} seconds.",
        hint="Ask for less at once, or use a faster model.",
    )


_INTERNAL = Problem(
    code="internal",
    message="The backend met an error of its own.",
    hint="Ask again; if it stays, see its log.",
)
_SHUT_DOWN = Problem(
    code="shutting_down", message="The backend was stopped.", hint="Ask again when it is back."
)
_INTERRUPTED = Problem(
    code="interrupted", message="The backend stopped in the middle of this run.", hint="Ask again."
)
_NOT_RECORDED = Problem(
    code="store_unavailable",
    message="The backend's store could not record this run.",
    hint="See that its disk has space and can be written, then ask again.",
)
