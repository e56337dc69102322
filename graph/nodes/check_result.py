"""check_result: look at what a query gave before it is told, and keep the better of two attempts.

A finding may ask for one more attempt. That attempt is kept only when it runs and cures the finding without
bringing another; else the attempt before it is put back, as the run's last one. A result that little speaks
for is sent on to a second draft.
"""

from graph.events import Linted, Repaired
from graph.nodes.candidates import other_drafts
from graph.nodes.second_draft import doubt
from graph.nodes.work import Work, last_attempt, told_again, with_last
from graph.record import Attempt, Finding
from graph.results import ASKING, NAMES, check_rows
from graph.state import State, Update, meant
from wire.outcome import Rows


async def check_result(state: State, work: Work) -> Update:
    """Check the last attempt's rows; ask for another attempt, take it, or put the one before it back."""
    last = last_attempt(state)
    before = earlier_result(state)
    if not isinstance(last.outcome, Rows):
        if before is None:
            raise TypeError("check_result comes after a result")
        return _put_back(state, work, before)
    settings = work.ports.settings
    findings = check_rows(
        meant(state), last.sql, last.outcome, await work.snapshot(), without=settings.without
    )
    if before is not None and not _cures(findings, before):
        return _put_back(state, work, before)
    update: Update = {"checked": last.number}
    if findings:
        kept = [*(one for one in last.findings if one.rule not in NAMES), *findings]
        work.emit(Linted(**work.fact(), attempt=last.number, verdict="pass", findings=kept))
        update["attempts"] = with_last(state, findings=kept)
    work.detail = findings[0].message if findings else "nothing odd"
    asks = any(finding.rule in ASKING for finding in findings)
    repairs = sum(attempt.origin == "repair" for attempt in state["attempts"])
    if asks and before is None and settings.max_rechecks > 0 and repairs < settings.max_repairs:
        # The moment of this result is kept for the receipt, should the next attempt be no better.
        return {**update, "again": last.number, "kept_at": state["executed_at"]}
    # Of results whose rows stay with their owner only the numbers of rows could agree.
    if before is not None or last.outcome.withheld:
        return update
    if settings.candidates > 1:
        return {**update, **await _vote(state, work, last)}
    return {**update, "doubt": await doubt({**state, **update}, work)}


def earlier_result(state: State) -> Attempt | None:
    """The attempt before the last one that gave rows; None when the last one is the first that did."""
    found = [attempt for attempt in state["attempts"][:-1] if isinstance(attempt.outcome, Rows)]
    return found[-1] if found else None


def _cures(findings: list[Finding], before: Attempt) -> bool:
    """Whether something that was odd before is so no more, and nothing else is instead."""
    old = {finding.rule for finding in before.findings if finding.rule in NAMES}
    return {finding.rule for finding in findings} < old


def _put_back(state: State, work: Work, kept: Attempt) -> Update:
    """Write the earlier attempt once more, with its outcome: it is what the answer tells of."""
    assert isinstance(kept.outcome, Rows)
    number = last_attempt(state).number + 1
    reason = "Another query did no better: the one before it is kept."
    work.detail = reason
    work.emit(Repaired(**work.fact(), attempt=number, sql=kept.sql, origin="autofix", reason=reason))
    restored = kept.model_copy(update={"number": number, "origin": "autofix", "changes": []})
    return {
        "attempts": [*state["attempts"], told_again(work, restored)],
        "checked": number,
        "executed_at": state["kept_at"] or state["executed_at"],
    }


async def _vote(state: State, work: Work, last: Attempt) -> Update:
    """Have the question drafted anew a few times, and take what most of the drafts give."""
    assert isinstance(last.outcome, Rows)
    found = await other_drafts(state, work, last.outcome)
    update: Update = {"agreement": (found.agreeing, found.drafted)}
    work.detail = f"{found.agreeing} of {found.drafted} further drafts agree"
    if found.better is None:
        return update
    number = last.number + 1
    sql, rows = found.better
    reason = "Several further drafts agree on another result."
    work.emit(Repaired(**work.fact(), attempt=number, sql=sql, origin="repair", reason=reason))
    chosen = Attempt(number=number, sql=sql, origin="repair", verdict="pass", outcome=rows)
    # Two of the others agree with the one that was taken.
    return {
        **update,
        "agreement": (found.drafted - 1, found.drafted),
        "anew": number,
        "attempts": [*state["attempts"], told_again(work, chosen)],
        "checked": number,
        "executed_at": work.now(),
    }
