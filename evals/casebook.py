"""Cases that stay beside the agent: it scores by them, and tells a backend verdicts and counts."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import Format

from agent.casebook import RunQuery, Table
from evals.cases import Case, suite_digest
from evals.errors import GoldError
from evals.results import ResultSet
from evals.score import Scorer
from wire.cases import CaseList, CaseQuestion, CaseVerdict
from wire.outcome import Failed


class _TooManyRows(Exception):
    """A result is longer than the policy lets be read."""


class _Unavailable(Exception):
    """The database cannot be asked now."""


class CaseFile:
    """An ``agent.casebook.Casebook`` of loaded cases.

    Args:
        name: what the suite is called.
        cases: all of them, each of the agent's one database.
    """

    def __init__(self, name: str, cases: Sequence[Case]) -> None:
        self._cases = {case.id: case for case in cases}
        self._listed = CaseList(
            suite=name, digest=suite_digest(cases), cases=[_question(case) for case in cases]
        )

    def listed(self) -> CaseList:
        """As ``Casebook`` says."""
        return self._listed

    async def score(self, case_id: str, sql: str, run: RunQuery) -> CaseVerdict:
        """As ``Casebook`` says. Accepted queries are run anew each time: the database lives."""
        case = self._cases.get(case_id)
        if case is None:
            return CaseVerdict(problem="unknown_case")
        if not case.gold.strip():
            return CaseVerdict(problem="no_accepted_query")
        scorer = Scorer(_blocking(run))
        try:
            score = await asyncio.to_thread(scorer.score, case.gold, sql, case.accept)
        except GoldError:
            return CaseVerdict(problem="accepted_query_failed")
        except _TooManyRows:
            return CaseVerdict(problem="too_many_rows")
        except _Unavailable:
            return CaseVerdict(problem="unavailable")
        return CaseVerdict(
            match=score.match,
            valid=score.valid,
            rows=len(score.predicted.rows) if score.predicted is not None else None,
            accepted_rows=len(score.gold.rows) if score.gold is not None else None,
        )


def result_set(table: Table) -> ResultSet:
    """Texts as the values that the driver makes of them; what it cannot read stays text."""
    transformer = Transformer()
    loads = [transformer.get_loader(column.oid, Format.TEXT).load for column in table.names]
    rows = tuple(
        tuple(_loaded(cell, load) for cell, load in zip(row, loads, strict=True)) for row in table.cells
    )
    return ResultSet(tuple(column.name for column in table.names), rows)


def _loaded(cell: str | None, load: Callable[[bytes], Any]) -> Any:
    if cell is None:
        return None
    try:
        return load(cell.encode())
    except (psycopg.Error, ValueError, OverflowError):
        return cell


def _blocking(run: RunQuery) -> Callable[[str], ResultSet]:
    """The scorer's way to run a query, from the thread in which it works."""
    loop = asyncio.get_running_loop()

    def execute(query: str) -> ResultSet:
        outcome = asyncio.run_coroutine_threadsafe(_once(run, query), loop).result()
        if isinstance(outcome, Failed):
            if outcome.retryable or outcome.code in ("database_unavailable", "cancelled"):
                raise _Unavailable
            raise psycopg.Error(outcome.message)
        if not outcome.whole:
            raise _TooManyRows
        return result_set(outcome)

    return execute


async def _once(run: RunQuery, query: str) -> Table | Failed:
    return await run(query)


def _question(case: Case) -> CaseQuestion:
    return CaseQuestion(
        id=case.id,
        question=case.question,
        category=case.category,
        kind=case.kind,
        answerable=case.answerable,
        may_ask=case.may_ask,
        hostile=case.hostile,
        history=[turn.question for turn in case.history],
        paraphrases=case.paraphrases,
    )
