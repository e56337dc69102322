"""A run under way in this process."""

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field

from api.database import AgentDatabase
from api.errors import StoreUnavailable
from api.store.records import StoredEvent
from graph.events import RunEvent
from graph.record import TERMINAL
from graph.run import Run


@dataclass(slots=True)
class LiveRun:
    """A run under way."""

    run: Run
    """As far as it is written, and so may be shown."""
    events: list[StoredEvent]
    database: AgentDatabase
    tenant: str = ""
    ahead: Run = field(init=False)
    """As far as it has come, with what still waits to be written."""
    waiting: list[tuple[RunEvent, StoredEvent]] = field(default_factory=list)
    """Events that wait to be written."""
    written_at: float = 0.0
    """When, by the loop's clock, events were written last."""
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
    coming: ExitStack = field(default_factory=ExitStack)
    """Holds its place among those who are let in, until it stands in the queue for a turn."""
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

    def __post_init__(self) -> None:
        self.ahead = self.run

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
