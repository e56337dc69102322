"""execute_sql: have the agent run the attempt."""

from typing import Any

from graph.events import Executed, Executing
from graph.nodes.work import Work, last_attempt, with_last
from graph.state import State, Update
from wire.outcome import PREVIEW_ROWS, Failed, FailureCode, Outcome, Rows

MENDABLE: frozenset[FailureCode] = frozenset({"database", "policy"})
"""Failures that other SQL may avoid."""
_PREVIEW_CHARACTERS = 64_000
"""Of all texts in a preview together."""
_CELL_CHARACTERS = 2_000
"""Of one text, when the preview is cut."""


async def execute_sql(state: State, work: Work) -> Update:
    """Run the last attempt, and keep a bounded preview of what it gave."""
    attempt = last_attempt(state)
    work.emit(Executing(**work.fact(), attempt=attempt.number))
    outcome = await work.ports.database.execute(attempt.sql, run_id=work.run_id, attempt=attempt.number)
    outcome = bounded(outcome)
    executed = Executed(**work.fact(), attempt=attempt.number, outcome=outcome)
    work.emit(executed)
    update: Update = {"attempts": with_last(state, outcome=outcome), "executed_at": executed.at}
    if isinstance(outcome, Failed):
        work.detail = outcome.message
    else:
        work.detail = f"{outcome.row_count:,} row{'s' if outcome.row_count != 1 else ''}"
    return update


def mendable(failed: Failed) -> bool:
    """Whether other SQL may fare better. A limit that time lifts (``retryable``) is not the query's fault.

    Nor is it that PostgreSQL rolled its transaction back (class 40).
    """
    if (failed.sqlstate or "").startswith("40"):
        return False
    return failed.code in MENDABLE or (failed.code == "limit" and not failed.retryable)


def bounded(outcome: Outcome) -> Outcome:
    """The outcome with a preview that cannot grow the state: at most 50 rows and some 64,000 characters."""
    if isinstance(outcome, Failed):
        return outcome
    preview = outcome.preview[:PREVIEW_ROWS]
    if _characters(preview) > _PREVIEW_CHARACTERS:
        preview = [[_short(cell) for cell in row] for row in preview]
        while len(preview) > 1 and _characters(preview) > _PREVIEW_CHARACTERS:
            preview = preview[: len(preview) // 2]
    if preview == outcome.preview:
        return outcome
    return Rows.model_validate({**outcome.model_dump(), "preview": preview})


def _characters(rows: list[list[Any]]) -> int:
    return sum(len(cell) for row in rows for cell in row if isinstance(cell, str))


def _short(cell: Any) -> Any:
    if isinstance(cell, str) and len(cell) > _CELL_CHARACTERS:
        return cell[: _CELL_CHARACTERS - 1] + "…"
    return cell
