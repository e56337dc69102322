"""A third schema: columns denied in a parent, and an owner's functions that are reached without a name.

Casts, operators, domains, overloads of PostgreSQL's own names and fields that are no fields: whatever of it
calls the owner's function shows a canary.
"""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.database import text_adapters
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack, TableRule, parse_policy

HERE = Path(__file__).parent / "third"
GATE = {"bytes", "parse", "shape", "function", "bounds", "policy"}
LEFT_OUT_BY_THE_SUBQUERY = 1
"""Hostile statements that name what the rewritten statement does not have: the server says so."""
LEGITIMATE_AT_LEAST = 140
HOSTILE_AT_LEAST = 300


def statements(file: str) -> list[str]:
    """The statements of a file, with an empty line between them."""
    return re.split(r"\n[ \t]*\n", (HERE / file).read_text(encoding="utf-8").strip())


def answerable(major: int) -> list[str]:
    """The legitimate statements that a server of this version knows."""
    return [
        sql
        for sql in statements("legitimate.txt")
        if not ((since := re.match(r"-- from (\d+)\n", sql)) and int(since[1]) > major)
    ]


@pytest.fixture(scope="session")
def third(place: Any) -> tuple[str, int]:
    """The superuser's connection string for the schema, and the server's major version."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE third")
        conn.execute("ALTER DATABASE third SET timezone = 'UTC'")
    dsn: str = place.server.dsn("third")
    with psycopg.connect(dsn) as conn:
        conn.execute((HERE / "schema.sql").read_bytes())
    return dsn, place.major


def read(name: str) -> Policy:
    return parse_policy((HERE / name).read_text(encoding="utf-8"))


async def test_no_attack_passes_and_no_question_is_refused(
    third: tuple[str, int], recording: Any, canary: str, write_part: Any
) -> None:
    dsn, major = third
    refused, passed, late, leaked = [], [], [], []
    questions, attacks = answerable(major), statements("hostile.txt")
    async with open_sandbox(dsn, PolicyStack(owner=read("policy.toml"))) as (_, sandbox):
        for sql in questions:
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            if isinstance(outcome, Failed):
                refused.append((sql[:200], outcome.message))
            if canary in sink.text:
                leaked.append(sql)
        for sql in attacks:
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            if not isinstance(outcome, Failed):
                passed.append(sql)
            elif outcome.layer not in GATE:
                late.append((sql, outcome.message))
            if canary in sink.text or (isinstance(outcome, Failed) and canary in outcome.message):
                leaked.append(sql)
    write_part(
        f"third {major}",
        [
            f"**Third schema, PostgreSQL {major}**, whole sandbox on a superuser's connection: {len(attacks)}"
            f" hostile statements, {len(attacks) - len(late) - len(passed)} stopped by the gate, {len(late)}"
            f" by the database, {len(passed)} by nothing; {len(questions)} legitimate ones, {len(refused)}"
            f" refused; {len(leaked)} canaries."
        ],
    )
    assert (refused, passed, leaked) == ([], [], [])
    assert len(late) <= LEFT_OUT_BY_THE_SUBQUERY, late
    assert len(attacks) >= HOSTILE_AT_LEAST
    assert len(statements("legitimate.txt")) >= LEGITIMATE_AT_LEAST


WITHOUT_ITS_TYPE = re.compile(r"SELECT \(r\)\.kwh|TABLESAMPLE|now\(\)")
"""A row of a subquery has no type whose fields could be named; samples and clocks differ each time."""


async def test_reading_through_subqueries_changes_no_answer(third: tuple[str, int], recording: Any) -> None:
    """Every table behind a filter that is always true, against the same text without a sandbox."""
    dsn, major = third
    tables = ["grid.meters", "grid.readings", "billing.invoices", "public.Staff Members", "public.count"]
    tables += ["public.lower", "grid.device"]
    rules = {name: TableRule(row_filter="true") for name in tables}
    functions = read("policy.toml").functions
    stack = PolicyStack(owner=Policy(default="allow", tables=rules, functions=functions))
    context = type("Context", (), {"adapters": text_adapters(), "connection": None})()
    different = []
    async with (
        await psycopg.AsyncConnection.connect(dsn, context=context, autocommit=True) as plain,
        open_sandbox(dsn, stack) as (_, sandbox),
    ):
        for sql in answerable(major):
            if WITHOUT_ITS_TYPE.search(sql) or "grid.monthly" in sql:
                continue
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            cursor = await plain.execute(sql.encode())
            assert cursor.description is not None
            rows = [list(row) for row in await cursor.fetchall()]
            if isinstance(outcome, Failed):
                different.append((sql, outcome.message))
            elif sorted(map(str, rows)) != sorted(map(str, sink.table)):
                different.append((sql, "other rows"))
    assert different == []


async def test_a_view_with_a_barrier_tells_nothing_of_what_it_leaves_out(
    third: tuple[str, int], recording: Any
) -> None:
    """Its definition takes its place, because a row filter is below it; the barrier must come along."""
    dsn, _ = third
    async with open_sandbox(dsn, PolicyStack(owner=read("policy.toml"))) as (_, sandbox):
        for sql in (
            "SELECT no FROM grid.open_invoices WHERE 1 / (no - 1) IS NULL",  # number 1 is paid
            "SELECT no FROM grid.open_invoices WHERE 1 / (no - 2) IS NULL",  # number 2 is in region 'secret'
        ):
            outcome = await sandbox.execute(Request(sql), recording())
            assert not isinstance(outcome, Failed), (sql, outcome)
            assert outcome.rows == 0


async def test_windows_show_what_they_show_and_nothing_below(third: tuple[str, int], recording: Any) -> None:
    dsn, _ = third
    async with open_sandbox(dsn, PolicyStack(owner=read("window.toml"))) as (gate, sandbox):
        for sql in (
            "SELECT * FROM grid.meter_towns",
            "SELECT count(*) FROM grid.open_invoices",
            "SELECT * FROM grid.gross_bills",
            "SELECT * FROM grid.monthly",
        ):
            outcome = await sandbox.execute(Request(sql), recording())
            assert not isinstance(outcome, Failed), (sql, outcome)
        for sql in (
            "SELECT * FROM grid.meters",
            "SELECT * FROM grid.meter_short",
            "SELECT * FROM billing.invoices",
            "SELECT grid.gross(1)",
        ):
            assert not (await gate.check(sql)).allowed, sql
