"""Four further schemas, each made to be unlike those before it, and all that is written against them.

``third``: columns denied in a parent, and an owner's functions that are reached without a name. ``fourth``:
extensions, with overloads and operators of the owner's beside theirs, and statements that grow until a server
is gone. ``fifth``: columns with the names of functions, composites in composites, heirs in other schemas, and
single steps that run for minutes. ``sixth``: whatever calls a function of the owner's leaves a file behind;
operator classes, aggregates of every kind, views three deep, row filters that ask other tables.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.database import text_adapters
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack, TableRule

GATE = {"bytes", "parse", "shape", "function", "bounds", "policy"}


@dataclass(frozen=True)
class Schema:
    """What is expected of one."""

    name: str
    hostile: int
    """Hostile statements that there are at least."""
    legitimate: int
    late: int
    """Hostile ones that the server answers: they name what the text to run does not have, a column, or
    PostgreSQL's own function, operator or cast for such values."""
    tables: tuple[str, ...]
    """Read behind a filter that is always true, and must answer as before."""
    left_out: str
    """What that changes: a stored view over filtered rows is denied, a subquery's row has no named type."""
    policies: tuple[str, ...] = ("policy.toml",)
    edge: str = ""
    """The file of questions that its policy permits, and which show nothing of what it hides."""
    bounded: int = 0
    """Statements that outgrow a server."""


SCHEMAS = [
    Schema(
        "third",
        300,
        140,
        1,
        (
            "grid.meters",
            "grid.readings",
            "billing.invoices",
            "public.Staff Members",
            "public.count",
            "public.lower",
            "grid.device",
        ),
        r"SELECT \(r\)\.kwh|grid\.monthly",
        edge="legitimate.txt",
    ),
    Schema(
        "fourth",
        480,
        280,
        9,
        (
            "crm.subscribers",
            "Net Ops.Cell Sites",
            "Net Ops.cdr",
            "billing.invoices",
            "billing.plans",
            "crm.tickets",
            "public.user",
            "crm.loudly",
        ),
        r"billing\.by_month|FROM ONLY|crm\.writable|\bkv\b",
    ),
    Schema(
        "fifth",
        380,
        255,
        17,
        (
            "Kunden.Kunde",
            "ins.contract",
            "ins.claim",
            "grid.station",
            "grid.meter",
            "grid.reading",
            "grid.price",
            "grid.asset",
            "grid.route",
            "public.contract",
            "public.left",
            "αρχείο.Έγγραφο",
        ),
        r"ins\.monthly|ONLY grid\.cable",
        edge="owners.txt",
        bounded=55,
    ),
    Schema(
        "sixth",
        530,
        205,
        18,
        (
            "pax.person",
            "Flug Ops.Flight Leg",
            "Flug Ops.bag",
            "Flug Ops.vehicle",
            "kasse.shop",
            "kasse.sale",
            "kasse.rate",
            "public.t",
            "données.Été",
            "traps.things",
        ),
        r"api\.daily|FROM ONLY|leg_h1|leg h1",
        ("policy.toml", "allowing.toml"),
        edge="owners.txt",
    ),
]
BY_NAME = pytest.mark.parametrize("schema", SCHEMAS, ids=lambda one: one.name)
OF_ITS_OWN_TIME = re.compile(r"TABLESAMPLE|now\(\)|clock_timestamp")
"""Samples and clocks differ each time."""


@BY_NAME
async def test_no_attack_passes(
    schema: Schema, made: Callable[[str], Any], recording: Any, canary: str, write_part: Any
) -> None:
    """Nor leaves anything behind: rows, names, locks, or the file that the sixth schema's traps write."""
    place = made(schema.name)
    attacks = place.statements("hostile.txt")
    rows, server = place.rows(), place.server()
    passed, late, leaked, effects = [], [], [], []
    for name in schema.policies:
        kind = ""
        async with open_sandbox(place.dsn, PolicyStack(owner=place.policy(name))) as (_, sandbox):
            for sql in attacks:
                if sql.startswith("-- class: "):
                    if place.server() != server:
                        effects.append(kind)
                    kind = sql.splitlines()[0]
                sink = recording()
                outcome = await sandbox.execute(Request(sql), sink)
                if not isinstance(outcome, Failed):
                    passed.append(sql)
                elif outcome.layer not in GATE:
                    late.append((sql, outcome.message))
                if canary in sink.text or (isinstance(outcome, Failed) and canary in outcome.message):
                    leaked.append(sql)
            if place.server() != server:
                effects.append(kind)
    sent = len(attacks) * len(schema.policies)
    bounded = len(place.statements("bounded.txt")) if schema.bounded else 0
    write_part(
        f"{schema.name} {place.major}",
        [
            f"**{schema.name.capitalize()} schema, PostgreSQL {place.major}**, whole sandbox on a superuser's"
            f" connection: {len(attacks)} hostile statements"
            + (f" under each of {len(schema.policies)} policies" if len(schema.policies) > 1 else "")
            + f", {sent - len(late) - len(passed)} times stopped by the gate, {len(late)} by the database,"
            f" {len(passed)} by nothing; {len(leaked)} canaries, {len(effects)} effects"
            + (f"; {bounded} that outgrow a server, all refused before they ran." if bounded else ".")
        ],
    )
    assert (passed, leaked, effects) == ([], [], [])
    assert place.rows() == rows
    assert len(late) <= schema.late * len(schema.policies), late
    assert place.count("hostile.txt") >= schema.hostile


@pytest.mark.parametrize("schema", [one for one in SCHEMAS if one.edge], ids=lambda one: one.name)
async def test_no_question_at_the_policys_edge_is_refused(
    schema: Schema, made: Callable[[str], Any], recording: Any, canary: str
) -> None:
    """Rows whole, views over what is masked, PostgreSQL's functions where the owner has others."""
    place = made(schema.name)
    server = place.server()
    questions = place.statements(schema.edge)
    async with open_sandbox(place.dsn, PolicyStack(owner=place.policy("policy.toml"))) as (_, sandbox):
        for sql in questions:
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            assert not isinstance(outcome, Failed), (sql, outcome)
            assert canary not in sink.text, sql
    assert place.server() == server


@BY_NAME
@pytest.mark.parametrize("filtered", [False, True])
async def test_every_question_has_the_answer_that_it_has_without_a_sandbox(
    schema: Schema, filtered: bool, made: Callable[[str], Any], recording: Any
) -> None:
    """Where nothing is hidden, and again with every table behind a filter that is always true."""
    place = made(schema.name)
    server = place.server()
    if schema.name == "third":
        policy = Policy(default="allow", functions=place.policy("policy.toml").functions)
    else:
        policy = place.policy("open.toml")
    if filtered:
        rules = {name: TableRule(row_filter="true") for name in schema.tables}
        policy = policy.model_copy(update={"tables": rules})
    context = type("Context", (), {"adapters": text_adapters(), "connection": None})()
    left_out = re.compile(schema.left_out)
    different = []
    async with (
        await psycopg.AsyncConnection.connect(place.dsn, context=context, autocommit=True) as plain,
        open_sandbox(place.dsn, PolicyStack(owner=policy)) as (_, sandbox),
    ):
        for sql in place.statements("legitimate.txt"):
            if OF_ITS_OWN_TIME.search(sql) or (filtered and left_out.search(sql)):
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
    assert place.server() == server
    assert place.count("legitimate.txt") >= schema.legitimate


@pytest.mark.parametrize("schema", [one for one in SCHEMAS if one.bounded], ids=lambda one: one.name)
async def test_what_outgrows_a_server_is_refused_before_it_runs(
    schema: Schema, made: Callable[[str], Any], recording: Any
) -> None:
    """One step of each runs for minutes, or takes memory without end, and nothing stops it meanwhile."""
    place = made(schema.name)
    attacks = place.statements("bounded.txt")
    async with open_sandbox(place.dsn, PolicyStack(owner=place.policy("policy.toml"))) as (_, sandbox):
        for sql in attacks:
            outcome = await sandbox.execute(Request(sql), recording())
            assert isinstance(outcome, Failed), sql
            assert outcome.layer in ("bounds", "cost"), (sql, outcome)
            assert outcome.hint, sql
    assert place.count("bounded.txt") >= schema.bounded
