"""Runs: each a task of its own, recorded before anybody sees it, ended exactly once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing, suppress
from datetime import UTC, datetime
from time import monotonic

from api.ask import Ask, history_of, why_absent
from api.driver import Driver, Pipeline
from api.errors import Busy, ShuttingDown, StoreUnavailable, UnknownAgent, UnknownRun
from api.following import follow
from api.gateway import Gateway
from api.ids import new_id
from api.leases import Leases
from api.live import LiveRun
from api.metrics import Metrics
from api.models import Models
from api.recorder import stored
from api.relay import AskRequest, StopNotice
from api.replicas import Replicas
from api.resuming import Resuming
from api.settings import Settings
from api.store.protocols import Store
from api.store.records import ConnectionRecord, Page, RunRecord, StoredEvent
from api.turns import Bounds, Turns
from graph.events import RUN_EVENT, RunStarted
from graph.fold import advance, fold
from graph.ports import Database, Ports
from graph.ports import Settings as GraphSettings
from graph.run import Run

_STOP_SECONDS = 5.0
"""How long a stop waits for the end of a run that another process drives."""


class Runs:
    """Every run of this process."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        gateway: Gateway,
        models: Models,
        metrics: Metrics,
        replicas: Replicas,
        pipeline: Pipeline | None = None,
    ) -> None:
        """``pipeline`` None means the graph, imported with the first run because that takes seconds."""
        self.closing = False
        self._ends: float | None = None
        """When those who follow another replica's run are sent away, to come back to one that stays."""
        self._following = 0
        self._unfollowed = asyncio.Event()
        self._unfollowed.set()
        self._settings = settings
        self._store = store
        self._gateway = gateway
        self._models = models
        self._metrics = metrics
        self._replicas = replicas
        share = settings.max_running * 3 // 4 if settings.several_tenants else settings.max_running
        bounds = Bounds(
            running=settings.max_running,
            per_connection=settings.max_running_per_connection,
            per_tenant=settings.max_running_per_tenant or max(1, share),
            waiting=settings.max_waiting,
            waiting_per_tenant=settings.max_waiting_per_tenant,
        )
        self._driver = Driver(
            store,
            metrics,
            replicas.bus,
            Turns(bounds),
            settings.run_seconds,
            settings.abandon_seconds,
            pipeline,
        )
        self._live = self._driver.live
        self._resuming = Resuming(store, gateway, self._driver, self.ports)
        self._leases = Leases(
            store, gateway, self._driver, self._resuming.take_up, settings.reconnect_seconds
        )

    # --- asking --------------------------------------------------------------------------------------------

    async def start(self, ask: Ask) -> str:
        """Record the run and set it going, on the replica that has its agent.

        Returns:
            Its id, or that of the run that its key has started before.

        Raises:
            ShuttingDown, Busy, AgentOffline, ModelMissing, StoreUnavailable, BusUnavailable: it was not
                started.
            UnknownThread, ThreadElsewhere: the thread does not fit.
            KeyReused: the idempotency key came with another question.
        """
        here = self._gateway.session(ask.connection.connection_id, ask.agent_id) is not None
        if self._replicas.shared and (self.closing or not here):
            return await self._start_elsewhere(ask)
        return await self.start_here(ask, new_id("run"))

    async def _start_elsewhere(self, ask: Ask) -> str:
        key = ask.key
        if key is not None and (earlier := await self._store.runs.earlier(ask.tenant, key)) is not None:
            return earlier
        # Only what is an agent's id goes into a subject of the bus.
        if ask.agent_id is not None and isinstance(why := await why_absent(ask, self._store), UnknownAgent):
            raise why
        run_id = new_id("run")
        request = AskRequest(
            run_id=run_id,
            tenant=ask.tenant,
            connection_id=ask.connection.connection_id,
            question=ask.question,
            agent_id=ask.agent_id,
            thread_id=ask.thread_id,
            idempotency_key=ask.idempotency_key,
            detached=ask.detached,
        )

        started = await self._replicas.start(request, lambda: self._is_stored(ask.tenant, run_id))
        if started is not None:
            return started
        if self.closing:
            raise _shutting_down()
        raise await why_absent(ask, self._store)

    async def _is_stored(self, tenant: str, run_id: str) -> bool:
        return await self._store.runs.get(tenant, run_id) is not None

    async def start_here(self, ask: Ask, run_id: str) -> str:
        """As ``start``, for an agent that is attached here."""
        if self.closing:
            raise _shutting_down()
        key = ask.key
        # Before it is turned away: what its key has started is there, however many wait.
        if key is not None and (earlier := await self._store.runs.earlier(ask.tenant, key)) is not None:
            return earlier
        if (why := self._driver.turns.why_full(ask.tenant)) is not None:
            raise Busy(why, "Ask again in a few seconds.")
        with ExitStack() as coming:
            coming.enter_context(self._driver.turns.coming(ask.tenant))
            return await self._started(ask, run_id, coming)

    async def _started(self, ask: Ask, run_id: str, coming: ExitStack) -> str:
        key = ask.key
        connection_id = ask.connection.connection_id
        database = self._gateway.database(connection_id, ask.agent_id)
        session = self._gateway.session(connection_id, ask.agent_id)
        if session is None:
            raise await why_absent(ask, self._store)
        history = await history_of(ask, self._store)
        now = datetime.now(UTC)
        started = RunStarted(
            run_id=run_id,
            at=now,
            thread_id=ask.thread_id or new_id("thr"),
            connection_id=connection_id,
            agent_id=session.agent_id,
            question=ask.question,
            history=history,
        )
        live = LiveRun(
            advance(None, started), [stored(1, started)], database, ask.tenant, epoch=1, detached=ask.detached
        )
        record = RunRecord(
            started.run_id,
            ask.tenant,
            connection_id,
            started.thread_id,
            "running",
            ask.question,
            now,
            detached=ask.detached,
        )
        ports = await self.ports(ask.connection, database, started.agent_id)
        try:
            raced = await self._store.runs.start(
                record, live.events[0], thread_title=ask.title, key=key, holder=self._leases.holder
            )
        except (StoreUnavailable, asyncio.CancelledError) as error:
            # It may have been written, and a stored run that nobody drives would never end.
            if isinstance(error, StoreUnavailable) and key is None:
                self._driver.recorder.owe(live, error)
            else:
                # Whoever asks again with the key, or looks where the answer was lost, finds it going.
                self._driver.launch_if_stored(
                    live, ports, history, lambda: self._is_stored(ask.tenant, run_id)
                )
            raise
        if raced is not None:
            return raced
        live.coming = coming.pop_all()
        self._driver.launch(live, ports, history, None)
        return started.run_id

    async def ports(self, connection: ConnectionRecord, database: Database, agent_id: str | None) -> Ports:
        """What the graph needs for a run on this connection. Raises ``ModelMissing``."""
        # Another replica may have taken a change of the policy: the agent hears of it before the run.
        await self._gateway.tighten(connection)
        return Ports(
            database=database,
            model=self._models.model(),
            settings=GraphSettings(
                max_repairs=self._settings.max_repairs,
                max_rechecks=self._settings.max_rechecks,
                candidates=self._settings.candidates,
                value_hints=self._settings.value_hints,
                without=frozenset() if self._settings.second_draft else frozenset({"second_draft"}),
            ),
            share=await self._gateway.share(connection, agent_id),
            agent_id=agent_id,
            instructions=connection.instructions,
            cloud_policy=connection.policy,
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
        ours = live is not None and not live.left
        run = live.run if live is not None and ours else await self._store.runs.load(run_id)
        if run is None:
            raise UnknownRun(f"The run {run_id[:80]!r} was deleted.")
        return run

    async def of_thread(self, thread_id: str, *, limit: int, before: str | None) -> Page[Run]:
        """A thread's newest runs, oldest first; those under way as far as they have come."""
        page = await self._store.runs.of_thread(thread_id, limit=limit, before=before)
        runs = [self._live[run.run_id].run if run.run_id in self._live else run for run in page.items]
        return Page(runs, page.next)

    async def tail(self, run_id: str, after: int) -> AsyncIterator[Sequence[StoredEvent]]:
        """Events after a position: those that were, then those that come, until the end; as many at once as
        there are, and never none."""
        live = self._live.get(run_id)
        while live is not None:
            changed = live.changed
            if told := live.events[max(after, 0) :]:
                after = told[-1].position
                yield told
            if live.left and after >= len(live.events):
                break
            if live.over and after >= len(live.events):
                return
            if changed is live.changed:
                await changed.wait()
        self._following += 1
        self._unfollowed.clear()
        try:
            following = follow(self._store, self._replicas.bus, run_id, after, self._cut_off)
            async with aclosing(following) as events:
                async for followed in events:
                    yield followed
        finally:
            self._following -= 1
            if not self._following:
                self._unfollowed.set()

    def attend(self, run_id: str) -> AbstractContextManager[None]:
        """Count as one of the run's listeners. When the last one has gone, it is stopped after a while."""
        return self._driver.attend(run_id)

    async def wait(self, tenant: str, run_id: str) -> Run:
        """The run when it has ended.

        Raises:
            StoreUnavailable: its end could not be written.
            ShuttingDown: this backend stops and the run goes on; its ``run_id`` is in the error.
        """
        live = self._live.get(run_id)
        if live is not None:
            async for _ in self.tail(run_id, live.run.last_event_id):
                pass
            if live.broken is not None:
                live.broken.run_id = run_id
                raise live.broken
        else:
            # What was followed makes the run, whose row is another round trip or two away.
            told = [event async for events in self.tail(run_id, 0) for event in events]
            run_here = fold(RUN_EVENT.validate_json(event.data) for event in told)
            if run_here is not None and run_here.finished_at is not None:
                return run_here
        run = await self.load(tenant, run_id)
        if run.finished_at is None and self._cut_off():
            error = _shutting_down()
            error.run_id = run_id
            raise error
        return run

    # --- stopping ------------------------------------------------------------------------------------------

    def _cut_off(self) -> bool:
        return self._ends is not None and monotonic() >= self._ends

    async def cancel(self, tenant: str, run_id: str, reason: str = "Stopped by the asker.") -> Run:
        """Stop the run and wait, bounded, for its end. Twice, or after the end, changes nothing."""
        live = self._live.get(run_id)
        if live is not None and not live.left:
            await self._driver.stop(live, reason)
            return await self.load(tenant, run_id)
        run = await self.load(tenant, run_id)
        if run.finished_at is None:
            # In the store for whoever drives it next, over the bus for whoever drives it now.
            await self._store.leases.ask_stop(run_id, reason)
            await self._replicas.notify(StopNotice(run_id=run_id, reason=reason))
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    run = await self.wait(tenant, run_id)
        return run

    async def cancel_all(self, connection_id: str, reason: str) -> None:
        """Stop every run of a connection."""
        await self._replicas.notify(StopNotice(connection_id=connection_id, reason=reason))
        await self._driver.stop_where(lambda run: run.connection_id == connection_id, reason)

    async def cancel_thread(self, thread_id: str, reason: str) -> None:
        """Stop every run of a thread."""
        await self._replicas.notify(StopNotice(thread_id=thread_id, reason=reason))
        await self._driver.stop_where(lambda run: run.thread_id == thread_id, reason)

    def heed(self, notice: StopNotice) -> None:
        """Another replica was asked to stop runs; those of them that are driven here are."""
        for live in list(self._live.values()):
            run = live.run
            wanted = (notice.run_id, notice.connection_id, notice.thread_id)
            theirs = (run.run_id, run.connection_id, run.thread_id)
            if any(wanted) and all(want in (None, has) for want, has in zip(wanted, theirs, strict=True)):
                self._driver.stop_soon(live, notice.reason)

    async def close(self, grace_seconds: float) -> None:
        """Take no more questions, let runs finish for a while, then end them by name."""
        self.closing = True
        self._ends = ends = monotonic() + grace_seconds
        # Where others share the store, one of them goes on; where nobody does, the asker is told.
        await self._driver.close(grace_seconds, hand_over=self._settings.database_url is not None)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, ends - monotonic())):
                await self._unfollowed.wait()
        await self._leases.close()

    async def open(self) -> int:
        """Take up the runs that other processes left, now and from now on; returns how many at once."""
        return await self._leases.open()


def _shutting_down() -> ShuttingDown:
    return ShuttingDown("The backend is stopping.", "Ask again in a moment.")
