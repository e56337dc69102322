"""The fold law: a run's events, in order, make the run. Pure, and mirrored by the browser's reducer."""

from collections.abc import Iterable

from graph.events import (
    AnswerDelta,
    Answered,
    Clarified,
    Drafted,
    Executed,
    Linted,
    Refused,
    Repaired,
    RunCancelled,
    RunEvent,
    RunFailed,
    RunStarted,
    SqlDelta,
    StepFinished,
    StepStarted,
)
from graph.record import TERMINAL, Attempt, Timing, Usage
from graph.run import Run


def fold(events: Iterable[RunEvent]) -> Run | None:
    """The run that these events tell of, or None when there are none.

    Raises:
        ValueError: the first event is not ``run_started``, or one follows after the end.
    """
    run: Run | None = None
    for event in events:
        run = advance(run, event)
    return run


def advance(run: Run | None, event: RunEvent) -> Run:
    """The run after one more event. Raises as ``fold`` does."""
    if run is None:
        if not isinstance(event, RunStarted):
            raise ValueError(f"A run's first event is run_started, not {event.type}.")
        return Run(
            run_id=event.run_id,
            thread_id=event.thread_id,
            connection_id=event.connection_id,
            agent_id=event.agent_id,
            status="running",
            question=event.question,
            created_at=event.at,
            events=[event],
            last_event_id=1,
        )
    if run.status in TERMINAL:
        raise ValueError(f"The run has ended as {run.status}; {event.type} cannot follow.")
    told = run.events if isinstance(event, SqlDelta | AnswerDelta) else [*run.events, event]
    return run.model_copy(
        update={**_change(run, event), "events": told, "last_event_id": run.last_event_id + 1}
    )


def _change(run: Run, event: RunEvent) -> dict[str, object]:
    match event:
        case StepStarted():
            return {"timings": [*run.timings, Timing(step=event.step, started_at=event.at)]}
        case StepFinished():
            return _finish_step(run, event)
        case Drafted() | Repaired():
            attempt = Attempt(
                number=event.attempt, sql=event.sql, origin=event.origin, changes=list(event.changes)
            )
            change: dict[str, object] = {"attempts": _with_attempt(run.attempts, attempt)}
            if isinstance(event, Drafted) and event.standalone_question is not None:
                change["standalone_question"] = event.standalone_question
            return change
        case Linted():
            return _update_attempt(
                run, event.attempt, {"verdict": event.verdict, "findings": list(event.findings)}
            )
        case Executed():
            return _update_attempt(run, event.attempt, {"outcome": event.outcome})
        case Answered():
            ended = {"answer": event.answer, "receipt": event.receipt}
            return {"status": "succeeded", "finished_at": event.at, **ended}
        case Refused():
            return {"status": "refused", "finished_at": event.at, "refusal": event.refusal}
        case Clarified():
            return {"status": "clarify", "finished_at": event.at, "clarification": event.clarification}
        case RunFailed():
            return {"status": "failed", "finished_at": event.at, "problem": event.problem}
        case RunCancelled():
            return {"status": "cancelled", "finished_at": event.at}
        case RunStarted():
            raise ValueError("A run starts once.")
        case _:
            return {}


def _finish_step(run: Run, event: StepFinished) -> dict[str, object]:
    """Close the latest open timing of the step: a step may be done several times in a run."""
    timings = list(run.timings)
    for place in range(len(timings) - 1, -1, -1):
        if timings[place].step == event.step and timings[place].elapsed_ms is None:
            done = {"elapsed_ms": event.elapsed_ms, "detail": event.detail}
            timings[place] = timings[place].model_copy(update=done)
            break
    return {"timings": timings, "usage": run.usage.plus(event.usage or Usage())}


def _with_attempt(attempts: list[Attempt], attempt: Attempt) -> list[Attempt]:
    """A resumed run may write the attempt that its predecessor was writing: same number, last one holds."""
    return [*(known for known in attempts if known.number != attempt.number), attempt]


def _update_attempt(run: Run, number: int, update: dict[str, object]) -> dict[str, object]:
    return {
        "attempts": [
            attempt.model_copy(update=update) if attempt.number == number else attempt
            for attempt in run.attempts
        ]
    }
