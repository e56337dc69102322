"""What a question costs beyond its statement where the model answers at once: framework, rules and store."""

import time
from collections.abc import Sequence
from typing import TypedDict

import httpx2
from langgraph.graph import END, START, StateGraph

from evals.bench.chain import Chain
from evals.bench.figure import Figure, figure_of
from evals.bench.questions import SENTENCE, PromptModel, question
from evals.harness import SandboxDatabase, sandbox_database
from graph.build import run_events
from graph.ports import Ports
from wire.outcome import Outcome
from wire.snapshot import SchemaSnapshot
from wire.values import Compared, Found

STEPS = 8
"""That a question goes through when nothing is repaired."""
CPU_MS, WALL_MS = 3.0, 8.0


class _Nothing(TypedDict):
    number: int


class _Apart:
    """A database that keeps apart what its statements spend of this process's time."""

    def __init__(self, database: SandboxDatabase) -> None:
        self._database = database
        self.spent = 0.0

    async def snapshot(self, *, refresh: bool = False) -> SchemaSnapshot:
        """As the database."""
        return await self._database.snapshot(refresh=refresh)

    async def lookup(
        self, text: str = "", compared: Sequence[Compared] = (), *, most: int = 6
    ) -> Found | None:
        """As the database."""
        return await self._database.lookup(text, compared, most=most)

    async def execute(self, sql: str, *, run_id: str, attempt: int) -> Outcome:
        """As the database."""
        before = time.process_time()
        try:
            return await self._database.execute(sql, run_id=run_id, attempt=attempt)
        finally:
            self.spent += time.process_time() - before


async def overhead_cpu(dsn: str, *, rounds: int) -> Figure:
    """Processor time of a question in the graph without its statement's, against as many empty steps."""
    builder = StateGraph(_Nothing)
    names = [f"step_{number}" for number in range(STEPS)]
    for name in names:
        builder.add_node(name, _nothing)
    for before, after in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(before, after)
    empty = builder.compile()
    mine: list[float] = []
    theirs: list[float] = []
    async with sandbox_database(dsn) as database:
        apart = _Apart(database)
        ports = Ports(database=apart, model=PromptModel(responses=[SENTENCE]))
        for turn in range(rounds + 2):
            began = time.process_time()
            async for _ in empty.astream({"number": 0}, stream_mode="custom"):
                pass
            base, apart.spent, began = time.process_time() - began, 0.0, time.process_time()
            async for _ in run_events(ports, run_id=f"bench-{turn}", question=question(), history=[]):
                pass
            if turn > 1:
                theirs.append(base)
                mine.append(time.process_time() - began - apart.spent)
    what = f"a question's processor time beyond its statement : that of {STEPS} empty LangGraph steps"
    return figure_of("overhead_cpu", what, mine, theirs).aiming(median=CPU_MS)


async def _nothing(state: _Nothing) -> dict[str, int]:
    return {"number": 1}


def overhead_wall(chain: Chain, *, rounds: int) -> Figure:
    """From asking to the answer, every event stored, without what the statement took; against that."""
    mine: list[float] = []
    theirs: list[float] = []
    with httpx2.Client(base_url=chain.url, timeout=60, trust_env=False) as http:
        for turn in range(rounds + 2):
            began = time.perf_counter()
            run = chain.answered(http, question())
            whole = time.perf_counter() - began
            step = sum(
                timing["elapsed_ms"] / 1000 for timing in run["timings"] if timing["step"] == "execute_sql"
            )
            if turn > 1:
                mine.append(whole - step)
                theirs.append(step)
    what = "a stored question's time beyond its statement : the statement's, agent and socket included"
    return figure_of("overhead_wall", what, mine, theirs).aiming(median=WALL_MS)
