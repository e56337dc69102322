"""The sandbox on PostgreSQL 13 to 18: attacks held, questions answered, every type read; 12 is refused.

A few statements of each class run here. ``make servers`` runs every one, on every version, and the agent's
other tests beside them.
"""

import asyncio
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.database import Database, text_adapters
from agent.errors import DatabaseUnavailable
from agent.execution import Completed, Request
from agent.introspect import introspect
from tests.patience import HANG_SECONDS
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack, parse_policy

CANARY = "CANARY"
NOT_KNOWN_TO_AN_OLDER_SERVER = ("42", "0A")
"""Classes of sqlstates by which a server says that it does not know what a statement uses."""

TYPES = """
CREATE SCHEMA kinds;
CREATE TYPE kinds.mood AS ENUM ('sad', 'happy');
CREATE TYPE kinds.pair AS (a integer, b text);
CREATE DOMAIN kinds.even AS integer CHECK (VALUE % 2 = 0);
CREATE TYPE kinds.span AS RANGE (subtype = date);
DO $$
DECLARE kind record; sample text; ddl text := ''; vals text := '';
BEGIN
  FOR kind IN
    SELECT t.oid::regtype::text AS name, 'c' || t.oid AS col FROM pg_type t
    WHERE t.typtype IN ('b', 'r', 'm', 'e', 'd') AND t.typrelid = 0
      AND t.typnamespace IN ('pg_catalog'::regnamespace, 'kinds'::regnamespace)
      AND t.typname NOT LIKE 'pg\\_%'
      AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typtype IN ('c', 'p'))
    ORDER BY t.oid
  LOOP
    FOREACH sample IN ARRAY ARRAY[
      '1', 'a', '2', 'true', '2020-02-29', '12:34:56', '1 day', '{}', '(1,2)', '(0,0),(1,1)', '<(0,0),1>',
      '{1,2,3}', '((0,0),(1,1))', '10.0.0.1', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 'empty',
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '<a/>', '0/1', '10:20:', '(0,1)', 'happy', '{"a":1}',
      'pg_class', 'now', 'english', 'simple', 'public', 'postgres', 'sum(integer)',
      'abs(integer)', '*(integer,integer)', '$'
    ] LOOP
      BEGIN
        EXECUTE format('SELECT %L::%s', sample, kind.name);
        ddl := ddl || format(', %I %s', kind.col, kind.name);
        vals := vals || format(', %L', sample);
        EXIT;
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
    END LOOP;
  END LOOP;
  EXECUTE 'CREATE TABLE kinds.every (' || substr(ddl, 3) || ', p kinds.pair)';
  EXECUTE 'INSERT INTO kinds.every VALUES (' || substr(vals, 3) || ', ROW(1, ''x''))';
  EXECUTE 'INSERT INTO kinds.every DEFAULT VALUES';
END $$;
"""
KINDS_AT_LEAST = 120


async def test_no_attack_passes(filled: Any, hostile: list[Any], policy_text: Any, make_sink: Any) -> None:
    stack = PolicyStack(owner=parse_policy(policy_text("policy.toml")))
    before, passed, leaked = filled.digest(), [], []
    async with open_sandbox(filled.dsn, stack) as (_, sandbox):
        for case in hostile:
            sink = make_sink()
            outcome = await sandbox.execute(Request(case.sql), sink)
            if not isinstance(outcome, Failed) and not case.bounded:
                passed.append(case.sql)
            told = b"".join(sink.bodies).decode() + (outcome.message if isinstance(outcome, Failed) else "")
            if CANARY in told:
                leaked.append(case.sql)
        after = await sandbox.execute(Request("SELECT 1"), make_sink())
    assert (passed, leaked) == ([], [])
    assert isinstance(after, Completed)
    assert filled.digest() == before


async def test_what_the_server_takes_the_sandbox_takes(
    filled: Any, legitimate: list[Any], policy_text: Any, make_sink: Any
) -> None:
    """And means the same: compared with what the server answers to the text as it came."""
    stack = PolicyStack(owner=parse_policy(policy_text("open.toml")))
    context = type("Context", (), {"adapters": text_adapters(), "connection": None})()
    refused, different, unknown = [], [], []
    async with (
        await psycopg.AsyncConnection.connect(filled.dsn, context=context, autocommit=True) as plain,
        open_sandbox(filled.dsn, stack) as (_, sandbox),
    ):
        for case in legitimate:
            sink = make_sink()
            outcome = await sandbox.execute(Request(case.sql), sink)
            try:
                expected = await (await plain.execute(case.sql.encode())).fetchall()
            except psycopg.Error as error:
                unknown.append((error.sqlstate or "", isinstance(outcome, Failed), case.sql))
                continue
            if isinstance(outcome, Failed):
                refused.append((case.sql[:300], outcome.message))
            elif "random()" not in case.sql and sorted(map(str, map(list, expected))) != sorted(
                map(str, sink.values)
            ):
                different.append(case.sql[:300])
    assert (refused, different) == ([], [])
    assert all(state.startswith(NOT_KNOWN_TO_AN_OLDER_SERVER) and failed for state, failed, _ in unknown)
    assert not unknown or filled.server.major < 18


async def test_a_result_of_every_type(filled: Any, make_sink: Any) -> None:
    """A row with a value and a row of nulls in a column of every type that the server has."""
    with psycopg.connect(filled.dsn, autocommit=True) as owner:
        owner.execute(TYPES.encode())
    context = type("Context", (), {"adapters": text_adapters(), "connection": None})()
    try:
        async with (
            await psycopg.AsyncConnection.connect(filled.dsn, context=context) as plain,
            open_sandbox(filled.dsn, PolicyStack(owner=Policy(default="allow"))) as (_, sandbox),
        ):
            expected = await (await plain.execute("SELECT * FROM kinds.every")).fetchall()
            sink = make_sink()
            outcome = await sandbox.execute(Request("SELECT * FROM kinds.every"), sink)
        assert isinstance(outcome, Completed), outcome
        assert sorted(map(str, map(list, expected))) == sorted(map(str, sink.values))
        assert len(sink.names) >= KINDS_AT_LEAST
        assert all(column.type for column in sink.names)
    finally:
        with psycopg.connect(filled.dsn, autocommit=True) as owner:
            owner.execute("DROP SCHEMA kinds CASCADE")


async def test_the_snapshot_is_of_this_server(filled: Any, policy_text: Any) -> None:
    policy = parse_policy(policy_text("policy.toml"))
    async with (
        open_sandbox(filled.dsn, PolicyStack(owner=policy)) as (gate, _),
        Database(filled.dsn, size=1) as database,
    ):
        snapshot = await introspect(database, policy, shown=gate.shown)
    assert snapshot.server_version // 10_000 == filled.server.major
    assert CANARY not in snapshot.model_dump_json()
    assert {"shop.customers", "shop.orders", "shop.monthly", "shop.visits_2024"} <= {
        table.qualified_name for table in snapshot.tables
    }


_AT_WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%FETCH%%'"
    " AND pid <> pg_backend_pid() AND datname = 'corpus'"
)


async def test_time_and_cancel_hold(filled: Any, policy_text: Any, make_sink: Any) -> None:
    policy = parse_policy(policy_text("open.toml"))
    limits = policy.limits.model_copy(update={"statement_seconds": HANG_SECONDS})
    patient = policy.model_copy(update={"limits": limits})
    slow = "SELECT count(*) FROM shop.orders a, shop.orders b, shop.orders c, shop.orders d, shop.orders e"
    async with open_sandbox(filled.dsn, PolicyStack(owner=patient)) as (_, sandbox):
        outcome = await sandbox.execute(Request(slow, timeout_seconds=1), make_sink())
        assert isinstance(outcome, Failed)
        assert outcome.code in ("timeout", "limit")
        with psycopg.connect(filled.dsn, autocommit=True) as owner:
            async with asyncio.timeout(HANG_SECONDS):
                while owner.execute(_AT_WORK).fetchone() != (0,):  # noqa: ASYNC110  # another process
                    await asyncio.sleep(0.05)
        assert isinstance(await sandbox.execute(Request("SELECT 1"), make_sink()), Completed)


async def test_an_older_server_is_refused_in_words(too_old: Any) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"PostgreSQL 12\.\d+.*13 or newer") as caught:
        async with open_sandbox(too_old.dsn(), PolicyStack(owner=Policy(default="allow"))):
            pass
    assert "pgrade" in caught.value.hint
