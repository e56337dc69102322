"""A suite asked of a live connection, through its backend: what the product says, as anybody would get it.

The questions go over HTTP. With ``CUSTARD_EVAL_DSN`` the answers are scored too: accepted and predicted
queries then run from here, straight on that database, and no row of theirs goes to the backend. Without it
only what needs no gold is known: whether SQL ran, refusals, tokens and seconds.
"""

import asyncio
import os
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from evals.cases import Case, load_cases, suite_digest
from evals.errors import HarnessError
from evals.execution import ScoringConnection
from evals.model import REQUEST_SECONDS
from evals.record import CaseResult, SuiteRun
from evals.run import Progress, SuiteOptions, judge, spread
from evals.score import Scorer
from evals.store import ResultStore
from graph.run import Run
from wire.outcome import Rows

DSN_VARIABLE = "CUSTARD_EVAL_DSN"
"""Names the connection's database for scoring; a role that may only read is enough."""
KEY_VARIABLE = "CUSTARD_API_KEY"
"""Key for the backend, where it asks for one; the variable that the other commands read."""


def run_live(
    cases_file: Path,
    connection: str,
    backend: str,
    out: Path,
    options: SuiteOptions,
    progress: Progress | None = None,
) -> tuple[SuiteRun, list[CaseResult]]:
    """Ask every case and keep the results in ``out``.

    Raises:
        EvalError: the cases cannot be read, or the backend does not answer.
    """
    cases = spread(load_cases(cases_file), options.limit)
    return asyncio.run(_run_live(cases, cases_file.name, connection, backend, out, options, progress))


async def _run_live(
    cases: list[Case],
    suite: str,
    connection: str,
    backend: str,
    out: Path,
    options: SuiteOptions,
    progress: Progress | None,
) -> tuple[SuiteRun, list[CaseResult]]:
    key = os.environ.get(KEY_VARIABLE)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    dsn = os.environ.get(DSN_VARIABLE)
    now = datetime.now(UTC)
    run = SuiteRun(
        run_id=f"{now:%Y%m%d-%H%M%S}-live",
        suite=suite,
        digest=suite_digest(cases),
        model="of the connection",
        started_at=now,
        cases=len(cases),
    )
    with ExitStack() as stack:
        store = stack.enter_context(ResultStore(out))
        store.begin(run)
        results: list[CaseResult] = []
        async with httpx2.AsyncClient(base_url=backend, headers=headers, timeout=REQUEST_SECONDS) as client:
            scorer: Scorer | None = None
            if dsn:
                # The agent's role may look bare names up elsewhere than the role that scores.
                path = await _search_path(client, connection)
                scorer = Scorer(stack.enter_context(ScoringConnection(dsn, path)))
            waiting = asyncio.Semaphore(options.concurrency)

            async def one(case: Case) -> CaseResult:
                async with waiting:
                    result = await _ask(client, connection, case, scorer)
                store.add(run.run_id, result)
                results.append(result)
                if progress is not None:
                    progress(result, len(results), len(cases))
                return result

            ordered = await asyncio.gather(*map(one, cases))
        run = run.model_copy(update={"finished_at": datetime.now(UTC)})
        store.finish(run)
        return run, list(ordered)


async def _search_path(client: httpx2.AsyncClient, connection: str) -> list[str]:
    """Where the agent's role looks for tables that are named without a schema."""
    told = await _told(client, "GET", f"/api/v1/connections/{connection}/schema")
    return [str(schema) for schema in told.get("search_path") or ()]


async def _told(client: httpx2.AsyncClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """What the backend answers, as JSON.

    Raises:
        HarnessError: it gives no answer, or says no.
    """
    try:
        answer = await client.request(method, path, json=body)
        told: Any = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise HarnessError(
            f"The backend at {client.base_url} gives no answer ({type(error).__name__}).",
            "Start it with `custard up`, or name it with --backend.",
        ) from error
    if not isinstance(told, dict):
        raise HarnessError(
            f"The backend at {client.base_url} answers with something else than it should.",
            "See that --backend names Custard's backend.",
        )
    if answer.status_code >= 400:
        raise HarnessError(
            str(told.get("detail") or told.get("title") or f"The backend answers {answer.status_code}."),
            str(told.get("hint") or "See that the connection exists and its agent is attached."),
        )
    return told


async def _ask(client: httpx2.AsyncClient, connection: str, case: Case, scorer: Scorer | None) -> CaseResult:
    started = time.perf_counter()
    asked = {"connection_id": connection, "question": case.question}
    told = await _told(client, "POST", "/api/v1/query", asked)
    run = Run.model_validate({name: value for name, value in told.items() if name in Run.model_fields})
    seconds = time.perf_counter() - started
    if scorer is not None:
        return await asyncio.to_thread(judge, case, run, scorer, seconds)
    return _unscored(case, run, seconds)


def _unscored(case: Case, run: Run, seconds: float) -> CaseResult:
    """What can be said without gold: the abstention, and whether the SQL ran."""
    judged = judge(case.model_copy(update={"answerable": False}), run, _NO_SCORER, seconds)
    ran = bool(run.attempts) and isinstance(run.attempts[-1].outcome, Rows)
    verdict = judged.verdict
    if case.answerable:
        verdict = "refused" if judged.correct else "unscored"
    return judged.model_copy(update={"answerable": case.answerable, "valid": ran, "verdict": verdict})


def _no_execution(query: str) -> Any:
    raise AssertionError(f"nothing is scored here: {query}")


_NO_SCORER = Scorer(_no_execution)
