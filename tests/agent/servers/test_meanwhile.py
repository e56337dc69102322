"""What the owner changes between the reading of the catalog and a statement, or in a statement's middle."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.execution import Completed, Request, Sandbox
from embedded.postgres import EmbeddedPostgres
from tests.patience import HANG_SECONDS
from wire.outcome import Failed
from wire.policy import PolicyStack, parse_policy

CANARY = "CANARY"
POLICY = """
version = 1
name = "meanwhile"
default = "deny"
[tables."public.staff"]
deny_columns = ["pay"]
[tables."public.staff".masks]
phone = { kind = "null" }
[tables."public.offices"]
allow = true
[tables."public.secrets"]
allow = false
[tables."public.heir"]
allow = false
"""
SCHEMA = """
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
CREATE TABLE staff (id integer PRIMARY KEY, name text, pay text, phone text, office integer);
INSERT INTO staff SELECT g, 'Person ' || g, 'CANARY', 'CANARY', 1 FROM generate_series(1, 200) g;
CREATE TABLE offices (id integer PRIMARY KEY, town text);
INSERT INTO offices VALUES (1, 'Lund');
CREATE TABLE secrets (id integer, name text, pay text, phone text, office integer);
INSERT INTO secrets SELECT id, 'CANARY', 'CANARY', 'CANARY', 1 FROM staff;
GRANT USAGE ON SCHEMA public TO between;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO between;
"""
STATEMENT = "SELECT id, name, phone FROM staff ORDER BY id"
STAR = "SELECT * FROM staff"

CHANGES = {
    "a column is added that holds secrets": "ALTER TABLE staff ADD COLUMN note text DEFAULT 'CANARY'",
    "a shown column takes the name of another": "ALTER TABLE staff RENAME COLUMN name TO old;"
    " ALTER TABLE staff RENAME COLUMN pay TO name; ALTER TABLE staff RENAME COLUMN old TO pay;"
    " UPDATE staff SET name = 'renamed by the owner', pay = 'CANARY'",
    "a column is dropped": "ALTER TABLE staff DROP COLUMN name",
    "the masked column is dropped": "ALTER TABLE staff DROP COLUMN phone",
    "a column changes its type": "ALTER TABLE staff ALTER COLUMN name TYPE varchar(5) USING left(name, 5)",
    "the table is dropped": "DROP TABLE staff",
    "the table is renamed": "ALTER TABLE staff RENAME TO people",
    "the table moves to another schema": "CREATE SCHEMA attic; ALTER TABLE staff SET SCHEMA attic",
    "the table becomes a view of a denied one": "ALTER TABLE staff RENAME TO staff_table;"
    " CREATE VIEW staff AS SELECT * FROM secrets; GRANT SELECT ON staff TO between",
    "the table gets an heir that is denied": "CREATE TABLE heir () INHERITS (staff);"
    " INSERT INTO heir SELECT 900, 'CANARY', 'CANARY', 'CANARY', 1; GRANT SELECT ON heir TO between",
    "the table gets row level security": "ALTER TABLE staff ENABLE ROW LEVEL SECURITY",
    "the grant is revoked": "REVOKE SELECT ON staff FROM between",
    "the grant shrinks to a column": "REVOKE SELECT ON staff FROM between;"
    " GRANT SELECT (id) ON staff TO between",
    "the schema is closed": "REVOKE USAGE ON SCHEMA public FROM between",
    "everything is granted": "GRANT ALL ON ALL TABLES IN SCHEMA public TO between",
    "a function shadows a built-in": "CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql"
    " AS $$ SELECT pay FROM secrets LIMIT 1 $$",
}


@pytest.fixture(scope="module")
def database(pooled_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A server with a role and a database for it."""
    with psycopg.connect(pooled_server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE ROLE between LOGIN PASSWORD 'b' NOINHERIT")
        conn.execute("CREATE DATABASE meanwhile")
    return pooled_server


@pytest.fixture
async def between(database: EmbeddedPostgres) -> AsyncIterator[tuple[str, Any]]:
    """The role's connection string to a fresh schema, and the owner's connection."""
    async with await psycopg.AsyncConnection.connect(database.dsn("meanwhile"), autocommit=True) as owner:
        await owner.execute(SCHEMA)
        yield database.dsn("meanwhile", user="between", password="b"), owner


def told(sink: Any, outcome: Any) -> str:
    """All that a statement let out."""
    said = outcome.message + outcome.hint if isinstance(outcome, Failed) else ""
    return b"".join(sink.bodies).decode() + said


async def settled(sandbox: Sandbox, make_sink: Any) -> None:
    """The next statements are answered; one about the change itself may have taken a new look."""
    for sql in ("SELECT town FROM offices", "SELECT 1"):
        outcome = await sandbox.execute(Request(sql), make_sink())
        if isinstance(outcome, Failed):
            assert outcome.sqlstate in ("42501", "42P01", None), outcome
        else:
            return
    pytest.fail("nothing is answered any more")


@pytest.mark.parametrize("what", list(CHANGES))
async def test_between_catalog_and_statement(between: tuple[str, Any], what: str, make_sink: Any) -> None:
    dsn, owner = between
    async with open_sandbox(dsn, PolicyStack(owner=parse_policy(POLICY))) as (_, sandbox):
        for sql in (STATEMENT, STAR):
            assert isinstance(await sandbox.execute(Request(sql), make_sink()), Completed)
        for command in CHANGES[what].split("; "):
            await owner.execute(command.encode())
        for sql in (STATEMENT, STAR):
            await _holds(sandbox, sql, make_sink)


async def _holds(sandbox: Sandbox, sql: str, make_sink: Any) -> None:
    """The statement ends in a named way, shows nothing that is denied, and the next ones are answered."""
    for _ in range(2):  # once more, when the catalog may have been read anew
        outcome = await sandbox.execute(Request(sql), sink := make_sink())
        assert CANARY not in told(sink, outcome), outcome
        if isinstance(outcome, Failed):
            assert outcome.code in ("database", "policy"), outcome
            assert outcome.message
            assert outcome.code == "policy" or outcome.sqlstate in ("42703", "42P01", "42501", "3F000")
        await settled(sandbox, make_sink)


@pytest.mark.parametrize("what", ["the grant is revoked", "the table is dropped", "everything is granted"])
async def test_in_the_middle_of_a_statement(between: tuple[str, Any], what: str, make_sink: Any) -> None:
    """What has begun sees the database as it was when it began; DDL that needs the table waits for it."""
    dsn, owner = between
    sql = "SELECT a.id, b.name FROM staff a, staff b ORDER BY 1 LIMIT 1500"
    async with open_sandbox(dsn, PolicyStack(owner=parse_policy(POLICY))) as (_, sandbox):

        class Slow(type(make_sink())):  # type: ignore[misc]  # the class is known to the fixture alone
            async def rows(self, body: bytes, row_count: int) -> None:
                await super().rows(body, row_count)
                changing.set()
                await asyncio.sleep(0.05)

        changing = asyncio.Event()
        sink = Slow()
        running = asyncio.create_task(sandbox.execute(Request(sql), sink))
        await asyncio.wait_for(changing.wait(), HANG_SECONDS)
        await asyncio.wait_for(owner.execute(CHANGES[what].encode()), HANG_SECONDS)
        outcome = await asyncio.wait_for(running, HANG_SECONDS)
        assert isinstance(outcome, Completed), outcome
        assert outcome.rows == 1500
        assert CANARY not in told(sink, outcome)
        await settled(sandbox, make_sink)


async def test_a_role_that_is_locked_out(between: tuple[str, Any], make_sink: Any) -> None:
    """Open connections stay good, as PostgreSQL has it; when they are gone it is said, and it heals."""
    dsn, owner = between
    async with open_sandbox(dsn, PolicyStack(owner=parse_policy(POLICY))) as (_, sandbox):
        await owner.execute("ALTER ROLE between NOLOGIN")
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'between'"
        )
        outcome = await asyncio.wait_for(sandbox.execute(Request(STATEMENT), make_sink()), HANG_SECONDS)
        assert isinstance(outcome, Failed), outcome
        assert outcome.code == "database_unavailable"
        assert outcome.retryable
        assert outcome.hint
        await owner.execute("ALTER ROLE between LOGIN")
        for _ in range(20):
            healed = await sandbox.execute(Request(STATEMENT), make_sink())
            if isinstance(healed, Completed):
                return
            await asyncio.sleep(0.5)
        pytest.fail(f"it did not heal: {healed}")
