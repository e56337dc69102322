"""How a run ends when the graph did not end it: in words that say what to do."""

from datetime import UTC, datetime

from graph.events import RunCancelled, RunFailed
from graph.record import Problem
from graph.run import Run
from wire.errors import CustardError

INTERNAL = Problem(
    code="internal",
    message="The backend met an error of its own.",
    hint="Ask again; if it stays, look into the backend's log.",
)
SHUT_DOWN = Problem(
    code="shutting_down", message="The backend was stopped.", hint="Ask again when it is back."
)
INTERRUPTED = Problem(
    code="interrupted", message="The backend stopped in the middle of this run.", hint="Ask again."
)
ABANDONED = "Nobody was listening any more."
"""Why a run was stopped that all its listeners had left."""
NOT_RECORDED = Problem(
    code="store_unavailable",
    message="The backend's store could not record this run.",
    hint="See that its disk has space and can be written, then ask again.",
)


def too_long(seconds: float) -> Problem:
    """The run met its deadline."""
    return Problem(
        code="deadline",
        message=f"The run took longer than {seconds:g} seconds.",
        hint="Ask for less at once, or use a faster model.",
    )


def told(error: CustardError) -> Problem:
    """One of our own errors as a problem."""
    return Problem(code=error.code, message=str(error), hint=error.hint)


def failed(run: Run, problem: Problem) -> RunFailed:
    """The event that ends a run with a problem."""
    return RunFailed(run_id=run.run_id, at=datetime.now(UTC), problem=problem)


def cancelled(run: Run, reason: str, database_ms: float | None) -> RunCancelled:
    """The event that ends a run because somebody stopped it."""
    return RunCancelled(run_id=run.run_id, at=datetime.now(UTC), reason=reason, database_ms=database_ms)
