"""Runs a suite through the real graph and a real sandbox, and keeps what came of each case."""

import asyncio
import hashlib
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from evals.cases import Case, load_cases, suite_digest
from evals.databases import SuiteServer, suite_server
from evals.errors import EvalError, GoldError
from evals.execution import ScoringConnection
from evals.harness import SandboxDatabase, sandbox_database
from evals.model import REQUEST_SECONDS, ModelChoice, open_model
from evals.record import AttemptNote, CaseResult, SuiteRun, Verdict
from evals.replies import REPLAYED_SECONDS
from evals.score import Score, Scorer
from evals.store import ResultStore
from graph.events import RunStarted
from graph.fold import fold
from graph.ports import Ports, Settings
from graph.run import Run
from wire.outcome import Failed, Rows

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from graph.events import RunEvent

WORDED_ANSWER = "worded_answer"
"""Puts the result into a sentence; it does not change the SQL and is left out unless asked for."""
REPLIES_FILE = "replies.db"

Progress = Callable[[CaseResult, int, int], None]
"""Called as each case ends, with how many are done and how many there are."""


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """How a suite is run."""

    model: ModelChoice = field(default_factory=ModelChoice)
    without: frozenset[str] = frozenset()
    """Steps and rules that are switched off, by name."""
    worded: bool = False
    """Whether the answer is put into a sentence as well."""
    max_repairs: int | None = None
    """None keeps the graph's own."""
    limit: int | None = None
    """Only so many cases, spread over the file; None runs all."""
    concurrency: int = 1
    """Cases at a time: one local model answers one at a time."""
    cached: bool = True
    """Whether replies of the model are kept and replayed."""
    fresh: bool = False
    """Begin anew where a stopped run could go on."""

    @property
    def off(self) -> frozenset[str]:
        """Everything that is switched off."""
        return self.without if self.worded else self.without | {WORDED_ANSWER}

    def settings(self) -> Settings:
        """For the graph."""
        repairs: dict[str, int] = {} if self.max_repairs is None else {"max_repairs": self.max_repairs}
        return Settings(without=self.off, model_seconds=REQUEST_SECONDS, **repairs)


def run_suite(
    cases_file: Path, databases: Path, out: Path, options: SuiteOptions, progress: Progress | None = None
) -> tuple[SuiteRun, list[CaseResult]]:
    """Run every case and keep the results in ``out``; a stopped run goes on where it stood.

    Raises:
        EvalError: the cases, a database or the model cannot be had; what was done until then is kept.
    """
    cases = spread(load_cases(cases_file), options.limit)
    with suite_server(databases) as server:
        for name in sorted({case.db for case in cases}):
            server.script(name)
        try:
            return asyncio.run(_run_suite(cases, cases_file.name, server, out, options, progress))
        except ExceptionGroup as group:
            # Cases run side by side fail as a group; the first of our own errors says what is wrong.
            ours, others = group.split(EvalError)
            if ours is None or others is not None:
                raise
            raise ours.exceptions[0] from group


def spread(cases: list[Case], limit: int | None) -> list[Case]:
    """At most ``limit`` cases at even distances, so that no database or category is left out."""
    if limit is None or limit >= len(cases):
        return cases
    return [cases[place * len(cases) // limit] for place in range(max(limit, 0))]


async def _run_suite(
    cases: Sequence[Case],
    suite: str,
    server: SuiteServer,
    out: Path,
    options: SuiteOptions,
    progress: Progress | None,
) -> tuple[SuiteRun, list[CaseResult]]:
    replies = out / REPLIES_FILE if options.cached else None
    async with AsyncExitStack() as stack:
        store = stack.enter_context(ResultStore(out))
        model = await stack.enter_async_context(open_model(options.model, replies))
        run = _begin(cases, suite, store, options, model)
        done = {result.id: result for result in store.results(run.run_id)}
        suite_of = _Suite(server, stack, model, options)
        waiting = asyncio.Semaphore(max(1, options.concurrency))

        async def one(case: Case) -> None:
            async with waiting:
                result = await suite_of.answer(case)
            store.add(run.run_id, result)
            done[case.id] = result
            if progress is not None:
                progress(result, len(done), len(cases))

        async with asyncio.TaskGroup() as group:
            for case in cases:
                if case.id not in done:
                    group.create_task(one(case))
        run = run.model_copy(update={"finished_at": datetime.now(UTC)})
        store.finish(run)
        return run, [done[case.id] for case in cases]


def _begin(
    cases: Sequence[Case], suite: str, store: ResultStore, options: SuiteOptions, model: "BaseChatModel"
) -> SuiteRun:
    from graph.model import model_name
    from prompts import digest

    name = model_name(model)
    parts = [suite_digest(cases), name, *sorted(options.off), digest(), _commit(), str(options.max_repairs)]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    known = None if options.fresh else store.unfinished(key)
    if known is not None:
        return known
    now = datetime.now(UTC)
    run = SuiteRun(
        run_id=f"{now:%Y%m%d-%H%M%S}-{key[:6]}",
        suite=suite,
        digest=key,
        model=name,
        without=sorted(options.off),
        prompts=digest(),
        commit=_commit(),
        started_at=now,
        cases=len(cases),
    )
    store.begin(run)
    return run


class _Suite:
    """The databases of a run, each opened when it is asked for first."""

    def __init__(
        self, server: SuiteServer, stack: AsyncExitStack, model: "BaseChatModel", options: SuiteOptions
    ) -> None:
        self._server = server
        self._stack = stack
        self._model = model
        self._options = options
        self._opened: dict[str, tuple[SandboxDatabase, Scorer]] = {}
        self._opening = asyncio.Lock()

    async def answer(self, case: Case) -> CaseResult:
        database, scorer = await self._database(case.db)
        ports = Ports(
            database=database,
            model=self._model,
            settings=self._options.settings(),
            instructions=case.instructions,
            agent_id="evals",
        )
        noted: list[float] = []
        token = REPLAYED_SECONDS.set(noted)
        started = time.perf_counter()
        try:
            run = await ask(ports, case)
        finally:
            REPLAYED_SECONDS.reset(token)
        seconds = time.perf_counter() - started + sum(noted)
        return await asyncio.to_thread(judge, case, run, scorer, seconds)

    async def _database(self, name: str) -> tuple[SandboxDatabase, Scorer]:
        async with self._opening:
            if name not in self._opened:
                loaded = await asyncio.to_thread(self._server.database, name)
                database = await self._stack.enter_async_context(sandbox_database(loaded.reader_dsn))
                scoring = self._stack.enter_context(ScoringConnection(loaded.owner_dsn))
                self._opened[name] = database, Scorer(scoring)
            return self._opened[name]


async def ask(ports: Ports, case: Case) -> Run:
    """Put the question to the graph and fold what happens into a run."""
    from graph.build import run_events

    run_id = uuid4().hex
    events: list[RunEvent] = [
        RunStarted(
            run_id=run_id,
            at=ports.clock.now(),
            thread_id=run_id,
            connection_id=case.db,
            question=case.question,
        )
    ]
    told = run_events(ports, run_id=run_id, question=case.question, history=[])
    events.extend([event async for event in told])
    run = fold(events)
    assert run is not None
    return run


def judge(case: Case, run: Run, scorer: Scorer, seconds: float) -> CaseResult:
    """What the case's result is, given how its run ended."""
    predicted = run.attempts[-1].sql if run.attempts else None
    verdict, score = _verdict(case, run, predicted, scorer)
    spent = [timing.elapsed_ms or 0.0 for timing in run.timings if timing.step in _MODEL_STEPS]
    told = run.refusal.message if run.refusal else run.clarification.question if run.clarification else None
    problem = f"{run.problem.code}: {run.problem.message}" if run.problem else ""
    total = sum(timing.elapsed_ms or 0.0 for timing in run.timings) / 1000
    return CaseResult(
        id=case.id,
        db=case.db,
        category=case.category,
        question=case.question,
        answerable=case.answerable,
        status=run.status,
        predicted=predicted,
        refusal=told,
        exact=score.match == "exact",
        subset=score.match != "none",
        valid=score.valid,
        first_valid=bool(run.attempts) and isinstance(run.attempts[0].outcome, Rows),
        error=score.error or problem,
        accepted=score.accepted,
        tokens_in=run.usage.input_tokens,
        tokens_out=run.usage.output_tokens,
        model_calls=run.usage.model_calls,
        seconds=round(seconds, 3),
        own_seconds=round(max(0.0, total - sum(spent) / 1000), 4),
        attempts=[
            AttemptNote(
                sql=attempt.sql,
                origin=attempt.origin,
                changes=attempt.changes,
                problem=attempt.outcome.message
                if isinstance(attempt.outcome, Failed)
                else "; ".join(one.message for one in attempt.findings if one.severity == "error"),
            )
            for attempt in run.attempts
        ],
        verdict=verdict,
    )


_MODEL_STEPS = {"draft_sql", "repair_sql", "summarize"}


def _verdict(case: Case, run: Run, predicted: str | None, scorer: Scorer) -> tuple[Verdict, Score]:
    nothing = Score("none", valid=False)
    abstained = run.status in {"refused", "clarify"}
    if not case.answerable:
        return ("correct" if abstained else "wrong" if run.status == "succeeded" else "failed"), nothing
    if abstained:
        return "refused", nothing
    if predicted is None:
        return "failed", nothing
    try:
        score = scorer.score(case.gold, predicted)
    except GoldError as error:
        return "unscored", Score("none", valid=False, error=str(error))
    if score.match != "none":
        return "correct", score
    return ("wrong" if score.valid else "invalid"), score


def _commit() -> str:
    """The commit that is checked out; empty outside of a checkout."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
