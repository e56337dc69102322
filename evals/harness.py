"""The ``Database`` port without a network: the agent's own sandbox and introspection, in this process."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agent.check import open_sandbox
from agent.database import Database as AgentDatabase
from agent.execution import Request, Sandbox
from agent.introspect import introspect
from agent.sandbox.gate import Gate, permitted_functions
from agent.values.keeper import ValueKeeper
from api.cells import cells, converters
from wire.messages import Lookup
from wire.outcome import PREVIEW_ROWS, Failed, Outcome, ResultColumn, Rows
from wire.policy import Limits, Policy, PolicyStack, Share
from wire.snapshot import SchemaSnapshot
from wire.values import Compared, Found

EVAL_POLICY = Policy(
    name="evals",
    default="allow",
    limits=Limits(statement_seconds=20, rows=10_000, per_minute=100_000),
    share=Share(model="results"),
)
"""What an owner's policy would be who lets everything be read."""


@dataclass
class _Collecting:
    """A sink that keeps the first rows."""

    names: list[ResultColumn] = field(default_factory=list)
    preview: list[list[str | None]] = field(default_factory=list)

    async def columns(self, columns: list[ResultColumn]) -> None:
        self.names = columns

    async def rows(self, body: bytes, row_count: int) -> None:
        if len(self.preview) < PREVIEW_ROWS:
            self.preview.extend(json.loads(body)[: PREVIEW_ROWS - len(self.preview)])


class SandboxDatabase:
    """A ``graph.ports.Database`` over a sandbox in this process."""

    def __init__(self, sandbox: Sandbox, snapshot: SchemaSnapshot, share: Share, values: ValueKeeper) -> None:
        self._sandbox = sandbox
        self._values = values
        self._reading = asyncio.Lock()
        self._read = False
        self._snapshot = snapshot
        self.share = share
        """How much the owner lets go to the model."""

    async def snapshot(self, *, refresh: bool = False) -> SchemaSnapshot:
        """The tables, as introspected when the database was opened: a suite's do not change."""
        return self._snapshot

    async def execute(self, sql: str, *, run_id: str, attempt: int) -> Outcome:
        """Run one statement through every layer of the sandbox."""
        sink = _Collecting()
        started = time.perf_counter()
        done = await self._sandbox.execute(Request(sql, run_id=run_id), sink)
        if isinstance(done, Failed):
            return done
        how = converters(sink.names)
        return Rows(
            columns=sink.names,
            preview=[cells(row, how) for row in sink.preview],
            row_count=done.rows,
            truncated=done.truncated,
            size_bytes=done.bytes,
            digest=done.digest,
            elapsed_ms=(time.perf_counter() - started) * 1000,
            policy_digest=done.policy_digest,
        )

    async def lookup(
        self, text: str = "", compared: Sequence[Compared] = (), *, most: int = 6
    ) -> Found | None:
        """As the agent would, from an index that is made when it is first asked for."""
        async with self._reading:
            if not self._read:
                self._read = await self._values.build()
        return await self._values.lookup(
            Lookup(request_id="eval", text=text, compared=list(compared), most=most)
        )


@asynccontextmanager
async def sandbox_database(dsn: str, policy: Policy = EVAL_POLICY) -> AsyncIterator[SandboxDatabase]:
    """Open a database as an agent would, under this policy.

    Raises:
        agent.errors.AgentError: the server cannot be reached or read.
    """
    stack = PolicyStack(owner=policy)
    async with open_sandbox(dsn, stack) as (gate, sandbox), AgentDatabase(dsn, size=2) as database:
        snapshot = await introspect(database, policy, functions=lambda: _functions(gate, stack))
        values = ValueKeeper(database)
        values.adopt(stack, gate, lambda: gate.search_path)
        values.heed(snapshot)
        yield SandboxDatabase(sandbox, snapshot, policy.share, values)


def _functions(gate: Gate, stack: PolicyStack) -> list[str]:
    return permitted_functions(gate.catalog, stack)
