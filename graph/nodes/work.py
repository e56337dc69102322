"""What every node has in hand, and the telling of steps that all of them share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from langgraph.config import get_stream_writer

from graph.events import (
    Answered,
    Clarified,
    Executed,
    Linted,
    Refused,
    RunEvent,
    RunFailed,
    StepFinished,
    StepStarted,
)
from graph.ports import Ports
from graph.record import Attempt, Problem, Step, Usage
from graph.state import State, Update
from wire.errors import CustardError
from wire.snapshot import SchemaSnapshot

Body = Callable[[State, "Work"], Awaitable[Update]]
"""A node's own part: what it changes in the state."""


@dataclass(slots=True)
class Work:
    """One step's means: the ports, and a voice."""

    ports: Ports
    run_id: str
    step: Step
    emit: Callable[[RunEvent], None]
    detail: str = ""
    """A few words of what was done, told when the step ends."""
    usage: Usage = field(default_factory=Usage)

    def now(self) -> datetime:
        """The present moment by the run's clock."""
        return self.ports.clock.now()

    def fact(self) -> dict[str, Any]:
        """The fields that every event of this step has."""
        return {"run_id": self.run_id, "at": self.now(), "step": self.step}

    async def snapshot(self) -> SchemaSnapshot:
        """What may be read. Asked of the port each time: after a failure it may have learnt more."""
        return await self.ports.database.snapshot()


async def take_step(step: Step, body: Body, state: State, ports: Ports) -> Update:
    """Do a step's work and tell of it: started, finished, and the run's end when this was it.

    An error of ours ends the run as failed, with its code and hint. Any other exception is a mistake in the
    code and passes through. A step that ``ports.settings.without`` names does and tells nothing.
    """
    if step in ports.settings.without:
        return {}
    work = Work(ports, state["run_id"], step, get_stream_writer())
    work.emit(StepStarted(**work.fact()))
    began = ports.clock.monotonic()
    try:
        update = await body(state, work)
    except CustardError as error:
        update = {"problem": Problem(code=error.code, message=str(error), hint=error.hint)}
    elapsed_ms = round((ports.clock.monotonic() - began) * 1000, 3)
    work.emit(
        StepFinished(
            **work.fact(),
            elapsed_ms=elapsed_ms,
            detail=work.detail,
            usage=work.usage if work.usage.model_calls else None,
        )
    )
    tell(update, work.run_id, ports, step)
    return update


def tell(update: Update, run_id: str, ports: Ports, step: Step | None = None) -> None:
    """Emit the run's last event when this update ends it."""
    fact: dict[str, Any] = {"run_id": run_id, "at": ports.clock.now(), "step": step}
    emit = get_stream_writer()
    if "answer" in update:
        emit(Answered(**fact, answer=update["answer"], receipt=update["receipt"]))
    elif "refusal" in update:
        emit(Refused(**fact, refusal=update["refusal"]))
    elif "clarification" in update:
        emit(Clarified(**fact, clarification=update["clarification"]))
    elif "problem" in update:
        emit(RunFailed(**fact, problem=update["problem"]))


def last_attempt(state: State) -> Attempt:
    """The attempt that the run stands at."""
    return state["attempts"][-1]


def with_last(state: State, **changes: Any) -> list[Attempt]:
    """The attempts, the last of them changed."""
    *before, last = state["attempts"]
    return [*before, last.model_copy(update=changes)]


def told_again(work: Work, attempt: Attempt) -> Attempt:
    """Tell what is known of an attempt that was run before under another number."""
    assert attempt.outcome is not None
    work.emit(Linted(**work.fact(), attempt=attempt.number, verdict="pass", findings=attempt.findings))
    work.emit(Executed(**work.fact(), attempt=attempt.number, outcome=attempt.outcome))
    return attempt
