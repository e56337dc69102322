"""A run under way in this process, and the recorder that writes each event before anybody sees it."""

import asyncio
from dataclasses import dataclass, field

import structlog

from api.database import AgentDatabase
from api.endings import NOT_RECORDED, failed
from api.errors import StoreUnavailable
from api.metrics import Metrics
from api.store.protocols import Store
from api.store.records import StoredEvent
from graph.events import RUN_EVENT, RunEvent
from graph.fold import advance
from graph.record import TERMINAL
from graph.run import Run

_MEND_SECONDS = 0.5
_MEND_SECONDS_MOST = 10.0

_log = structlog.get_logger("api.runs")


@dataclass(slots=True)
class LiveRun:
    """A run under way."""

    run: Run
    events: list[StoredEvent]
    database: AgentDatabase
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced by a new one, with every event."""
    work: asyncio.Task[None] | None = None
    """The pipeline; cancelled to stop the run."""
    keeper: asyncio.Task[None] | None = None
    """Outlives ``work`` and writes the end."""
    stop_reason: str | None = None
    shutdown: bool = False
    detached: bool = False
    """Asked for to go on whoever listens."""
    listeners: int = 0
    elsewhere: bool = False
    """Somebody listens through another process."""
    abandonment: asyncio.TimerHandle | None = None
    """Stops the run unless a listener comes back before."""
    epoch: int | None = None
    """That of our lease: the store refuses events once another process has taken the run over."""
    left: bool = False
    """Another process drives it, or may: nothing more is written here."""
    broken: StoreUnavailable | None = None
    """Set when the store would not take an event: nobody sees what would have followed."""

    @property
    def over(self) -> bool:
        """Whether nothing can follow."""
        return self.run.status in TERMINAL or self.broken is not None or self.left

    def notify(self) -> None:
        """Wake those who listen."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def leave(self) -> None:
        """Drive it no further; its end, if any, is written elsewhere."""
        self.left = True
        if self.work is not None:
            self.work.cancel()
        self.notify()


class Recorder:
    """Appends events to the store and to the live run, in that order."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._owed: dict[str, tuple[LiveRun, RunEvent]] = {}
        self._mender: asyncio.Task[None] | None = None

    async def append(self, live: LiveRun, event: RunEvent) -> None:
        """Write an event and show it. A cancellation lets the write finish: positions must not tear."""
        writing = asyncio.ensure_future(self._write(live, event))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing})
            raise

    async def close(self) -> None:
        """Give up on endings that the store still refuses; the next start finds those runs unfinished."""
        if self._mender is not None:
            self._mender.cancel()
            await asyncio.gather(self._mender, return_exceptions=True)

    async def _write(self, live: LiveRun, event: RunEvent) -> None:
        if live.over:
            return
        run = advance(live.run, event)
        record = stored(run.last_event_id, event)
        ended = run if run.status in TERMINAL else None
        try:
            taken = await self._store.runs.append(run.run_id, record, ended, epoch=live.epoch)
        except StoreUnavailable as error:
            self._break(live, error, owed=True)
            return
        if not taken:
            # It was deleted, or another process took it over: whoever listens is sent to the store.
            _log.warning("a run is no longer ours", run=run.run_id)
            live.leave()
            return
        live.run = run
        live.events.append(record)
        if ended is not None:
            self._metrics.ended(run)
        live.notify()

    def _break(self, live: LiveRun, error: StoreUnavailable, *, owed: bool) -> None:
        """Stop the run; when the store is only out, its end is written as soon as it is back."""
        live.broken = error
        _log.error("a run cannot be recorded", run=live.run.run_id, reason=str(error))
        if owed:
            self._owed[live.run.run_id] = (live, failed(live.run, NOT_RECORDED))
            if self._mender is None or self._mender.done():
                self._mender = asyncio.create_task(self._mend(), name="endings")
        if live.work is not None:
            live.work.cancel()
        live.notify()

    async def _mend(self) -> None:
        pause = _MEND_SECONDS
        while self._owed:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _MEND_SECONDS_MOST)
            for run_id, (live, event) in list(self._owed.items()):
                run = advance(live.run, event)
                last = stored(run.last_event_id, event)
                try:
                    if await self._store.runs.append(run_id, last, run, epoch=live.epoch):
                        self._metrics.ended(run)
                except StoreUnavailable:
                    break
                del self._owed[run_id]


def stored(position: int, event: RunEvent) -> StoredEvent:
    """An event as the store keeps it and the stream sends it."""
    return StoredEvent(position, event.type, RUN_EVENT.dump_json(event).decode())
