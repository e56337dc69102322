"""What the agent's sandbox adds to a small statement, and what its gate alone costs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from agent.check import open_sandbox
from agent.execution import Request
from evals.bench.figure import Figure, measure
from evals.harness import EVAL_POLICY
from wire.outcome import ResultColumn
from wire.policy import PolicyStack

SMALL = "SELECT id, name, amount FROM bench.items WHERE id <= 20 ORDER BY id"
"""Twenty rows by primary key: what most questions of a person come down to."""


class _Discard:
    """A sink that keeps nothing."""

    async def columns(self, columns: list[ResultColumn]) -> None:
        return

    async def rows(self, body: bytes, row_count: int) -> None:
        return


def prepare(dsn: str) -> None:
    """Make the table that the statements read."""
    with psycopg.connect(dsn, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA IF NOT EXISTS bench")
        conn.execute(
            "CREATE TABLE bench.items AS"
            " SELECT id, 'item ' || id AS name, (id * 7 % 1000)::numeric(10,2) AS amount"
            " FROM generate_series(1, 100000) AS id"
        )
        conn.execute("ALTER TABLE bench.items ADD PRIMARY KEY (id)")
        conn.execute("ANALYZE bench.items")


async def statement_figures(dsn: str, *, bursts: int) -> list[Figure]:
    """Whole sandbox and gate alone, both against the same statement through psycopg and nothing else."""
    async with open_sandbox(dsn, PolicyStack(owner=EVAL_POLICY)) as (gate, sandbox), _direct(dsn) as conn:

        async def direct(_: int) -> object:
            return await (await conn.execute(SMALL)).fetchall()

        async def guarded(_: int) -> object:
            return await sandbox.execute(Request(SMALL), _Discard())

        async def judged_anew(number: int) -> object:
            return await gate.check(SMALL.replace("amount", f"amount AS amount_{number}"))

        async def judged_by_shape(number: int) -> object:
            return await gate.check(SMALL.replace("20", f"{20 + number}"))

        async def judged_again(_: int) -> object:
            return await gate.check(SMALL)

        base = "20 rows by psycopg"
        return [
            await measure(
                "small_statement", f"20 rows through the sandbox : {base}", guarded, direct, bursts=bursts
            ),
            await measure(
                "gate_fresh", f"a new statement judged : {base}", judged_anew, direct, bursts=bursts
            ),
            await measure(
                "gate_shape",
                f"a known statement with another number : {base}",
                judged_by_shape,
                direct,
                bursts=bursts,
                goal=0.25,
            ),
            await measure(
                "gate_cached",
                f"a known statement judged : {base}",
                judged_again,
                direct,
                bursts=bursts,
                goal=0.25,
            ),
        ]


@asynccontextmanager
async def _direct(dsn: str) -> AsyncIterator[psycopg.AsyncConnection]:
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as conn:
        yield conn
