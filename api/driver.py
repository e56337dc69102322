"""Drives the runs of this process: each a task of its own, ended exactly once however its pipeline ends."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Protocol

import structlog

from api.bus.protocol import Bus
from api.endings import ABANDONED, INTERNAL, SHUT_DOWN, cancelled, failed, told, too_long
from api.errors import StoreUnavailable
from api.live import LiveRun
from api.logs import bare
from api.metrics import Metrics
from api.recorder import Recorder
from api.store.protocols import Store
from api.turns import Turns
from graph.events import RunEvent
from graph.ports import Ports
from graph.record import TERMINAL, Turn
from graph.run import Run
from wire.errors import CustardError

_LOOK_SECONDS = 0.5
_STOP_SECONDS = 5.0
"""How long a stopped pipeline may take to unwind before its run is ended without it."""

_log = structlog.get_logger("api.runs")


class Pipeline(Protocol):
    """What makes a run's events: ``graph.build.run_events``."""

    def __call__(
        self, ports: Ports, *, run_id: str, question: str, history: list[Turn], resume: Run | None = None
    ) -> AsyncGenerator[RunEvent, None]: ...


class Driver:
    """The runs under way here, by id in ``live``.

    Args:
        turns: how many run at once, and who is next.
        run_seconds: a run that takes longer is ended; waiting for its turn does not count.
        abandon_seconds: how long a run goes on when its last listener has left.
        pipeline: None means the graph, imported with the first run because that takes seconds.
    """

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        bus: Bus,
        turns: Turns,
        run_seconds: float,
        abandon_seconds: float,
        pipeline: Pipeline | None = None,
    ) -> None:
        self.live: dict[str, LiveRun] = {}
        self.turns = turns
        self.recorder = Recorder(store, metrics, bus)
        self._metrics = metrics
        self._run_seconds = run_seconds
        self._abandon_seconds = abandon_seconds
        self._stopping: set[asyncio.Task[None]] = set()
        self._sought: set[str] = set()
        """Runs that are set going when the store says that it has them."""
        self._pipeline = pipeline

    def minded(self) -> set[str]:
        """Runs whose end somebody here sees to: that are driven, about to be, or owed their end."""
        return {*self.live, *self._sought, *self.recorder.owed}

    def launch(self, live: LiveRun, ports: Ports, history: list[Turn], resume: Run | None) -> None:
        """Set the pipeline going, from the start or from where ``resume`` stands."""
        self.live[live.run.run_id] = live
        self._metrics.running.set(len(self.live))
        live.work = asyncio.create_task(
            self._pump(live, ports, history, resume), name=f"run {live.run.run_id}"
        )
        live.keeper = asyncio.create_task(self._keep(live, live.work), name=f"keeper {live.run.run_id}")

    def launch_if_stored(
        self, live: LiveRun, ports: Ports, history: list[Turn], stored: Callable[[], Awaitable[bool]]
    ) -> None:
        """Set it going once the store can say that it has it, if it has."""
        finding = asyncio.ensure_future(self._launch_if_stored(live, ports, history, stored))
        self._stopping.add(finding)
        finding.add_done_callback(self._stopping.discard)

    async def _launch_if_stored(
        self, live: LiveRun, ports: Ports, history: list[Turn], stored: Callable[[], Awaitable[bool]]
    ) -> None:
        run_id = live.run.run_id
        self._sought.add(run_id)
        try:
            while True:
                try:
                    there = await stored()
                except StoreUnavailable:
                    await asyncio.sleep(_LOOK_SECONDS)
                    continue
                if there and run_id not in self.live:
                    self.launch(live, ports, history, None)
                return
        finally:
            self._sought.discard(run_id)

    async def _pump(self, live: LiveRun, ports: Ports, history: list[Turn], resume: Run | None) -> None:
        if self._pipeline is None:
            self._pipeline = await asyncio.to_thread(_the_graph)
        run = live.run
        events = self._pipeline(
            ports, run_id=run.run_id, question=run.question, history=history, resume=resume
        )
        live.coming.close()  # and into the queue, with nobody in between
        async with (
            self.turns.turn(live.tenant, run.connection_id),
            asyncio.timeout(self._run_seconds),
            aclosing(events),
        ):
            async for event in events:
                await self.recorder.take(live, event)
                if live.over:
                    return

    async def _keep(self, live: LiveRun, work: asyncio.Task[None]) -> None:
        """Wait for the pipeline, however it ends, and see that the run ends too."""
        try:
            await self._unwound(live, work)
            ended = live.over and not live.left
            if not ended:
                await live.database.settled()
            if not live.over:
                await self.recorder.append(live, self._ending(live, work))
            if live.run.status in TERMINAL:
                await _tidied(live)
        finally:
            live.coming.close()
            if live.abandonment is not None:
                live.abandonment.cancel()
            self.live.pop(live.run.run_id, None)
            self._metrics.running.set(len(self.live))

    async def _unwound(self, live: LiveRun, work: asyncio.Task[None]) -> None:
        while not work.done():
            await asyncio.wait({work}, timeout=1.0)
            if (live.stop_reason is not None or live.shutdown or live.left) and not work.done():
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
            return failed(run, too_long(self._run_seconds))
        if isinstance(error, CustardError):
            return failed(run, told(error))
        # The error's text is left out: it may quote a row.
        _log.error("a run broke", run=run.run_id, kind=type(error).__name__, exc_info=bare(error))
        return failed(run, INTERNAL)

    @contextmanager
    def attend(self, run_id: str) -> Iterator[None]:
        """Listen to a run for a while. When nobody does any more, it is stopped, unless it is detached."""
        live = self.live.get(run_id)
        if live is None or live.detached:
            yield
            return
        live.listeners += 1
        if live.abandonment is not None:
            live.abandonment.cancel()
            live.abandonment = None
        try:
            yield
        finally:
            live.listeners -= 1
            self._unheard(live)

    def listened_elsewhere(self, live: LiveRun, listened: bool) -> None:
        """Another process says whether somebody listens to the run there."""
        left, live.elsewhere = live.elsewhere and not listened, listened
        if listened and live.abandonment is not None:
            live.abandonment.cancel()
            live.abandonment = None
        elif left:
            self._unheard(live)

    def stop_soon(self, live: LiveRun, reason: str) -> None:
        """Stop a run without waiting for its end."""
        stopping = asyncio.ensure_future(self.stop(live, reason))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)

    def leave(self, live: LiveRun) -> None:
        """Drive a run no further, because another process does; its statement here is stopped."""
        live.leave()

    def _unheard(self, live: LiveRun) -> None:
        """When nobody listens any more, stop the run after a while."""
        if live.listeners or live.elsewhere or live.detached or live.over:
            return
        loop = asyncio.get_running_loop()
        live.abandonment = loop.call_later(self._abandon_seconds, self.stop_soon, live, ABANDONED)

    async def stop(self, live: LiveRun, reason: str) -> None:
        """Stop a run and wait, bounded, for its end. Twice, or after the end, changes nothing."""
        if live.stop_reason is None and not live.over and live.work is not None and not live.work.done():
            live.stop_reason = reason
            live.work.cancel()
        if live.keeper is not None:
            await asyncio.wait({live.keeper}, timeout=_STOP_SECONDS)

    async def stop_where(self, fits: Callable[[Run], bool], reason: str) -> None:
        """Stop every run that fits."""
        stops: list[Awaitable[None]] = [
            self.stop(live, reason) for live in self.live.values() if fits(live.run)
        ]
        await asyncio.gather(*stops)

    async def close(self, grace_seconds: float, *, hand_over: bool = False) -> None:
        """Let runs finish for a while, then end them by name, or leave them to another process."""
        keepers = [live.keeper for live in self.live.values() if live.keeper is not None]
        if keepers and grace_seconds > 0:
            await asyncio.wait(keepers, timeout=grace_seconds)
        for live in list(self.live.values()):
            live.shutdown = True
            if hand_over:
                live.leave()
            if live.work is not None:
                live.work.cancel()
        if keepers:
            await asyncio.wait(keepers, timeout=_STOP_SECONDS + 3)
        await self.recorder.close()


async def _tidied(live: LiveRun) -> None:
    try:
        await live.database.forget_untold(live.run)
    except Exception as error:
        # They go when space is needed.
        _log.warning("results could not be dropped", run=live.run.run_id, kind=type(error).__name__)


def _the_graph() -> Pipeline:
    from graph.build import run_events

    return run_events
