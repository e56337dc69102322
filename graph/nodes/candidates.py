"""Several drafts of one question, held against each other by what they give.

Drafts that differ in words and agree in rows are right far more often than drafts that disagree, whatever a
model says of itself. Each further draft is mended by rule, checked and run like the first.
"""

from dataclasses import dataclass

from graph.agreement import same_result
from graph.autofix import autofix
from graph.errors import ModelError
from graph.lint import lint
from graph.nodes.execute_sql import bounded
from graph.nodes.find_values import looked_up
from graph.nodes.work import Work
from graph.nodes.write_sql import draft_prompt, write
from graph.state import State, meant
from wire.outcome import Failed, Rows

TEMPERATURE = 0.7
FIRST_NUMBER = 1_000
"""Numbers under which candidates run: an agent runs each number of a run once, and these are no attempts."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A further draft that ran."""

    sql: str
    rows: Rows
    changes: tuple[str, ...]
    """What rules mended in it."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How further drafts compare with the attempt at hand."""

    drafted: int
    agreeing: int
    better: tuple[str, Rows] | None = None
    """A query on whose result at least two of the others agree while none agrees with the attempt."""


async def other_drafts(state: State, work: Work, rows: Rows) -> Agreement:
    """Draft the question ``settings.candidates - 1`` times more and compare what comes of it."""
    prompt = draft_prompt(state, work, await work.snapshot())
    results: list[Candidate] = []
    wanted = work.ports.settings.candidates - 1
    for number in range(wanted):
        try:
            written = await write(work, prompt, 0, TEMPERATURE, seed=number + 1, silent=True)
        except ModelError:
            break
        if (sql := written.sql) and (done := await run_candidate(sql, state, work, FIRST_NUMBER + number)):
            results.append(done)
    agreeing = sum(same_result(rows, other.rows) for other in results)
    if agreeing == 0 and len(results) > 1:
        for one in results:
            if sum(same_result(one.rows, other.rows) for other in results) > 1:
                return Agreement(wanted, 0, (one.sql, one.rows))
    return Agreement(wanted, agreeing)


async def run_candidate(sql: str, state: State, work: Work, number: int) -> Candidate | None:
    """Mend a draft by rule and run it; None when it does not run.

    Args:
        number: under which the agent runs it; each may be used once in a run.
    """
    changes: tuple[str, ...] = ()
    snapshot, settings = await work.snapshot(), work.ports.settings
    if "autofix" not in settings.without:
        found = await looked_up(sql, snapshot, work)
        fixed = autofix(
            sql,
            snapshot,
            question=meant(state),
            notes="\n".join(state["notes"]),
            found=found,
            without=settings.without,
        )
        sql, changes = fixed.sql, fixed.changes
    verdict = lint(sql, snapshot, cloud_policy=work.ports.cloud_policy, without=settings.without)
    if verdict.verdict == "reject":
        return None
    outcome = bounded(await work.ports.database.execute(sql, run_id=work.run_id, attempt=number))
    return None if isinstance(outcome, Failed) else Candidate(sql, outcome, changes)
