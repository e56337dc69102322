"""Writes what runs have to tell before anybody sees it: what comes close together goes in one write.

An event costs a commit, and with replicas a message, whatever its size. So a run that has told nothing for a
while is written at once, and what follows within ``GATHER_SECONDS`` goes together; a write takes along what
every other run has waiting. Pieces of a text that wait together become one piece.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

import structlog

from api.bus.protocol import Bus
from api.endings import NOT_RECORDED, failed
from api.errors import StoreRefused, StoreUnavailable
from api.live import LiveRun
from api.logs import bare
from api.metrics import Metrics
from api.news import news
from api.store.protocols import Store
from api.store.records import Batch, StoredEvent
from graph.events import RUN_EVENT, AnswerDelta, RunEvent, SqlDelta
from graph.fold import advance
from graph.record import TERMINAL

GATHER_SECONDS = 0.02
"""What a reader may wait for an event beyond its write: too short to be seen, and most of a step's events."""
GATHER_SECONDS_MOST = 0.1
_SHARE = 0.1
"""Of the time, what writes may take up: where they are slow, more goes together."""
_MOST_WAITING = 256
"""Events of one run; beyond, its pipeline waits for the store."""
_MEND_SECONDS = 0.5
_MEND_SECONDS_MOST = 10.0

_log = structlog.get_logger("api.runs")


class Recorder:
    """Appends events to the store and then to the live run. All methods run on the event loop."""

    def __init__(self, store: Store, metrics: Metrics, bus: Bus) -> None:
        self._store = store
        self._metrics = metrics
        self._bus = bus
        self._waiting: dict[str, LiveRun] = {}
        self._gather_seconds = GATHER_SECONDS
        self._hurried = asyncio.Event()
        """Set when there is something to write sooner than what the writer waits for."""
        self._writer: asyncio.Task[None] | None = None
        self._owed: dict[str, tuple[LiveRun, RunEvent]] = {}
        self._mender: asyncio.Task[None] | None = None

    async def take(self, live: LiveRun, event: RunEvent) -> None:
        """Have an event written and shown soon; its run's end is waited for.

        Raises:
            ValueError: it cannot follow on what the run has told.
        """
        self._queue(live, event)
        if live.ahead.status in TERMINAL or len(live.waiting) >= _MOST_WAITING:
            await self._shown(live)

    async def append(self, live: LiveRun, event: RunEvent) -> None:
        """As ``take``, and wait until it is shown."""
        self._queue(live, event, hurry=True)
        await self._shown(live)

    @property
    def owed(self) -> Collection[str]:
        """Runs whose end is still to be written."""
        return self._owed.keys()

    def owe(self, live: LiveRun, error: StoreUnavailable) -> None:
        """A run that may be stored, and that nobody drives: it is ended when the store can be asked."""
        self._break(live, error)

    async def close(self) -> None:
        """Give up on endings that the store still refuses; the next start finds those runs unfinished."""
        tasks = [task for task in (self._mender, self._writer) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _queue(self, live: LiveRun, event: RunEvent, *, hurry: bool = False) -> None:
        if live.over or live.ahead.status in TERMINAL:
            return
        if live.waiting and (joined := _joined(live.waiting[-1][0], event)) is not None:
            live.waiting[-1] = (joined, stored(live.ahead.last_event_id, joined))
        else:
            ahead = advance(live.ahead, event)
            live.waiting.append((event, stored(ahead.last_event_id, event)))
            live.ahead = ahead
        if hurry or live.ahead.status in TERMINAL:
            live.written_at = 0.0
        self._waiting[live.run.run_id] = live
        self._hurried.set()
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="recorder")

    async def _shown(self, live: LiveRun) -> None:
        """Wait until all that the run has told up to now is written."""
        last = live.ahead.last_event_id
        while live.run.last_event_id < last and not live.over:
            await live.changed.wait()

    async def _write_all(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._waiting:
            self._hurried.clear()
            due = min(live.written_at for live in self._waiting.values()) + self._gather_seconds
            if (pause := due - clock()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._hurried.wait()
                continue
            lives, self._waiting = [live for live in self._waiting.values() if not live.over], {}
            if lives:
                began = clock()
                await self._write(lives)
                slow = (clock() - began) / _SHARE
                self._gather_seconds = min(GATHER_SECONDS_MOST, max(GATHER_SECONDS, slow))

    async def _write(self, lives: Sequence[LiveRun]) -> None:
        runs, batches = [live.ahead for live in lives], [_batch(live) for live in lives]
        now = asyncio.get_running_loop().time()
        for live in lives:
            live.waiting, live.written_at = [], now
        try:
            taken = await self._store.runs.append(batches)
        except StoreUnavailable as error:
            for live in lives:
                self._break(live, error)
            return
        except Exception as error:
            _log.error("events could not be written", kind=type(error).__name__, exc_info=bare(error))
            for live in lives:
                self._break(live, StoreUnavailable("The store refused what a run has to tell.", "Ask again."))
            return
        for live, run, batch, fate in zip(lives, runs, batches, taken, strict=True):
            if isinstance(fate, StoreUnavailable):
                self._break(live, fate)
                continue
            if not fate:
                # It was deleted, or another process took it over: whoever listens is sent to the store.
                _log.warning("a run is no longer ours", run=run.run_id)
                live.leave()
                continue
            live.run = run
            live.events.extend(batch.events)
            if batch.ended is not None:
                self._metrics.ended(run)
            live.notify()
            if self._bus.shared:
                await self._bus.publish(f"run.{run.run_id}", news(batch.events))

    def _break(self, live: LiveRun, error: StoreUnavailable) -> None:
        """Stop the run; its end is written as soon as the store is back."""
        live.broken = error
        _log.error("a run cannot be recorded", run=live.run.run_id, reason=str(error))
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
                try:
                    if not await self._end(live, event):
                        break
                except StoreUnavailable:
                    break
                except Exception as error:
                    # Its lease runs out, and it is taken up anew; the others must not wait for it.
                    _log.error("a run could not be ended", run=run_id, kind=type(error).__name__)
                del self._owed[run_id]

    async def _end(self, live: LiveRun, event: RunEvent) -> bool:
        """Write an end that is owed; False when the store has yet to take it.

        Raises:
            StoreUnavailable: likewise.
        """
        run_id = live.run.run_id
        while True:
            run = advance(live.run, event)
            last = stored(run.last_event_id, event)
            (written,) = await self._store.runs.append([Batch(run_id, (last,), run, live.epoch)])
            if isinstance(written, StoreUnavailable):
                return isinstance(written, StoreRefused)
            if written:
                self._metrics.ended(run)
                await self._bus.publish(f"run.{run_id}", news([last]))
                return True
            # A write that was given up may have been done after all: the end follows on what is there. Where
            # nothing was missed, the run is gone or another process's.
            there = await self._store.runs.load(run_id)
            if there is None or there.status in TERMINAL or there.last_event_id == live.run.last_event_id:
                return True
            live.run = there


def stored(position: int, event: RunEvent) -> StoredEvent:
    """An event as the store keeps it and the stream sends it."""
    return StoredEvent(position, event.type, RUN_EVENT.dump_json(event).decode())


def _batch(live: LiveRun) -> Batch:
    ended = live.ahead if live.ahead.status in TERMINAL else None
    return Batch(live.run.run_id, tuple(event for _, event in live.waiting), ended, live.epoch)


def _joined(last: RunEvent, event: RunEvent) -> RunEvent | None:
    """Two pieces of one text as one; None when they are not."""
    match last, event:
        case (SqlDelta(), SqlDelta()) if (last.attempt, last.step) == (event.attempt, event.step):
            return last.model_copy(update={"text": last.text + event.text})
        case (AnswerDelta(), AnswerDelta()) if last.step == event.step:
            return last.model_copy(update={"text": last.text + event.text})
    return None
