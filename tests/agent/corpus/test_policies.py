"""Policies drawn at random over tables, partitions, heirs and views: what they hide leaves by no spelling."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack

SCHEMA = Path(__file__).parent / "hospital" / "schema.sql"
POLICIES = 5
STATEMENTS = 60
"""Of each policy, drawn from some 700."""
COLUMNS = {
    "care.patient": ["id", "name", "ssn", "born", "home", "meta", "tags", "note", "loud"],
    "care.visit": ["id", "pid", "at", "ward", "diag", "cost"],
    "care.visit_a": ["id", "ward", "diag"],
    "care.visit_a1": ["id", "ward", "diag"],
    "desk.visit_a2": ["id", "ward", "diag"],
    "care.visit_b": ["id", "ward", "diag"],
    "care.base": ["id", "a"],
    "care.kid": ["id", "a", "b"],
    "desk.grandkid": ["id", "a", "b", "c"],
    "desk.v1": ["id", "n", "s", "home", "note"],
    "desk.v2": ["id", "n", "s", "diag"],
    "desk.v3": ["n", "c", "d"],
    "desk.v4": ["p", "j", "id", "ssn"],
    "desk.v5": ["id", "m"],
    "desk.v6": ["id", "l", "r"],
    "desk.v7": ["id", "ssn", "a"],
    "desk.m1": ["id", "ssn", "note"],
    "desk.m2": ["n", "d"],
}
HOLDING = {
    "care.patient": ["patient"],
    "care.visit": ["visit_a1", "visit_a2", "visit_b"],
    "care.visit_a": ["visit_a1", "visit_a2"],
    "care.visit_a1": ["visit_a1"],
    "desk.visit_a2": ["visit_a2"],
    "care.visit_b": ["visit_b"],
    "care.base": ["base", "kid", "grandkid"],
    "care.kid": ["kid", "grandkid"],
    "desk.grandkid": ["grandkid"],
}
"""Tables, and those whose rows they have."""
TELLING = {"name", "ssn", "home", "meta", "tags", "diag", "a", "b", "c"}
"""Columns whose values say where they lie."""
MASKS = [
    {"kind": "hash"},
    {"kind": "null"},
    {"kind": "constant", "value": "x"},
    {"kind": "partial", "keep": 0},
]
WINDOWS = ["desk.v1", "desk.v2", "desk.v3", "desk.v4", "desk.v5", "desk.m1"]


def drawn(chance: random.Random) -> tuple[Policy, set[str]]:
    """A policy, and what no value that leaves under it may have in it."""
    tables: dict[str, dict[str, Any]] = {}
    hidden = set()
    for table in HOLDING:
        if chance.random() > 0.45:
            continue
        rule = tables.setdefault(table, {})
        for column in COLUMNS[table]:
            luck = chance.random()
            if column in ("id", "pid", "at", "ward", "loud") or luck > 0.4:
                continue
            if luck < 0.25 or column in ("born", "home", "meta", "tags", "cost"):
                rule.setdefault("deny_columns", []).append(column)
            else:
                rule.setdefault("masks", {})[column] = chance.choice(MASKS)
            if column in TELLING:
                hidden |= {f"<{holder}.{column}>" for holder in HOLDING[table]}
            if column == "note":
                hidden.add("<closed>")
    if chance.random() < 0.4:
        tables.setdefault("care.patient", {})["row_filter"] = "note NOT LIKE '<closed>%'"
        hidden.add("<closed>")
    tables |= {view: {} for view in WINDOWS if chance.random() < 0.25}
    schemas = {name: {"allow": chance.random() < 0.8} for name in ("care", "desk")}
    default = {"default": "allow"} if chance.random() < 0.5 else {"default": "deny", "schemas": schemas}
    return Policy.model_validate({**default, "tables": tables}), hidden


def spellings(name: str) -> Iterator[str]:
    """Ways to ask for everything of a relation."""
    yield from (
        f"SELECT * FROM {name}",
        f"TABLE {name}",
        f"SELECT t FROM {name} t",
        f"SELECT to_jsonb(t) FROM {name} t",
        f"SELECT t.*::text FROM {name} t",
        f"SELECT * FROM ONLY {name}",
        f"SELECT json_agg(t) FROM {name} t",
        f"SELECT row_to_json(x) FROM (SELECT * FROM {name}) x",
        f"SELECT (jsonb_each(to_jsonb(t))).* FROM {name} t",
        f"SELECT array_agg(t)::text FROM {name} t",
        f"SELECT concat(t) FROM {name} t",
        f"SELECT format('%s', t) FROM {name} t",
        f"SELECT a.*, b.* FROM {name} a, LATERAL (SELECT a.*) b",
        f"SELECT * FROM {name} a NATURAL JOIN {name} b",
        f"SELECT max(t::text) FROM {name} t",
        f"SELECT DISTINCT t.* FROM {name} t",
        f"SELECT * FROM {name} TABLESAMPLE BERNOULLI (100)",
        f"WITH c AS (SELECT * FROM {name}) SELECT c FROM c",
        f"SELECT * FROM {name} UNION SELECT * FROM {name}",
    )
    for column in COLUMNS[name]:
        yield from (
            f"SELECT {column} FROM {name}",
            f"SELECT (t).{column} FROM {name} t",
            f"SELECT min({column}::text) FROM {name}",
            f"SELECT to_jsonb(t) ->> '{column}' FROM {name} t",
            f"SELECT x.y FROM {name} AS t, LATERAL (SELECT t.{column}::text AS y) x",
            f"SELECT string_agg({column}::text, ',') OVER () FROM {name}",
            f"SELECT {column}::text::int FROM {name} WHERE {column} IS NOT NULL",
            f"SELECT {column}::text::date FROM {name}",
        )


@pytest.fixture(scope="session")
def hospital(place: Any) -> str:
    """The superuser's connection string."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE hospital")
    dsn: str = place.server.dsn("hospital")
    with psycopg.connect(dsn) as conn:
        conn.execute(SCHEMA.read_bytes())
    return dsn


async def test_what_a_policy_hides_leaves_by_no_spelling(hospital: str, recording: Any) -> None:
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    everything = [sql for name in COLUMNS for sql in spellings(name)]
    leaks, answered = [], 0
    for _ in range(POLICIES):
        policy, hidden = drawn(chance)
        async with open_sandbox(hospital, PolicyStack(owner=policy)) as (_, sandbox):
            for sql in chance.sample(everything, STATEMENTS):
                sink = recording()
                outcome = await sandbox.execute(Request(sql), sink)
                said = f"{outcome.message} {outcome.hint}" if isinstance(outcome, Failed) else ""
                answered += not said
                found = [word for word in hidden if word in (sink.text + said).lower()]
                if found:
                    leaks.append((sql, found, policy.model_dump(exclude_defaults=True)))
    assert leaks == [], f"seed {seed}"
    assert answered, f"seed {seed}"
