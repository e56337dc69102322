"""A database with values of every kind, and agents' indexes of it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import psycopg
import pytest

from agent.database import Database
from agent.gatekeeper import Gatekeeper
from agent.introspect import introspect
from agent.values.keeper import ValueKeeper
from tests.patience import HANG_SECONDS
from wire.policy import PolicyStack, parse_policy

CANARY = "Canary Seven"
SCHEMA = f"""
CREATE EXTENSION IF NOT EXISTS citext;
CREATE DOMAIN label AS text;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE staff (
    id integer PRIMARY KEY, name text, email text, phone text, city varchar(40), nick citext, tag label,
    mood mood, born date, code char(4), ref uuid, tags text[], extra jsonb
);
INSERT INTO staff
SELECT g, 'Person ' || g, 'p' || g || '@example.org', '0791' || g, (ARRAY['Zürich', 'New York'])[1 + g % 2],
       'Nick' || g, 'Tag ' || g % 3, (ARRAY['sad', 'happy'])[1 + g % 2]::mood, DATE '1990-01-01' + g, 'ab',
       gen_random_uuid(), ARRAY['x'], '{{"a": 1}}'
FROM generate_series(1, 90) AS g;
INSERT INTO staff (id, name, city) VALUES (1000, '{CANARY} hidden row', 'Nowhere {CANARY}');
UPDATE staff SET email = '{CANARY} mail ' || id, phone = '{CANARY} phone ' || id;
CREATE TABLE vault (id integer PRIMARY KEY, word text);
INSERT INTO vault VALUES (1, '{CANARY} vault');
CREATE VIEW contacts AS SELECT id, name, email, phone FROM staff;
CREATE TABLE prose (id integer, body text);
INSERT INTO prose SELECT g, repeat('long ', 40) || g FROM generate_series(1, 20) AS g;
CREATE TABLE huge (id integer, kind text, note text);
INSERT INTO huge SELECT g, 'Kind ' || g % 7, 'note ' || g FROM generate_series(1, 210000) AS g;
CREATE TABLE parts (id integer, region text) PARTITION BY LIST (region);
CREATE TABLE parts_n PARTITION OF parts FOR VALUES IN ('North');
CREATE TABLE parts_s PARTITION OF parts FOR VALUES IN ('South');
INSERT INTO parts VALUES (1, 'North'), (2, 'South');
CREATE TABLE "Odd ""Names" ("a ""b" text);
INSERT INTO "Odd ""Names" VALUES ('O''Hara \\ co');
ANALYZE;
"""
POLICY = """
default = "allow"
[tables."public.staff"]
deny_columns = ["email"]
row_filter = "id < 1000"
[tables."public.staff".masks]
phone = { kind = "partial", keep = 2 }
[tables."public.vault"]
allow = false
"""

Indexed = Callable[..., Awaitable[ValueKeeper]]


@pytest.fixture(scope="session")
def values_dsn(place: Any) -> Iterator[str]:
    """A database of these tests' own on each server."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE indexed")
    with psycopg.connect(place.server.dsn("indexed"), autocommit=True) as conn:
        conn.execute(SCHEMA)
        conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    yield place.server.dsn("indexed", user="reader", password="read")
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("DROP DATABASE indexed WITH (FORCE)")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a busy machine does not read or look up in time is unknown, and not what these tests are about."""
    monkeypatch.setattr("agent.values.keeper.LOOK_SECONDS", 60.0)
    monkeypatch.setattr("agent.values.keeper.HELD_SECONDS", 30.0)
    monkeypatch.setattr("agent.values.gathering.STATEMENT_SECONDS", HANG_SECONDS)
    monkeypatch.setattr("agent.values.gathering.BUILD_SECONDS", 10 * HANG_SECONDS)


@pytest.fixture
async def indexed(values_dsn: str) -> AsyncIterator[Indexed]:
    """Makes an index under a policy with the real gate; ``build=False`` leaves it empty."""
    async with contextlib.AsyncExitStack() as stack:

        async def at_once(took: float) -> None: ...

        async def make(
            policy: str = POLICY, *, tighten: str = "", build: bool = True, pause: Any = at_once
        ) -> ValueKeeper:
            tighteners = (parse_policy(tighten),) if tighten else ()
            both = PolicyStack(owner=parse_policy(policy), tighteners=tighteners)
            database = await stack.enter_async_context(Database(values_dsn, size=3))
            gate = Gatekeeper(database, both)
            stack.push_async_callback(gate.close)
            await gate.reload()
            keeper = ValueKeeper(database, pause=pause)
            keeper.adopt(both, gate, lambda: gate.search_path)
            keeper.heed(await introspect(database, both, functions=gate.functions, shown=gate.shown))
            if build:
                assert await keeper.build()
            return keeper

        yield make
