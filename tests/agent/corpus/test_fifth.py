"""A fifth schema: an energy supplier that insures. What the four before it lack, and what outgrows a server.

Columns with the names of functions, functions and aggregates of the owner's under PostgreSQL's names, casts
of the owner's from text and to JSON, composites in composites, heirs in other schemas; and statements of one
short line whose single steps run for minutes, deaf to every timeout.
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

HERE = Path(__file__).parent / "fifth"
GATE = {"bytes", "parse", "shape", "function", "bounds", "policy"}
SAID_BY_THE_SERVER = 14
"""Hostile statements that name what the text to run does not have: a column, or PostgreSQL's own function,
operator or cast for such values."""
LEGITIMATE_AT_LEAST = 240
HOSTILE_AT_LEAST = 380
BOUNDED_AT_LEAST = 30


def statements(file: str, major: int = 99) -> list[str]:
    """The statements of a file, with an empty line between them, that a server of this version knows."""
    found = re.split(r"\n[ \t]*\n", (HERE / file).read_text(encoding="utf-8").strip())
    return [
        sql for sql in found if not ((since := re.match(r"-- from (\d+)\n", sql)) and int(since[1]) > major)
    ]


@pytest.fixture(scope="session")
def fifth(place: Any) -> tuple[str, int]:
    """The superuser's connection string for the schema, and the server's major version."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE fifth")
        conn.execute("ALTER DATABASE fifth SET timezone = 'UTC'")
        conn.execute('ALTER DATABASE fifth SET search_path = ins, grid, "Kunden", public')
    dsn: str = place.server.dsn("fifth")
    with psycopg.connect(dsn) as conn:
        conn.execute((HERE / "schema.sql").read_bytes())
    return dsn, place.major


def read(name: str) -> Policy:
    return parse_policy((HERE / name).read_text(encoding="utf-8"))


async def test_no_attack_passes(fifth: tuple[str, int], recording: Any, canary: str, write_part: Any) -> None:
    dsn, major = fifth
    passed, late, leaked = [], [], []
    attacks = statements("hostile.txt", major)
    async with open_sandbox(dsn, PolicyStack(owner=read("policy.toml"))) as (_, sandbox):
        for sql in attacks:
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            if not isinstance(outcome, Failed):
                passed.append(sql)
            elif outcome.layer not in GATE:
                late.append((sql, outcome.message))
            if canary in sink.text or (isinstance(outcome, Failed) and canary in outcome.message):
                leaked.append(sql)
    with psycopg.connect(dsn) as conn:
        visits = conn.execute("SELECT count(*) FROM hr.visits").fetchone()
    gate = len(attacks) - len(late) - len(passed)
    write_part(
        f"fifth {major}",
        [
            f"**Fifth schema, PostgreSQL {major}**, whole sandbox on a superuser's connection:"
            f" {len(attacks)} hostile statements, {gate} stopped by the gate, {len(late)}"
            f" by the database, {len(passed)} by nothing; {len(leaked)} canaries;"
            f" {len(statements('bounded.txt', major))} that outgrow a server, all refused before they ran."
        ],
    )
    assert (passed, leaked, visits) == ([], [], (0,))
    assert len(late) <= SAID_BY_THE_SERVER, late
    assert len(statements("hostile.txt")) >= HOSTILE_AT_LEAST


async def test_what_outgrows_a_server_is_refused_before_it_runs(
    fifth: tuple[str, int], recording: Any
) -> None:
    """One step of each runs for minutes, or takes memory without end, and nothing stops it meanwhile."""
    dsn, major = fifth
    async with open_sandbox(dsn, PolicyStack(owner=read("policy.toml"))) as (_, sandbox):
        for sql in statements("bounded.txt", major):
            outcome = await sandbox.execute(Request(sql), recording())
            assert isinstance(outcome, Failed), sql
            assert outcome.layer in ("bounds", "cost"), (sql, outcome)
            assert outcome.hint, sql
    assert len(statements("bounded.txt")) >= BOUNDED_AT_LEAST


async def test_questions_at_the_policys_edge_are_answered_without_what_it_hides(
    fifth: tuple[str, int], recording: Any, canary: str
) -> None:
    """Rows whole, views over what is masked, PostgreSQL's functions where the owner has others."""
    dsn, major = fifth
    async with open_sandbox(dsn, PolicyStack(owner=read("policy.toml"))) as (_, sandbox):
        for sql in statements("owners.txt", major):
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            assert not isinstance(outcome, Failed), (sql, outcome)
            assert canary not in sink.text, sql


BEHIND_A_FILTER = [
    "Kunden.Kunde",
    "ins.contract",
    "ins.claim",
    "grid.station",
    "grid.meter",
    "grid.reading",
    "grid.price",
    "grid.asset",
    "public.contract",
    "public.left",
    "αρχείο.Έγγραφο",
]
OF_STORED_ROWS = re.compile(r"ins\.monthly|ONLY grid\.cable")


@pytest.mark.parametrize("filtered", [False, True])
async def test_every_question_has_the_answer_that_it_has_without_a_sandbox(
    fifth: tuple[str, int], recording: Any, filtered: bool
) -> None:
    """Where nothing is hidden, and again with every table behind a filter that is always true."""
    dsn, major = fifth
    policy = read("open.toml")
    if filtered:
        rules = {name: TableRule(row_filter="true") for name in BEHIND_A_FILTER}
        policy = policy.model_copy(update={"tables": rules})
    context = type("Context", (), {"adapters": text_adapters(), "connection": None})()
    different = []
    async with (
        await psycopg.AsyncConnection.connect(dsn, context=context, autocommit=True) as plain,
        open_sandbox(dsn, PolicyStack(owner=policy)) as (_, sandbox),
    ):
        for sql in statements("legitimate.txt", major):
            if filtered and OF_STORED_ROWS.search(sql):
                continue
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            cursor = await plain.execute(sql.encode())
            rows = [list(row) for row in await cursor.fetchall()]
            if isinstance(outcome, Failed):
                different.append((sql, outcome.message))
            elif sorted(map(str, rows)) != sorted(map(str, sink.table)):
                different.append((sql, "other rows"))
    assert different == []
    assert len(statements("legitimate.txt")) >= LEGITIMATE_AT_LEAST
