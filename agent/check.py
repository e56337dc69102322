"""``custard-agent check``: statements from a file, through exactly the sandbox that serves real ones."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from agent.admission import Admission
from agent.database import Connection, Database
from agent.errors import DatabaseUnavailable, IntrospectionFailed, SettingsError
from agent.execution import Request, Sandbox
from agent.sandbox.catalog import Catalog
from agent.sandbox.commands import DSN_VARIABLE
from agent.sandbox.gate import Gate
from agent.sandbox.verdict import Verdict
from wire.outcome import Failed, ResultColumn
from wire.policy import Policy, PolicyStack, parse_policy

_log = logging.getLogger("agent.check")

UNLIMITED_PER_MINUTE = 10**9
"""A check is one act of the owner's, so the policy's statements a minute do not bound it."""

_LAYER_OF_CODE = {
    "database": "database",
    "timeout": "limit",
    "limit": "limit",
    "cancelled": "limit",
    "database_unavailable": "database",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A line of the statements' file."""

    id: Any
    sql: str | None
    problem: str = ""
    """Why the line is not a statement; empty when it is one."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a statement; one line of output."""

    id: Any
    allowed: bool
    layer: str | None = None
    reason: str = ""
    sqlstate: str | None = None
    rows: int | None = None
    """Rows delivered; None when it was not run."""
    elapsed_ms: float = 0.0


@dataclass
class _Counting:
    """A sink that keeps nothing."""

    rows_seen: int = 0
    names: list[str] = field(default_factory=list)

    async def columns(self, columns: list[ResultColumn]) -> None:
        self.names = [column.name for column in columns]

    async def rows(self, body: bytes, row_count: int) -> None:
        self.rows_seen += row_count


def read_statements(lines: Iterable[bytes]) -> Iterator[Statement]:
    """The statements of a JSON Lines file. A line that is not one becomes a statement with a problem.

    Bytes that are not UTF-8 stay in the text as what they are, for the sandbox to refuse.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            text = line.decode("utf-8", "surrogateescape")
            value = json.loads(
                text.removeprefix("\ufeff") if number == 1 else text, parse_constant=_no_constant
            )
        except (ValueError, RecursionError) as error:
            yield Statement(number, None, f"Line {number} is not JSON: {error}")
            continue
        if not isinstance(value, dict) or not isinstance(value.get("sql"), str):
            yield Statement(number, None, f'Line {number} is not an object with "id" and "sql".')
            continue
        try:
            json.dumps(value.get("id"), allow_nan=False)
        except ValueError:
            # A number such as 1e999 has no JSON to be said again in.
            yield Statement(number, None, f"Line {number} has an id that is out of range.")
            continue
        yield Statement(value.get("id", number), value["sql"])


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no value of JSON")


async def run_check(
    dsn: str,
    policy: Policy | PolicyStack,
    statements: Iterable[Statement],
    *,
    execute: bool = False,
) -> AsyncIterator[Checked]:
    """Judge statements, and run those that may run when ``execute`` is True.

    Raises:
        DatabaseUnavailable: the server could not be reached to read its catalog.
    """
    stack = policy if isinstance(policy, PolicyStack) else PolicyStack(owner=policy)
    async with open_sandbox(dsn, stack) as (gate, sandbox):
        for statement in statements:
            started = time.perf_counter()
            try:
                checked = await _check(gate, sandbox, statement, execute)
            except (psycopg.Error, DatabaseUnavailable, IntrospectionFailed):
                checked = _unanswered(statement, "database", "The database could not be asked.", started)
            except Exception as error:  # one statement's mishap must not cost the others their lines
                _log.exception("statement not checked")
                reason = f"The statement could not be checked ({type(error).__name__})."
                checked = _unanswered(statement, "process", reason, started)
            yield checked


@asynccontextmanager
async def open_sandbox(dsn: str, stack: PolicyStack) -> AsyncIterator[tuple[Gate, Sandbox]]:
    """The gate and the sandbox behind it, on this database, as an agent would have them.

    Raises:
        DatabaseUnavailable: the server could not be reached.
    """
    limits = stack.limits
    async with Database(dsn, size=2) as database:

        async def catalog() -> Catalog:
            async with database.transaction("BEGIN READ ONLY") as connection:
                return await Catalog.load(connection)

        async with Gate(stack, await catalog(), refresh=catalog) as gate:

            async def cost(connection: Connection, judged: Verdict) -> Failed | None:
                verdict = await gate.cost_verdict(connection, judged)
                return None if verdict.allowed else refused(verdict)

            sandbox = Sandbox(
                database,
                stack.owner.model_copy(update={"limits": limits}),
                gate,
                admission=Admission(concurrent=1, per_minute=UNLIMITED_PER_MINUTE),
                known_names=await shown_names(gate),
                search_path=gate.search_path,
                cost_verdict=cost,
            )
            yield gate, sandbox


async def shown_names(gate: Gate) -> frozenset[str]:
    """Names that an error message may mention: those of relations and columns that may be read."""
    names: set[str] = set()
    for qualified, shown in (await gate.shown()).items():
        names |= {*qualified.split("."), *shown.columns}
    return frozenset(names)


def refused(verdict: Verdict) -> Failed:
    """A refusal as the outcome of a statement."""
    return Failed(code="policy", message=verdict.reason, hint=verdict.hint, layer=verdict.layer)


def _unanswered(statement: Statement, layer: str, reason: str, started: float) -> Checked:
    elapsed = round((time.perf_counter() - started) * 1000, 3)
    return Checked(statement.id, False, layer, reason, elapsed_ms=elapsed)


async def _check(gate: Gate, sandbox: Sandbox, statement: Statement, execute: bool) -> Checked:
    started = time.perf_counter()

    def checked(allowed: bool, **fields: Any) -> Checked:
        elapsed = round((time.perf_counter() - started) * 1000, 3)
        return Checked(statement.id, allowed, elapsed_ms=elapsed, **fields)

    if statement.sql is None:
        return checked(False, layer="bytes", reason=statement.problem)
    if not execute:
        verdict = await gate.check(statement.sql)
        return checked(verdict.allowed, layer=verdict.layer, reason=verdict.reason)
    sink = _Counting()
    outcome = await sandbox.execute(Request(statement.sql), sink)
    if isinstance(outcome, Failed):
        layer = outcome.layer or _LAYER_OF_CODE.get(outcome.code, outcome.code)
        return checked(
            False,
            layer="limit" if layer == "limits" else layer,
            reason=" ".join(part for part in (outcome.message, outcome.hint) if part),
            sqlstate=outcome.sqlstate,
        )
    return checked(True, rows=outcome.rows)


def handle(arguments: argparse.Namespace) -> int:
    """Run ``check``; returns its exit code.

    Raises:
        SettingsError: the DSN or a file is missing.
        PolicyError: the policy cannot be taken.
        DatabaseUnavailable: the server cannot be reached.
    """
    dsn = arguments.dsn or os.environ.get(DSN_VARIABLE, "")
    if not dsn:
        raise SettingsError("No database is named.", f"Pass --dsn or set {DSN_VARIABLE}.")
    policy = load_policy(arguments.policy)
    try:
        if str(arguments.statements) == "-":
            lines = sys.stdin.buffer.read().split(b"\n")
        else:
            lines = arguments.statements.read_bytes().split(b"\n")
    except OSError as error:
        raise SettingsError(
            f"The statements cannot be read: {error.strerror}", "Check --statements."
        ) from error

    if isinstance(sys.stdout, io.TextIOWrapper):
        # An id may hold what no terminal's encoding can say.
        sys.stdout.reconfigure(errors="backslashreplace")

    async def work() -> None:
        async for line in run_check(dsn, policy, read_statements(lines), execute=arguments.execute):
            print(json.dumps(asdict(line)) if arguments.json else _row(line), flush=True)

    asyncio.run(work())
    return 0


def load_policy(path: Path | None) -> Policy:
    """The policy of a file; without one, the default that permits nothing.

    Raises:
        SettingsError: the file cannot be read.
        PolicyError: it cannot be taken.
    """
    if path is None:
        return Policy()
    try:
        return parse_policy(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The policy cannot be read: {error.strerror}", "Check --policy.") from error
    except UnicodeDecodeError as error:
        raise SettingsError("The policy file is not UTF-8.", "Save it as UTF-8.") from error


def _row(line: Checked) -> str:
    # The file's ids and names are a stranger's; what would steer a terminal is shown as it is written.
    name = "".join(one if one.isprintable() else repr(one)[1:-1] for one in str(line.id))
    if line.allowed:
        rows = "" if line.rows is None else f"{line.rows} rows"
        return f"✓ {name:<20} {rows}"
    reason = "".join(one if one.isprintable() else repr(one)[1:-1] for one in line.reason)
    return f"✗ {name:<20} {line.layer}: {reason}"
