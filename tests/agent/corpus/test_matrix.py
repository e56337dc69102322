"""What each layer stops by itself: the gate with nothing behind it, and the database with no gate before it.

``CUSTARD_WRITE_PROOF=1 pytest tests/agent/corpus/test_matrix.py`` writes ``docs/security/proof.md``.
"""

import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.admission import Admission
from agent.check import open_sandbox
from agent.database import Database
from agent.execution import Request, Sandbox
from agent.grants import script
from agent.sandbox.catalog import Catalog
from agent.sandbox.verdict import Verdict
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack

ARTIFACTS = Path(__file__).parents[3] / "artifacts"
PROOF = Path(__file__).parents[3] / "docs" / "security" / "proof.md"
DATABASE_ALONE_AT_LEAST = 0.80
SECONDS = 0.3
BOMBS = frozenset({"memory", "time-wasting", "depth", "width"})
EVERY_ROLE = """
REVOKE TEMPORARY ON DATABASE corpus FROM PUBLIC;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA shop FROM PUBLIC;
GRANT EXECUTE ON FUNCTION shop.net(numeric) TO custard_agent;
ALTER ROLE custard_agent PASSWORD 'corpus';
"""
"""What the script of ``grants`` leaves to the owner, because it touches every role."""


@dataclass
class Matrix:
    """Counts by family on one server."""

    major: int
    total: Counter[str] = field(default_factory=Counter)
    gate: Counter[str] = field(default_factory=Counter)
    layers: Counter[str] = field(default_factory=Counter)
    database: Counter[str] = field(default_factory=Counter)
    either: Counter[str] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    """Statements that showed a canary with no gate before the database."""
    false_refusals: int = 0
    legitimate: int = 0


class OpenGate:
    """Lets everything through as it came."""

    async def check(self, sql: str) -> Verdict:
        return Verdict(True, sql)


@asynccontextmanager
async def database_alone(corpus: Any, policy: Policy) -> AsyncIterator[Sandbox]:
    """Role, transport, session and limits, as an agent has them, without the gate."""
    async with await psycopg.AsyncConnection.connect(corpus.dsn, autocommit=True) as owner:
        catalog = await Catalog.load(owner)
        await owner.execute(script(PolicyStack(owner=policy), catalog).encode())
        await owner.execute(EVERY_ROLE)
    dsn = psycopg.conninfo.make_conninfo(corpus.dsn, user="custard_agent", password="corpus")
    async with Database(dsn, size=2) as database:
        yield Sandbox(
            database,
            policy,
            OpenGate(),
            admission=Admission(concurrent=1, per_minute=10**9),
            search_path=("pg_catalog", "shop", "public", "pg_temp"),
        )


def _measured(case: Any) -> bool:
    """Whether the database is sent this one: bombs take it minutes, so only the written proof has them."""
    return bool(os.environ.get("CUSTARD_WRITE_PROOF")) or case.family not in BOMBS


def _strict(policy: Policy) -> Policy:
    return policy.model_copy(
        update={"limits": policy.limits.model_copy(update={"statement_seconds": SECONDS})}
    )


async def measure(corpus: Any, hostile: list[Any], policy: Policy, recording: Any, canary: str) -> Matrix:
    """Every statement that must be refused, through each layer alone."""
    matrix = Matrix(corpus.major)
    strict = _strict(policy)
    refused = [case for case in hostile if not case.bounded and _measured(case)]
    stopped_by_gate: dict[int, bool] = {}
    async with open_sandbox(corpus.dsn, PolicyStack(owner=strict)) as (gate, _):
        for place, case in enumerate(refused):
            verdict = await gate.check(case.sql)
            matrix.total[case.family] += 1
            matrix.gate[case.family] += not verdict.allowed
            matrix.layers[str(verdict.layer)] += 1
            stopped_by_gate[place] = not verdict.allowed
    async with database_alone(corpus, strict) as sandbox:
        for place, case in enumerate(refused):
            stopped = True
            if case.family != "bytes":  # neither NUL nor half a character can be sent at all
                sink = recording()
                outcome = await sandbox.execute(Request(case.sql), sink)
                stopped = isinstance(outcome, Failed)
                if canary in sink.text or (isinstance(outcome, Failed) and canary in outcome.message):
                    matrix.leaks.append(case.sql)
            matrix.database[case.family] += stopped
            matrix.either[case.family] += stopped or stopped_by_gate[place]
    return matrix


async def test_each_layer_alone(
    corpus: Any,
    hostile: list[Any],
    legitimate: list[Any],
    policy: Policy,
    recording: Any,
    canary: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with database_alone(corpus, _strict(policy)):
        before = corpus.state()
    matrix = await measure(corpus, hostile, policy, recording, canary)
    async with open_sandbox(
        psycopg.conninfo.make_conninfo(corpus.dsn, user="custard_agent", password="corpus"),
        PolicyStack(owner=policy),
    ) as (_, behind):
        for case in legitimate:
            if corpus.major >= case.since:
                matrix.legitimate += 1
                outcome = await behind.execute(Request(case.sql), recording())
                matrix.false_refusals += isinstance(outcome, Failed)
    with capsys.disabled():
        print("\n" + table(matrix))
    keep(matrix)
    if os.environ.get("CUSTARD_WRITE_PROOF"):
        write(matrix)
    total = matrix.total.total()
    assert matrix.gate.total() == total
    assert matrix.database.total() / total >= DATABASE_ALONE_AT_LEAST
    assert matrix.either.total() == total
    assert matrix.leaks == []
    assert matrix.false_refusals == 0
    assert corpus.state() == before


def table(matrix: Matrix) -> str:
    """The matrix as Markdown."""
    lines = ["| family | n | gate | database | either |", "|---|--:|--:|--:|--:|"]
    for family in sorted(matrix.total):
        counts = (matrix.total, matrix.gate, matrix.database, matrix.either)
        lines.append(f"| {family} | " + " | ".join(str(count[family]) for count in counts) + " |")
    total = matrix.total.total()
    counts = (matrix.gate, matrix.database, matrix.either)
    shares = " | ".join(f"**{100 * count.total() / total:.1f} %**" for count in counts)
    lines.append(f"| **all** | **{total}** | {shares} |")
    return "\n".join(lines)


def keep(matrix: Matrix) -> None:
    """Beside the other artefacts: with several workers nothing is printed, so ``make test`` prints this."""
    ARTIFACTS.mkdir(exist_ok=True)
    layers = ", ".join(f"{name} {count}" for name, count in matrix.layers.most_common())
    lines = [
        f"PostgreSQL {matrix.major}: statements stopped by the gate alone, the database alone, either",
        "",
        table(matrix),
        "",
        f"By layer of the gate: {layers}.",
        f"Legitimate statements: {matrix.legitimate}; refused: {matrix.false_refusals}.",
    ]
    (ARTIFACTS / f"matrix-{matrix.major}.md").write_text("\n".join(lines) + "\n\n", encoding="utf-8")


def write(matrix: Matrix) -> None:
    """Put this server's part into the proof, leaving the other server's."""
    start, end = f"<!-- postgresql {matrix.major} -->", f"<!-- end {matrix.major} -->"
    layers = ", ".join(f"{name} {count}" for name, count in matrix.layers.most_common())
    part = "\n".join(
        [
            start,
            f"## PostgreSQL {matrix.major}",
            "",
            table(matrix),
            "",
            f"Which rule of the gate stopped them: {layers}.",
            "",
            f"Legitimate statements, through gate and role together: {matrix.legitimate}, of which"
            f" {matrix.false_refusals} were refused. Canaries that left without the gate:"
            f" {len(matrix.leaks)}.",
            end,
        ]
    )
    text = PROOF.read_text(encoding="utf-8")
    if start in text:
        head, rest = text.split(start, 1)
        text = head + part + rest.split(end, 1)[1]
    else:
        text = text.rstrip() + "\n\n" + part + "\n"
    PROOF.write_text(text, encoding="utf-8")
