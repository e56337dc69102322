"""Puts questions to the real graph over a real sandbox in this process, and has the answers judged."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

import psycopg

from agent.errors import AgentError
from evals.databases import SuiteServer
from evals.errors import DatabaseError, SystemDown
from evals.execution import ScoringConnection
from evals.harness import EVAL_POLICY, SandboxDatabase, sandbox_database
from evals.judge import judge
from evals.options import WORDED_ANSWER, Ask, SuiteOptions
from evals.record import CaseResult
from evals.replies import REPLAYED_SECONDS, TRIAL
from evals.score import Scorer
from graph.events import RunStarted
from graph.fold import fold
from graph.ports import Ports
from graph.record import Turn
from graph.run import Run
from wire.policy import Policy

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from graph.events import RunEvent

DOWN = frozenset(
    {"model_unavailable", "model_denied", "agent_offline", "agent_lost", "database_unavailable", "no_tables"}
)
"""Problems that say nothing about the question: the next one would meet them as well."""
PATIENCE_SECONDS = 5.0
"""Before a question is put once more to something that did not answer."""


class Databases(Protocol):
    """Where a suite's databases come from."""

    keep_rows: bool
    """Whether results may be shown in reports."""

    async def open(self, name: str, stack: AsyncExitStack) -> tuple[SandboxDatabase, list[Scorer]]:
        """The database to ask, and a scorer for each of its variants, open until ``stack`` closes.

        Raises:
            DatabaseError: it cannot be made or reached.
        """
        ...


class SuiteDatabases:
    """Databases of a throw-away server."""

    keep_rows = True

    def __init__(self, server: SuiteServer) -> None:
        self._server = server

    async def open(self, name: str, stack: AsyncExitStack) -> tuple[SandboxDatabase, list[Scorer]]:
        loaded = await asyncio.to_thread(self._server.variants, name)
        first = loaded[0]
        database = await stack.enter_async_context(
            sandbox_database(first.reader_dsn, first.policy or EVAL_POLICY)
        )
        scorers = [
            Scorer(stack.enter_context(ScoringConnection(one.owner_dsn, one.search_path))) for one in loaded
        ]
        return database, scorers


class OwnDatabase:
    """The owner's own database, reached from beside it as the agent would, under the agent's policy.

    Accepted queries, predicted ones and their rows stay in this process; a model sees what the policy shares.
    """

    keep_rows = False

    def __init__(self, dsn: str, policy: Policy) -> None:
        self._dsn = dsn
        self._policy = policy

    async def open(self, name: str, stack: AsyncExitStack) -> tuple[SandboxDatabase, list[Scorer]]:
        try:
            database = await stack.enter_async_context(sandbox_database(self._dsn, self._policy))
            path = (await database.snapshot()).search_path
            scoring = await asyncio.to_thread(ScoringConnection, self._dsn, path)
        except (AgentError, psycopg.Error) as error:
            told = " ".join(str(error).split())
            raise DatabaseError(
                f"The database cannot be reached: {told}", "See that --dsn names it, as a role that may read."
            ) from error
        return database, [Scorer(stack.enter_context(scoring))]


class Suite:
    """A suite's questions, put one by one; each database is opened when it is asked first."""

    def __init__(
        self, databases: Databases, stack: AsyncExitStack, model: "BaseChatModel", options: SuiteOptions
    ) -> None:
        self._databases = databases
        self._stack = stack
        self._model = model
        self._options = options
        self._opened: dict[str, tuple[SandboxDatabase, list[Scorer]]] = {}
        self._opening = asyncio.Lock()

    async def answer(self, ask: Ask) -> CaseResult:
        """Put one question and judge what comes of it.

        Raises:
            SystemDown: the model or the database does not answer, and did not a moment later either.
        """
        database, scorers = await self._database(ask.case.db)
        run, seconds = await self._run(ask, database)
        if run.problem is not None and run.problem.code in DOWN:
            await asyncio.sleep(PATIENCE_SECONDS)
            run, seconds = await self._run(ask, database)
            if run.problem is not None and run.problem.code in DOWN:
                raise SystemDown(
                    f"Stopped at {ask.key}: {run.problem.message}",
                    "What was answered is kept. Mend this, and the same command goes on where it stood.",
                )
        return await asyncio.to_thread(
            judge,
            ask,
            run,
            scorers,
            seconds,
            keep_rows=self._databases.keep_rows,
            worded=WORDED_ANSWER not in self._options.off,
        )

    async def _run(self, ask: Ask, database: SandboxDatabase) -> tuple[Run, float]:
        ports = Ports(
            database=database,
            model=self._model,
            settings=self._options.settings(),
            share=database.share,
            instructions=ask.case.instructions,
            agent_id="evals",
        )
        noted: list[float] = []
        tokens = REPLAYED_SECONDS.set(noted), TRIAL.set(ask.trial)
        started = time.perf_counter()
        try:
            run = await put(ports, ask)
        finally:
            REPLAYED_SECONDS.reset(tokens[0])
            TRIAL.reset(tokens[1])
        return run, time.perf_counter() - started + sum(noted)

    async def _database(self, name: str) -> tuple[SandboxDatabase, list[Scorer]]:
        async with self._opening:
            if name not in self._opened:
                self._opened[name] = await self._databases.open(name, self._stack)
            return self._opened[name]


async def put(ports: Ports, ask: Ask) -> Run:
    """Put the question to the graph and fold what happens into a run."""
    from graph.build import run_events

    run_id = uuid4().hex
    question = ask.question or ask.case.question
    history = [Turn(question=turn.question, sql=turn.sql, answer=turn.answer) for turn in ask.case.history]
    events: list[RunEvent] = [
        RunStarted(
            run_id=run_id,
            at=ports.clock.now(),
            thread_id=run_id,
            connection_id=ask.case.db,
            question=question,
        )
    ]
    told = run_events(ports, run_id=run_id, question=question, history=history)
    events.extend([event async for event in told])
    run = fold(events)
    assert run is not None
    return run


def read_policy(path: Path) -> Policy:
    """An owner's policy file.

    Raises:
        DatabaseError: it cannot be read, or is none.
    """
    from wire.errors import PolicyError
    from wire.policy import parse_policy

    try:
        return parse_policy(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, PolicyError) as error:
        raise DatabaseError(
            f"The policy {path} cannot be read: {error}", "docs/policy.md says how."
        ) from error
