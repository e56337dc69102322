"""A second schema, unlike the first: odd names, composites, ranges, inheritance, generated columns."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import PolicyStack, parse_policy

HERE = Path(__file__).parent / "strange"
GATE = {"bytes", "parse", "shape", "function", "bounds", "policy"}
LEFT_OUT_BY_THE_SUBQUERY = 3
"""Hostile statements that name what the rewritten statement does not have: the server says so."""
HELD_BACK = {"strict": (), "mixed": ("width_bucket(bmi", "FROM ops.mv ")}
"""What each policy rightly refuses of the questions: a column computed from a masked one; stored rows of a
table with a row filter."""


def statements(file: str) -> list[str]:
    """The statements of a file, with an empty line between them."""
    return re.split(r"\n[ \t]*\n", (HERE / file).read_text(encoding="utf-8").strip())


def chains() -> list[str]:
    """What only machines write."""
    patient = ' FROM "Clinic"."Patient"'
    return [
        "SELECT " + " || ".join(['"Full Name"'] * 60) + patient,
        "SELECT " + " + ".join(f'coalesce("order", 0) * {n}' for n in range(400)) + patient,
        "SELECT count(*)" + patient + " WHERE " + " OR ".join(f'"Id" = {n}' for n in range(60)),
        "SELECT count(*)" + patient + ' WHERE "Id" IN (' + ",".join(map(str, range(1000))) + ")",
        "SELECT " + "replace(" * 60 + '"select"' + "".join(f",'{n}','x')" for n in range(60)) + patient,
        "SELECT " + "NOT " * 61 + "true",
        " UNION ALL ".join(f"SELECT {n}" for n in range(80)),
    ]


@pytest.fixture(scope="session")
def strange(place: Any) -> tuple[str, int]:
    """The superuser's connection string for the schema, and the server's major version."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE strange")
    dsn: str = place.server.dsn("strange")
    with psycopg.connect(dsn) as conn:
        conn.execute((HERE / "schema.sql").read_bytes())
    return dsn, place.major


@pytest.mark.parametrize("policy", ["strict", "mixed"])
async def test_no_attack_passes_and_no_question_is_refused(
    strange: tuple[str, int], policy: str, recording: Any, canary: str, write_part: Any
) -> None:
    dsn, major = strange
    stack = PolicyStack(owner=parse_policy((HERE / f"{policy}.toml").read_text(encoding="utf-8")))
    refused, passed, late, leaked, ran = [], [], [], [], 0
    async with open_sandbox(dsn, stack) as (_, sandbox):
        for sql in statements("legitimate.txt") + chains():
            since = re.match(r"-- from (\d+)\n", sql)
            if (since and int(since[1]) > major) or any(part in sql for part in HELD_BACK[policy]):
                continue
            sink = recording()
            ran += 1
            outcome = await sandbox.execute(Request(sql), sink)
            if isinstance(outcome, Failed):
                refused.append((sql[:200], outcome.message))
            if canary in sink.text:
                leaked.append(sql)
        for sql in statements("hostile.txt"):
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            if not isinstance(outcome, Failed):
                passed.append(sql)
            elif outcome.layer not in GATE:
                late.append(sql)
            if canary in sink.text or (isinstance(outcome, Failed) and canary in outcome.message):
                leaked.append(sql)
    attacks = len(statements("hostile.txt"))
    write_part(
        f"strange {policy} {major}",
        [
            f"**Strange names, policy {policy}, PostgreSQL {major}**: {attacks} hostile statements,"
            f" {attacks - len(late) - len(passed)} stopped by the gate, {len(late)} by the database,"
            f" {len(passed)} by nothing; {ran} legitimate ones, {len(refused)} refused;"
            f" {len(leaked)} canaries."
        ],
    )
    assert (refused, passed, leaked) == ([], [], [])
    assert len(late) <= LEFT_OUT_BY_THE_SUBQUERY
