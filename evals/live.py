"""A suite asked of a live connection, through its backend: what the product says, as anybody would get it.

The questions go over HTTP, and nothing else of a case does: accepted queries stay here. With
``CUSTARD_EVAL_DSN`` the answers are scored too: accepted and predicted queries then run from here, straight
on that database. What is kept are verdicts, counts and queries, no row. Without it only what needs no gold
is known: whether SQL ran, refusals, tokens and seconds.

The backend itself answers each question as it would anybody's, so it sees the rows that the connection's
policy lets it see. Where it must see none, the cases lie beside the agent (``run_held``): it lets no row
leave, and scores each run's query itself; or all of it runs beside the database (``evals.run.run_own``).
"""

import asyncio
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import httpx2
import psycopg
from psycopg.conninfo import conninfo_to_dict

from evals.cases import Case, Leniency, PastTurn, select
from evals.errors import GoldError, HarnessError, SystemDown
from evals.execution import ScoringConnection
from evals.judge import judge
from evals.model import REQUEST_SECONDS
from evals.options import Ask, SuiteOptions
from evals.record import CaseResult, SuiteRun
from evals.run import Progress, RunIdentity, chosen, first_of_ours, run_asks
from evals.score import Score, Scorer
from evals.store import ResultStore
from evals.suite import DOWN
from graph.run import Run
from wire.cases import CaseList, CaseProblem, CaseQuestion, CaseVerdict
from wire.conninfo import HINT, UNREADABLE, is_plain

DSN_VARIABLE = "CUSTARD_EVAL_DSN"
"""Names the connection's database for scoring; a role that may only read is enough."""
KEY_VARIABLE = "CUSTARD_API_KEY"
"""Key for the backend, where it asks for one; the variable that the other commands read."""
HELD = "-- beside the agent"
"""Stands for what a case accepts where only the agent knows it."""
PROBLEMS: dict[CaseProblem, str] = {
    "unknown_case": "The agent has no such case any more.",
    "no_accepted_query": "The case has no accepted query.",
    "accepted_query_failed": "No accepted query runs under the agent's policy.",
    "too_many_rows": "A result has more rows than the agent's policy lets be read.",
    "unavailable": "The agent could not score it: its database is away, or it took too long.",
}


def run_live(
    cases_file: Path,
    connection: str,
    backend: str,
    out: Path,
    options: SuiteOptions,
    progress: Progress | None = None,
) -> tuple[SuiteRun, list[CaseResult]]:
    """Ask every case and keep the results in ``out``; a stopped run goes on where it stood.

    Raises:
        EvalError: the cases cannot be read, or the backend does not answer.
    """
    asks = options.asks(chosen(cases_file, options))
    identity = RunIdentity(cases_file.name, "of the connection", asks, options, f"{backend} {connection}")
    try:
        return asyncio.run(_run_live(identity, connection, backend, out, progress))
    except BaseExceptionGroup as group:
        raise first_of_ours(group) from group


def run_held(
    connection: str, backend: str, out: Path, options: SuiteOptions, progress: Progress | None = None
) -> tuple[SuiteRun, list[CaseResult]]:
    """The same with the cases that lie beside the connection's agent, which scores them.

    Raises:
        EvalError: the agent holds none, or the backend does not answer.
    """
    try:
        return asyncio.run(_run_held(connection, backend, out, options, progress))
    except BaseExceptionGroup as group:
        raise first_of_ours(group) from group


async def _run_held(
    connection: str, backend: str, out: Path, options: SuiteOptions, progress: Progress | None
) -> tuple[SuiteRun, list[CaseResult]]:
    with ResultStore(out) as store:
        async with _client(backend) as client:
            live = LiveConnection(client, connection, held=True)
            listed = await live.cases()
            cases = select(
                [_case(told) for told in listed.cases],
                categories=options.categories,
                only=options.only,
                limit=options.limit,
            )
            # What is accepted is not known here, but that it is still the same is.
            where = f"{backend} {connection} {listed.digest}"
            asks = options.asks(cases)
            identity = RunIdentity(listed.suite, "of the connection", asks, options, where)
            return await run_asks(identity, store, live, progress)


def _client(backend: str) -> httpx2.AsyncClient:
    key = os.environ.get(KEY_VARIABLE)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx2.AsyncClient(base_url=backend, headers=headers, timeout=REQUEST_SECONDS)


def _case(told: CaseQuestion) -> Case:
    """A case as far as it is told: what it accepts stays beside the agent."""
    history = [PastTurn(question=question) for question in told.history]
    gold = HELD if told.answerable else ""
    return Case(**told.model_dump(exclude={"history"}), history=history, gold=gold)


async def _run_live(
    identity: RunIdentity, connection: str, backend: str, out: Path, progress: Progress | None
) -> tuple[SuiteRun, list[CaseResult]]:
    dsn = os.environ.get(DSN_VARIABLE)
    with ExitStack() as stack:
        store = stack.enter_context(ResultStore(out))
        async with _client(backend) as client:
            live = LiveConnection(client, connection)
            if dsn:
                # The agent's role may look bare names up elsewhere than the role that scores.
                live.scorers = [Scorer(stack.enter_context(_scoring(dsn, await live.search_path())))]
            return await run_asks(identity, store, live, progress)


class LiveConnection:
    """A connection of a running backend.

    Args:
        client: with the backend's address and, where it asks for one, its key.
        connection: the connection's id.
        held: whether the cases lie beside its agent, which then scores.
    """

    def __init__(self, client: httpx2.AsyncClient, connection: str, *, held: bool = False) -> None:
        self._client = client
        self._connection = connection
        self._held = held
        self.scorers: list[Scorer] = []
        """What answers are scored by; none without a way to the database."""

    async def answer(self, ask: Ask) -> CaseResult:
        """Ask over HTTP, the turns before it first, and judge what comes back.

        Raises:
            HarnessError: the backend gives no answer, or the connection's parts do not work.
        """
        thread = None
        for turn in ask.case.history:
            thread = (await self._ask(turn.question, thread)).thread_id
        started = time.perf_counter()
        run = await self._ask(ask.question or ask.case.question, thread)
        seconds = time.perf_counter() - started
        if run.problem is not None and run.problem.code in DOWN:
            raise SystemDown(
                f"Stopped at {ask.key}: {run.problem.message}",
                run.problem.hint or "Mend this, and the same command goes on where it stood.",
            )
        scorers = [await self._verdict(ask, run)] if self._held else self.scorers
        result = await asyncio.to_thread(judge, ask, run, scorers, seconds)
        where = str(self._client.base_url).rstrip("/")
        return result.model_copy(update={"trace": f"{where}/t/{run.thread_id}"})

    async def cases(self) -> CaseList:
        """The cases that lie beside the agent."""
        told = await self._told("GET", f"/api/v1/connections/{self._connection}/cases")
        return CaseList.model_validate(told)

    async def _verdict(self, ask: Ask, run: Run) -> Scorer:
        """What the agent says of the run's query, in the scorer's place."""
        if not ask.case.answerable or not run.attempts:
            return Told(CaseVerdict(problem="no_accepted_query"))
        place = f"/api/v1/connections/{self._connection}/cases/{quote(ask.case.id, safe='')}/score"
        return Told(CaseVerdict.model_validate(await self._told("POST", place, {"run_id": run.run_id})))

    async def search_path(self) -> list[str]:
        """Where the agent's role looks for tables that are named without a schema."""
        told = await self._told("GET", f"/api/v1/connections/{self._connection}/schema")
        return [str(schema) for schema in told.get("search_path") or ()]

    async def _ask(self, question: str, thread: str | None) -> Run:
        asked = {"connection_id": self._connection, "question": question}
        told = await self._told("POST", "/api/v1/query", asked | ({"thread_id": thread} if thread else {}))
        return Run.model_validate({name: value for name, value in told.items() if name in Run.model_fields})

    async def _told(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """What the backend answers, as JSON.

        Raises:
            HarnessError: it gives no answer, or says no.
        """
        try:
            answer = await self._client.request(method, path, json=body)
            told: Any = answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise HarnessError(
                f"The backend at {self._client.base_url} gives no answer ({type(error).__name__}).",
                "Start it with `custard up`, or name it with --backend.",
            ) from error
        if not isinstance(told, dict):
            raise HarnessError(
                f"The backend at {self._client.base_url} answers with something else than it should.",
                "See that --backend names Custard's backend.",
            )
        if answer.status_code >= 400:
            raise HarnessError(
                str(told.get("detail") or told.get("title") or f"The backend answers {answer.status_code}."),
                str(told.get("hint") or "See that the connection exists and its agent is attached."),
            )
        return told


class Told(Scorer):
    """Says what the agent has said."""

    def __init__(self, verdict: CaseVerdict) -> None:
        super().__init__(_nothing_runs_here)
        self._verdict = verdict

    def score(self, gold: str, predicted: str, accept: Iterable[Leniency] = ()) -> Score:
        """As ``Scorer.score``, of the query that was scored; ``GoldError`` where nothing was compared."""
        said = self._verdict
        if said.problem is not None:
            raise GoldError(PROBLEMS[said.problem], "See the case beside the agent.")
        error = "" if said.valid else "The predicted query does not run."
        if said.valid and said.match == "none":
            error = f"It gave {said.rows} rows; {said.accepted_rows} are accepted."
        return Score(said.match, said.valid, error)


def _nothing_runs_here(query: str) -> NoReturn:
    raise AssertionError("Queries of cases that lie beside the agent run there.")


def _scoring(dsn: str, search_path: list[str]) -> ScoringConnection:
    if not is_plain(dsn, conninfo_to_dict):
        raise HarnessError(f"{DSN_VARIABLE}: {UNREADABLE}", HINT)
    try:
        return ScoringConnection(dsn, search_path)
    except psycopg.Error as error:
        raise HarnessError(
            f"The database in {DSN_VARIABLE} cannot be reached: {' '.join(str(error).split())}",
            "Mend the DSN, or unset it to learn only what needs no accepted query.",
        ) from error
