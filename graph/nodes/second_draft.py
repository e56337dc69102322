"""A second draft, made with the whole schema, of a question whose first result is doubtful.

The first prompt shows the tables that the question's words speak for; what it needs beside them a small
model cannot guess. Two drafts of different prompts that give the same are right far more often than two that
do not, and of two that differ the one that more speaks for is kept.
"""

from graph.agreement import same_result
from graph.errors import ModelError
from graph.events import Repaired
from graph.nodes.candidates import FIRST_NUMBER, run_candidate
from graph.nodes.trust import trust
from graph.nodes.work import Work, told_again
from graph.nodes.write_sql import draft_prompt, write
from graph.record import Attempt
from graph.results import check_rows
from graph.state import State, Update, meant
from wire.outcome import Rows

DOUBTFUL = 0.75
"""Confidence below which it is worth the model's work: about half of the answers on a strange database."""
MOST_TABLES = 30
"""Tables that a prompt with the whole schema may show; with more, a small model finds nothing in it."""

REASON = "A draft that was shown the whole schema says something else, and more speaks for it."


async def second_draft(state: State, work: Work, first: Attempt) -> Update:
    """Draft anew where that may help, and keep the better of two; nothing where it cannot.

    Args:
        first: the attempt at hand, with rows that are here.
    """
    snapshot = await work.snapshot()
    if state["tables"] is None or state["history"] or len(snapshot.listed) > MOST_TABLES:
        return {}
    rows = first.outcome
    assert isinstance(rows, Rows)
    mine = await trust(state, work, state["attempts"], rows)
    if mine.score is None or mine.score >= DOUBTFUL:
        return {}
    try:
        prompt = draft_prompt({**state, "tables": None}, work, snapshot)
        reader = await write(work, prompt, 0, silent=True)
    except ModelError:
        return {}  # there is an answer already
    sql = reader.sql()
    done = await run_candidate(sql, state, work, FIRST_NUMBER) if sql else None
    if done is None:
        work.detail = "a second draft, with the whole schema, gave nothing"
        return {}
    if same_result(rows, done.rows):
        work.detail = "a second draft, with the whole schema, gives the same"
        return {"agreement": (1, 1)}
    number = first.number + 1
    other = Attempt(
        number=number,
        sql=done.sql,
        origin="repair",
        verdict="pass",
        outcome=done.rows,
        changes=list(done.changes),
        findings=check_rows(meant(state), done.sql, done.rows, snapshot, without=work.ports.settings.without),
    )
    # By itself, as if it had come first: that it comes second says nothing against it.
    theirs = await trust(state, work, [other.model_copy(update={"origin": "draft"})], done.rows)
    if theirs.score is None or theirs.score <= mine.score:
        work.detail = "a second draft, with the whole schema, gives something else"
        return {"agreement": (0, 1)}
    work.detail = REASON
    work.emit(
        Repaired(
            **work.fact(),
            attempt=number,
            sql=done.sql,
            origin="repair",
            changes=other.changes,
            reason=REASON,
        )
    )
    return {
        "agreement": (0, 1),
        "anew": number,
        "attempts": [*state["attempts"], told_again(work, other)],
        "checked": number,
        "executed_at": work.now(),
    }
