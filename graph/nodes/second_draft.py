"""A second draft, made with the whole schema, of a question whose first result is doubtful.

The first prompt shows the tables that the question's words speak for; what it needs beside them a small
model cannot guess. Two drafts of different prompts that give the same are right far more often than two that
do not, and of two that differ the one that more speaks for is kept.
"""

from graph.agreement import same_result
from graph.checks.unsaid_word import unsaid_words
from graph.errors import ModelError
from graph.events import Repaired
from graph.nodes.candidates import FIRST_NUMBER, run_candidate
from graph.nodes.trust import trust
from graph.nodes.work import Work, last_attempt, told_again
from graph.nodes.write_sql import draft_prompt, write
from graph.record import Attempt
from graph.results import check_rows
from graph.state import State, Update, meant
from wire.outcome import Rows

DOUBTFUL = 0.75
"""Confidence below which it is worth the model's work: about half of the answers on a strange database."""
HOPELESS = 0.3
"""Confidence below which it is not: of 17 such second drafts over six databases none was right either."""
MOST_TABLES = 30
"""Tables that a prompt with the whole schema may show; with more, a small model finds nothing in it."""

REASON = "A draft that was shown the whole schema says something else, and more speaks for it."


async def doubt(state: State, work: Work) -> float | None:
    """The confidence of the last attempt's rows where a second draft is worth it, else None."""
    if "second_draft" in work.ports.settings.without or state["tables"] is None or state["history"]:
        return None
    if len((await work.snapshot()).listed) > MOST_TABLES:
        return None
    rows = last_attempt(state).outcome
    assert isinstance(rows, Rows)
    score = (await trust(state, work, state["attempts"], rows)).score
    return score if score is not None and HOPELESS <= score < DOUBTFUL else None


async def second_draft(state: State, work: Work) -> Update:
    """Draft anew, of a result that ``doubt`` has found worth it, and keep the better of two."""
    first, mine = last_attempt(state), state["doubt"]
    rows = first.outcome
    assert isinstance(rows, Rows)
    assert mine is not None
    return {"doubt": None, **await _held_against(state, work, first, rows, mine)}


async def _held_against(state: State, work: Work, first: Attempt, rows: Rows, mine: float) -> Update:
    snapshot = await work.snapshot()
    try:
        prompt = draft_prompt({**state, "tables": None}, work, snapshot)
        written = await write(work, prompt, 0, silent=True)
    except ModelError:
        work.detail = "the model gave none"
        return {}  # there is an answer already
    sql = written.sql
    done = await run_candidate(sql, state, work, FIRST_NUMBER) if sql else None
    if done is None:
        work.detail = "gave nothing"
        return {}
    if same_result(rows, done.rows):
        work.detail = "gives the same"
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
    alone = [other.model_copy(update={"origin": "draft"})]
    theirs = await trust({**state, "surprisal": written.surprisal}, work, alone, done.rows)
    asked = state["question"]
    first_unsaid, other_unsaid = (len(unsaid_words(one.sql, snapshot, asked)) for one in (first, other))
    # Whatever else speaks for it: what says less of the question is not the better answer to it.
    if theirs.score is None or theirs.score <= mine or other_unsaid > first_unsaid:
        work.detail = "gives something else, and no more speaks for it"
        return {"agreement": (0, 1)}
    work.detail = "gives something else, and more speaks for it"
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
        "surprisal": written.surprisal,
    }
