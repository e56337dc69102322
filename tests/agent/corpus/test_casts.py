"""Implicit casts of an owner's between PostgreSQL's own types: made nowhere but in PostgreSQL's parser."""

from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import PolicyStack, parse_policy

SCHEMA = b"""
CREATE SCHEMA own;
CREATE FUNCTION own.to_int(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN RAISE EXCEPTION 'CANARY-CAST %', $1; END$$;
CREATE CAST (text AS integer) WITH FUNCTION own.to_int(text) AS IMPLICIT;
CREATE TABLE public.items (id int, word text, made date);
INSERT INTO public.items VALUES (1, '2', '2024-01-01');
CREATE VIEW public.compared AS SELECT word = 3 AS same FROM public.items;
"""
MADE = [
    "SELECT word = 1 FROM items",
    "SELECT abs(word) FROM items",
    "SELECT * FROM items WHERE id IN (SELECT word FROM items)",
    "SELECT count(*) FROM items a JOIN items b ON a.id = b.word",
    "SELECT id + word FROM items",
    "SELECT sum(word) OVER () FROM items",
    "SELECT generate_series(1, word) FROM items",
    "SELECT left(word, word) FROM items",
    "SELECT 'abc'::text + 1",
    "SELECT word::int FROM items",
    "SELECT ARRAY[word]::int[] FROM items",
    "WITH w AS (SELECT word || '1' AS x FROM items) SELECT x - 1 FROM w",
    "SELECT * FROM compared",
]
NOT_MADE = [
    "SELECT id, word, made FROM items WHERE word = '2' AND id = 1",
    "SELECT word || 'x', id + 1, upper(word), length(word), array_agg(word) OVER () FROM items",
    "SELECT '5'::int + id, date_trunc('day', made), extract(year FROM made) FROM items",
    "SELECT count(*) FROM items GROUP BY word HAVING count(*) > 0 ORDER BY word",
]


@pytest.fixture(scope="session")
def cast_database(place: Any) -> str:
    """The superuser's connection string: the role's lack of EXECUTE stops none of it."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE casts")
    dsn: str = place.server.dsn("casts")
    with psycopg.connect(dsn) as conn:
        conn.execute(SCHEMA)
    return dsn


async def test_a_cast_that_is_nowhere_written_is_noticed(
    cast_database: str, recording: Any, canary: str
) -> None:
    policy = parse_policy('version = 1\ndefault = "allow"\n')
    async with open_sandbox(cast_database, PolicyStack(owner=policy)) as (_, sandbox):
        for sql in MADE:
            outcome = await sandbox.execute(Request(sql), recording())
            assert isinstance(outcome, Failed), sql
            assert outcome.layer in ("function", "policy"), (sql, outcome)
            assert canary not in outcome.message
        for sql in NOT_MADE:
            outcome = await sandbox.execute(Request(sql), recording())
            assert not isinstance(outcome, Failed), (sql, outcome)


async def test_planning_makes_none_either(cast_database: str, canary: str) -> None:
    """PostgreSQL computes what is immutable while it plans."""
    policy = parse_policy('version = 1\ndefault = "allow"\n[limits]\ncost = 1\n')
    async with open_sandbox(cast_database, PolicyStack(owner=policy)) as (_, sandbox):
        for sql in MADE:
            outcome = await sandbox.explain(sql)
            assert isinstance(outcome, Failed), sql
            assert outcome.layer in ("function", "policy"), (sql, outcome)
            assert canary not in outcome.message
        for sql in NOT_MADE:
            outcome = await sandbox.explain(sql)
            assert not isinstance(outcome, Failed), "what is too costly has a plan"
            assert outcome.cost > 1


async def test_a_cast_that_the_policy_admits_is_made(cast_database: str, recording: Any, canary: str) -> None:
    policy = parse_policy('version = 1\ndefault = "allow"\n[functions]\nallow = ["own.to_int"]\n')
    async with open_sandbox(cast_database, PolicyStack(owner=policy)) as (_, sandbox):
        outcome = await sandbox.execute(Request(MADE[0]), recording())
        assert isinstance(outcome, Failed)
        assert outcome.layer not in ("function", "policy"), "the owner's function ran, and raised"
        assert canary not in outcome.message
