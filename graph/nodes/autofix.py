"""autofix: mend by rule what a rule can mend, before any model is asked again."""

from graph.autofix import autofix as mend
from graph.events import Repaired
from graph.lint import lint
from graph.nodes.find_values import looked_up
from graph.nodes.problem import first_words
from graph.nodes.work import Work, last_attempt
from graph.nodes.write_sql import same_text
from graph.record import Attempt
from graph.state import State, Update, meant
from wire.outcome import Failed

MAX_IN_A_ROW = 3
"""Attempts that rules may write one after another, before the model has its turn."""


async def autofix(state: State, work: Work) -> Update:
    """Write the next attempt when rules change the last one; else only note that they looked at it."""
    last = last_attempt(state)
    update: Update = {"looked_at": look(last)}
    if all(attempt.origin == "autofix" for attempt in state["attempts"][-MAX_IN_A_ROW:]):
        return update
    snapshot = await work.snapshot()
    failed = last.outcome if isinstance(last.outcome, Failed) else None
    without = work.ports.settings.without
    found = await looked_up(last.sql, snapshot, work)
    fixed = mend(
        last.sql,
        snapshot,
        question=meant(state),
        notes="\n".join(state["notes"]),
        failed=failed,
        found=found,
        without=without,
    )
    known = {same_text(attempt.sql) for attempt in state["attempts"]}
    if not fixed.changes or same_text(fixed.sql) in known:
        work.detail = "nothing to mend"
        return update
    if last.verdict == "pass" and failed is None:
        # The draft would have run: a change that lint then rejects makes it worse.
        after = lint(fixed.sql, snapshot, cloud_policy=work.ports.cloud_policy, without=without)
        if after.verdict == "reject":
            return update
    number, changes = last.number + 1, list(fixed.changes)
    work.detail = changes[0]
    reason = first_words(last) if failed or last.verdict == "reject" else changes[0]
    work.emit(
        Repaired(
            **work.fact(), attempt=number, sql=fixed.sql, origin="autofix", changes=changes, reason=reason
        )
    )
    written = Attempt(number=number, sql=fixed.sql, origin="autofix", changes=changes)
    return {**update, "attempts": [*state["attempts"], written]}


def look(attempt: Attempt) -> str:
    """Names an attempt at a stage: rules look at it once as written and once more when it has failed."""
    return f"{attempt.number}{' failed' if isinstance(attempt.outcome, Failed) else ''}"
