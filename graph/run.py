"""The run: one record that grows by events.

A run is a question, a list of attempts and an ending. The stored run, the HTTP answer, the screen and the
traces are views of it. ``graph.fold`` is the law that holds them together: folding a run's events gives
exactly the run that ``GET /api/v1/runs/{id}`` shows. The browser's reducer obeys the same law.
"""

from datetime import datetime

from pydantic import Field

from graph.events import RunEvent
from graph.record import (
    Answer,
    Attempt,
    Clarification,
    Problem,
    Receipt,
    Refusal,
    RunStatus,
    Timing,
    Usage,
)
from wire.base import Value


class Run(Value):
    """A run as JSON: the body of ``GET /api/v1/runs/{id}``."""

    run_id: str
    thread_id: str
    connection_id: str
    agent_id: str | None = None
    status: RunStatus = "queued"
    question: str
    standalone_question: str | None = None
    """The follow-up rewritten so that it stands alone; None when nothing was rewritten."""
    attempts: list[Attempt] = Field(default_factory=list)
    answer: Answer | None = None
    refusal: Refusal | None = None
    clarification: Clarification | None = None
    problem: Problem | None = None
    receipt: Receipt | None = None
    timings: list[Timing] = Field(default_factory=list)
    usage: Usage = Field(default_factory=Usage)
    created_at: datetime
    finished_at: datetime | None = None
    events: list[RunEvent] = Field(default_factory=list)
    """What happened, in order, without the deltas of text that was being written."""
    last_event_id: int = 0
    """Position of the last event, deltas counted: where a tail of ``/events`` goes on."""
