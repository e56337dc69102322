"""What the planner's guesses refuse: nothing of ordinary analysis over tables that it takes for large."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import PolicyStack, parse_policy

SCHEMA = b"""
CREATE TABLE fact (id int, shop int, day date, at timestamptz, amount numeric, tag text, doc jsonb, k int);
CREATE TABLE shop (id int, name text, region text, opened date);
CREATE TABLE click (fact int, url text, at timestamptz, ms int);
INSERT INTO fact SELECT g, g % 7, date '2025-01-01' + g % 90, timestamptz '2025-01-01' + g * interval '1h',
    g * 1.5, 't' || g % 5, jsonb_build_object('a', g % 3), g % 11 FROM generate_series(1, 300) g;
INSERT INTO shop SELECT g, 'shop ' || g, 'r' || g % 3, date '2020-01-01' + g FROM generate_series(0, 6) g;
INSERT INTO click SELECT 1 + g % 300, '/p/' || g % 9, timestamptz '2025-01-01' + g * interval '1min', g % 500
    FROM generate_series(1, 500) g;
ANALYZE;
-- The planner takes the rows for as many as stand here, for each page that there is.
UPDATE pg_class SET reltuples = 5000000 WHERE relname = 'fact';
UPDATE pg_class SET reltuples = 20000000 WHERE relname = 'click';
UPDATE pg_class SET reltuples = 50000 WHERE relname = 'shop';
"""

ORDINARY = Path(__file__).parent / "ordinary.txt"
"""A statement a line."""
TOO_MUCH = [
    "SELECT array_agg(f.tag || c.url) FROM fact f, click c",
    "SELECT cardinality(ARRAY(SELECT c.url || f.tag FROM fact f, click c))",
    "SELECT count(x) FROM (SELECT array_agg(c.url) OVER () AS x FROM click c, shop) q",
    "SELECT shop FROM fact, click GROUP BY shop HAVING cardinality(array_agg(url)) > 1",
    "SELECT (SELECT json_agg(c) FROM click c, fact) IS NULL",
]


@pytest.fixture(scope="session")
def large(place: Any) -> str:
    """The superuser's connection string for tables that the planner takes for large."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE large")
    dsn: str = place.server.dsn("large")
    with psycopg.connect(dsn) as conn:
        conn.execute(SCHEMA)
    return dsn


async def test_ordinary_analysis_is_not_refused_for_a_guess(large: str, make_sink: Any) -> None:
    statements = ORDINARY.read_text(encoding="utf-8").splitlines()
    assert len(statements) >= 60
    with psycopg.connect(large) as conn:
        (plan,) = conn.execute("EXPLAIN SELECT * FROM fact").fetchone() or ("",)
    assert int(re.findall(r"rows=(\d+)", plan)[0]) > 1_000_000
    async with open_sandbox(large, PolicyStack(owner=parse_policy('version = 1\ndefault = "allow"\n'))) as (
        _,
        sandbox,
    ):
        refused = []
        for sql in statements:
            outcome = await sandbox.execute(Request(sql), make_sink())
            if isinstance(outcome, Failed):
                refused.append((sql, outcome.message))
        assert refused == []
        for sql in TOO_MUCH:
            outcome = await sandbox.execute(Request(sql), make_sink())
            assert isinstance(outcome, Failed), sql
            assert outcome.layer == "cost", (sql, outcome)
