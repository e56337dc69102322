"""Runs a suite from beginning to end, keeping what came of each case as it ends; a stopped run goes on."""

import asyncio
import hashlib
import subprocess
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evals.cases import Case, load_cases, select, suite_digest
from evals.databases import suite_server
from evals.errors import CasesError, EvalError
from evals.model import open_model
from evals.options import Ask, SuiteOptions
from evals.record import CaseResult, SuiteRun
from evals.store import ResultStore
from evals.suite import Databases, OwnDatabase, Suite, SuiteDatabases
from wire.policy import Policy

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

REPLIES_FILE = "replies.db"

Progress = Callable[[CaseResult, int, int], None]
"""Called as each question's answer is judged, with how many are done and how many there are."""


class Asker(Protocol):
    """What answers the questions of a run."""

    async def answer(self, ask: Ask) -> CaseResult:
        """Put one question and judge what comes of it."""
        ...


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """What two runs must have in common for the second to go on with the first."""

    suite: str
    model: str
    asks: Sequence[Ask]
    options: SuiteOptions
    where: str = ""
    """Which connection or database was asked, when it is not the suite's own."""

    @property
    def digest(self) -> str:
        """SHA-256 (first 16 hex digits) of cases, model, settings, prompts and code."""
        from prompts import digest

        options = self.options
        parts = [
            suite_digest({ask.case.id: ask.case for ask in self.asks}.values()),
            self.model,
            *sorted(options.off),
            digest(),
            commit(),
            str(options.max_repairs),
            *([f"repeat {options.repeat}"] if options.repeat > 1 else []),
            *(["paraphrases"] if options.paraphrases else []),
            *(["value hints"] if options.value_hints else []),
            *([f"candidates {options.candidates}"] if options.candidates > 1 else []),
            *([self.where] if self.where else []),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def begin(self, store: ResultStore) -> SuiteRun:
        """The stopped run of this identity, unless a fresh one is wanted; else a new one."""
        from prompts import digest

        key = self.digest
        known = None if self.options.fresh else store.unfinished(key)
        if known is not None:
            return known
        now = datetime.now(UTC)
        run = SuiteRun(
            run_id=_unused(f"{now:%Y%m%d-%H%M%S}-{key[:6]}", store),
            suite=self.suite,
            digest=key,
            model=self.model,
            without=sorted(self.options.off),
            prompts=digest(),
            commit=commit(),
            repeat=self.options.repeat,
            paraphrases=self.options.paraphrases,
            value_hints=self.options.value_hints,
            candidates=self.options.candidates,
            worded=self.options.worded,
            day=date.today().isoformat(),
            started_at=now,
            cases=len(self.asks),
        )
        store.begin(run)
        return run


def run_suite(
    cases_file: Path, databases: Path, out: Path, options: SuiteOptions, progress: Progress | None = None
) -> tuple[SuiteRun, list[CaseResult]]:
    """Run every case and keep the results in ``out``; a stopped run goes on where it stood.

    Raises:
        EvalError: the cases, a database or the model cannot be had; what was done until then is kept.
    """
    cases = chosen(cases_file, options)
    for case in cases:
        if not case.db:
            raise CasesError(f"The case {case.id!r} names no database.", "Give it a `db`.")
    with suite_server(databases) as server:
        for name in sorted({case.db for case in cases}):
            server.scripts(name)
        return _run(_run_suite(cases, cases_file.name, SuiteDatabases(server), out, options, progress))


def run_own(
    cases_file: Path, dsn: str, policy: Policy, out: Path, options: SuiteOptions, progress: Progress | None
) -> tuple[SuiteRun, list[CaseResult]]:
    """The same beside the owner's own database: accepted queries and rows stay in this process.

    What is kept in ``out`` are questions, queries, verdicts and counts; no value of a row.

    Raises:
        EvalError: the cases, the database or the model cannot be had; what was done until then is kept.
    """
    cases = chosen(cases_file, options)
    # Whatever the cases call it, it is one database.
    cases = [case.model_copy(update={"db": case.db or "own"}) for case in cases]
    return _run(_run_suite(cases, cases_file.name, OwnDatabase(dsn, policy), out, options, progress, "own"))


def chosen(cases_file: Path, options: SuiteOptions) -> list[Case]:
    """The cases of a file that the options ask for. Raises ``CasesError``."""
    return select(
        load_cases(cases_file), categories=options.categories, only=options.only, limit=options.limit
    )


async def run_asks(
    identity: RunIdentity, store: ResultStore, asker: Asker, progress: Progress | None
) -> tuple[SuiteRun, list[CaseResult]]:
    """Put every question that has no result yet; a few at a time.

    Raises:
        EvalError: the asker cannot go on, or results cannot be kept. Those that are there stay.
    """
    run = identity.begin(store)
    asks = identity.asks
    done = {result.key: result for result in store.results(run.run_id)}
    waiting = asyncio.Semaphore(max(1, identity.options.concurrency))
    if progress is not None and done:
        last = next(reversed(done.values()))
        progress(last, len(done), len(asks))

    async def one(ask: Ask) -> None:
        async with waiting:
            result = await asker.answer(ask)
        store.add(run.run_id, result)
        done[result.key] = result
        if progress is not None:
            progress(result, len(done), len(asks))

    async with asyncio.TaskGroup() as group:
        for ask in asks:
            if ask.key not in done:
                group.create_task(one(ask))
    run = run.model_copy(update={"finished_at": datetime.now(UTC)})
    store.finish(run)
    return run, [done[ask.key] for ask in asks]


async def _run_suite(
    cases: Sequence[Case],
    suite: str,
    databases: Databases,
    out: Path,
    options: SuiteOptions,
    progress: Progress | None,
    where: str = "",
) -> tuple[SuiteRun, list[CaseResult]]:
    from graph.model import model_name

    replies = out / REPLIES_FILE if options.cached else None
    async with AsyncExitStack() as stack:
        store = stack.enter_context(ResultStore(out))
        model: BaseChatModel = await stack.enter_async_context(open_model(options.model, replies))
        identity = RunIdentity(suite, model_name(model), options.asks(cases), options, where)
        return await run_asks(identity, store, Suite(databases, stack, model, options), progress)


def _run(asking: Coroutine[Any, Any, tuple[SuiteRun, list[CaseResult]]]) -> tuple[SuiteRun, list[CaseResult]]:
    """Run to the end. Cases side by side fail as a group: the first error of ours says what is wrong."""
    try:
        return asyncio.run(asking)
    except BaseExceptionGroup as group:
        raise first_of_ours(group) from group


def first_of_ours(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that says what is wrong: ours before others, a stop by the person before all."""
    for kind in (KeyboardInterrupt, EvalError):
        found: BaseException | None = group.split(kind)[0]
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if found is not None:
            return found
    return group


def _unused(run_id: str, store: ResultStore) -> str:
    """The id, or one like it where a run of the same second has it."""
    taken = {run.run_id for run in store.runs()}
    names = (run_id, *(f"{run_id}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def commit() -> str:
    """The commit that is checked out; empty outside of a checkout."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
