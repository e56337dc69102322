"""Runs: each a task of its own, recorded before anybody sees it, ended exactly once."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from api.ask import Ask, history_of, why_absent
from api.driver import Driver, Pipeline
from api.endings import INTERRUPTED, failed, told
from api.errors import (
    Busy,
    ShuttingDown,
    UnknownRun,
)
from api.gateway import Gateway
from api.ids import new_id
from api.live import LiveRun, stored
from api.metrics import Metrics
from api.models import Models
from api.settings import Settings
from api.store.protocols import Store
from api.store.records import ConnectionRecord, RunRecord, StoredEvent
from graph.events import RUN_EVENT, RunResumed, RunStarted
from graph.fold import advance, fold
from graph.ports import Database, Ports
from graph.ports import Settings as GraphSettings
from graph.record import TERMINAL
from graph.run import Run
from wire.errors import CustardError

RESUME_MINUTES = 15.0
"""A run that was left longer ago is ended, not resumed: nobody waits for it any more."""
MAX_RESUMES = 3


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
        self._driver = Driver(store, metrics, settings.run_seconds, settings.abandon_seconds, pipeline)
        self._live = self._driver.live

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
        key = ask.key
        if key is not None and (earlier := await self._store.runs.earlier(ask.tenant, key)) is not None:
            return earlier
        session = self._gateway.session(connection_id, ask.agent_id)
        if session is None:
            raise await why_absent(ask, self._store)
        history = await history_of(ask, self._store)
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
        live = LiveRun(advance(None, started), [stored(1, started)], database, detached=ask.detached)
        record = RunRecord(
            started.run_id, ask.tenant, connection_id, started.thread_id, "running", ask.question, now
        )
        ports = await self.ports(ask.connection, database, started.agent_id)
        raced = await self._store.runs.start(record, live.events[0], thread_title=ask.title, key=key)
        if raced is not None:
            return raced
        self._driver.launch(live, ports, history, None)
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

    def attend(self, run_id: str) -> AbstractContextManager[None]:
        """Count as one of the run's listeners. When the last one has gone, it is stopped after a while."""
        return self._driver.attend(run_id)

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
            await self._driver.stop(live, reason)
        return await self.load(tenant, run_id)

    async def cancel_all(self, connection_id: str, reason: str) -> None:
        """Stop every run of a connection."""
        await self._driver.stop_where(lambda run: run.connection_id == connection_id, reason)

    async def cancel_thread(self, thread_id: str, reason: str) -> None:
        """Stop every run of a thread."""
        await self._driver.stop_where(lambda run: run.thread_id == thread_id, reason)

    async def close(self, grace_seconds: float) -> None:
        """Take no more questions, let runs finish for a while, then end them by name."""
        self.closing = True
        await self._driver.close(grace_seconds)

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
            await self._driver.recorder.append(live, failed(run, INTERRUPTED))
            self._live.pop(run.run_id, None)
            return False
        try:
            ports = await self.ports(connection, live.database, run.agent_id)
        except CustardError as error:
            await self._driver.recorder.append(live, failed(run, told(error)))
            self._live.pop(run.run_id, None)
            return False
        await self._driver.recorder.append(
            live, RunResumed(run_id=run.run_id, at=datetime.now(UTC), after=len(live.events))
        )
        self._driver.launch(live, ports, started.history, live.run)
        return True
