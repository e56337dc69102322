"""Roles that an agent must not have, on real servers, and the script that makes the right one."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from agent.doctor import Danger, examine
from agent.grants import needed, script
from agent.sandbox.catalog import Catalog
from wire.policy import Policy, PolicyStack

SCHEMA = """
CREATE SCHEMA app;
CREATE SCHEMA vault;
CREATE TABLE app.people (id int PRIMARY KEY, name text, email text, region text);
CREATE TABLE vault.secrets (id int, value text);
CREATE VIEW app.names AS SELECT id, name, email FROM app.people;
CREATE MATERIALIZED VIEW app.emails AS SELECT email FROM app.people;
CREATE SEQUENCE app.numbers;
CREATE FUNCTION app.definer() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION app.definer() FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE TEMPORARY ON DATABASE doctor FROM PUBLIC;
CREATE ROLE good;
CREATE ROLE owner_of_something;
"""

POLICY = PolicyStack(
    owner=Policy.model_validate(
        {
            "tables": {
                "app.people": {"deny_columns": ["email", "region"], "row_filter": "region = 'EU'"},
                "app.names": {"allow": True},
                "app.emails": {"allow": True},
            }
        }
    )
)

DANGERS = [
    ("superuser", "ALTER ROLE {role} SUPERUSER"),
    ("bypasses_rls", "ALTER ROLE {role} BYPASSRLS"),
    ("creates_roles", "ALTER ROLE {role} CREATEROLE"),
    ("creates_databases", "ALTER ROLE {role} CREATEDB"),
    ("replicates", "ALTER ROLE {role} REPLICATION"),
    ("member", "GRANT pg_read_server_files TO {role}"),
    ("member", "GRANT pg_execute_server_program TO {role}"),
    ("member", "GRANT pg_write_all_data TO {role}"),
    ("member", "GRANT pg_signal_backend TO {role}"),
    ("owns_database", "ALTER DATABASE doctor OWNER TO {role}"),
    ("owns", "CREATE TABLE app.own_{role} (); ALTER TABLE app.own_{role} OWNER TO {role}"),
    ("writes", "GRANT INSERT ON app.people TO {role}"),
    ("writes", "GRANT UPDATE (name) ON app.people TO {role}"),
    ("writes", "GRANT TRUNCATE ON vault.secrets TO {role}"),
    ("writes_sequence", "GRANT USAGE ON SEQUENCE app.numbers TO {role}"),
    ("creates", "GRANT CREATE ON SCHEMA app TO {role}"),
    ("creates_schemas", "GRANT CREATE ON DATABASE doctor TO {role}"),
    ("dangerous_function", "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_file(text) TO {role}"),
    ("sees_more", "GRANT SELECT ON app.people TO {role}"),
    ("sees_more", "GRANT USAGE ON SCHEMA vault TO {role}; GRANT SELECT (value) ON vault.secrets TO {role}"),
    ("member", "GRANT pg_read_all_data TO {role}"),
    (
        "foreign_server",
        "CREATE FOREIGN DATA WRAPPER w_{role}; CREATE SERVER s_{role} FOREIGN DATA WRAPPER w_{role};"
        " GRANT USAGE ON FOREIGN SERVER s_{role} TO {role}",
    ),
]
WARNINGS = [
    ("temporary_tables", "GRANT TEMPORARY ON DATABASE doctor TO {role}"),
    ("definer_function", "GRANT EXECUTE ON FUNCTION app.definer() TO {role}"),
]


@pytest.fixture(scope="session")
def doctors_database(place: Any) -> str:
    """The superuser's connection string of a database with nothing granted to anybody."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE doctor")
    with psycopg.connect(place.server.dsn("doctor"), autocommit=True) as conn:
        conn.execute(SCHEMA)
    return str(place.server.dsn("doctor"))


@pytest.fixture
async def owner(doctors_database: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A superuser's connection; what it does is undone."""
    async with await psycopg.AsyncConnection.connect(doctors_database) as connection:
        yield connection
        await connection.rollback()


async def _as_role(
    owner: psycopg.AsyncConnection[Any], role: str, *statements: str, stack: PolicyStack = POLICY
) -> list[Danger]:
    for statement in statements:
        await owner.execute(statement.encode())
    await owner.execute(f"SET LOCAL ROLE {role}".encode())
    return await examine(owner, stack)


@pytest.mark.parametrize(("code", "grant"), DANGERS)
async def test_dangerous_roles_are_refused_and_the_grant_is_named(
    owner: psycopg.AsyncConnection[Any], code: str, grant: str
) -> None:
    if "_all_data" in grant and owner.info.server_version < 140_000:
        pytest.skip("PostgreSQL has this role from 14 on")
    made = ["CREATE ROLE bad NOINHERIT", "GRANT USAGE ON SCHEMA app TO bad", grant.format(role="bad")]
    found = [danger for danger in await _as_role(owner, "bad", *made) if danger.code == code]
    assert found
    assert all(danger.severity == "refuse" and "bad" in danger.what and danger.remedy for danger in found)


@pytest.mark.parametrize(("code", "grant"), WARNINGS)
async def test_lesser_dangers_are_told(owner: psycopg.AsyncConnection[Any], code: str, grant: str) -> None:
    made = ["CREATE ROLE bad NOINHERIT", "GRANT USAGE ON SCHEMA app TO bad", grant.format(role="bad")]
    found = await _as_role(owner, "bad", *made)
    assert [(danger.code, danger.severity) for danger in found] == [(code, "warn")]


async def test_the_script_makes_a_role_that_is_not_refused(owner: psycopg.AsyncConnection[Any]) -> None:
    text = script(POLICY, await Catalog.load(owner), "made")
    assert await _as_role(owner, "made", text, text) == []
    await owner.execute("RESET ROLE")
    assert await _as_role(owner, "made") == [], "run twice is run once"


async def test_the_script_grants_what_is_needed_and_no_more(owner: psycopg.AsyncConnection[Any]) -> None:
    catalog = await Catalog.load(owner)
    granted = {catalog.relations[oid].qualified_name: names for oid, names in needed(POLICY, catalog).items()}
    # region is hidden and yet needed, by the row filter; the view is read through its table.
    assert granted == {"app.people": ("id", "name", "region")}


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        ("id IN (SELECT id FROM vault.secrets WHERE value = 'x')", ("id", "value")),
        ("EXISTS (SELECT FROM vault.secrets s WHERE s.id = people.id)", ("id",)),
        ("(SELECT count(*) FROM vault.secrets) > 0", ("id",)),
        ("region IN (SELECT s FROM (SELECT * FROM vault.secrets) AS f(i, s))", ("id", "value")),
        ("id IN (WITH v AS (SELECT value FROM vault.secrets) SELECT length(value) FROM v)", ("id", "value")),
    ],
)
async def test_what_a_row_filter_asks_is_granted_as_well(
    owner: psycopg.AsyncConnection[Any], condition: str, columns: tuple[str, ...]
) -> None:
    """A table that nobody may ask, and without which the one that is filtered could not be read."""
    stack = PolicyStack(owner=Policy.model_validate({"tables": {"app.people": {"row_filter": condition}}}))
    catalog = await Catalog.load(owner)
    granted = {catalog.relations[oid].qualified_name: names for oid, names in needed(stack, catalog).items()}
    assert granted["vault.secrets"] == columns
    assert await _as_role(owner, "made", script(stack, catalog, "made"), stack=stack) == []
    await owner.execute(f"SELECT count(*) FROM app.people WHERE {condition}".encode())


@pytest.mark.parametrize(
    ("policy", "columns", "dangers"),
    [
        ({"deny_columns": ["email"]}, "id, name", []),
        ({"deny_columns": ["email"]}, "id, email", ["sees_more"]),
        ({"masks": {"name": {"kind": "null"}}}, "id, name", ["sees_more"]),
        ({"row_filter": "region = 'EU'"}, "id", ["sees_more"]),
    ],
)
async def test_a_view_may_be_read_where_it_shows_no_more_than_the_policy(
    owner: psycopg.AsyncConnection[Any], policy: dict[str, Any], columns: str, dangers: list[str]
) -> None:
    stack = PolicyStack(
        owner=Policy.model_validate({"tables": {"app.people": policy, "app.names": {"allow": True}}})
    )
    text = script(stack, await Catalog.load(owner), "made")
    found = await _as_role(owner, "made", text, f"GRANT SELECT ({columns}) ON app.names TO made", stack=stack)
    assert [danger.code for danger in found] == dangers


async def test_a_stricter_policy_takes_grants_away(owner: psycopg.AsyncConnection[Any]) -> None:
    catalog = await Catalog.load(owner)
    wide = PolicyStack(owner=Policy.model_validate({"default": "allow"}))
    await owner.execute(script(wide, catalog, "made").encode())
    assert await _as_role(owner, "made", script(POLICY, catalog, "made")) == []


async def test_an_odd_role_name_is_quoted(owner: psycopg.AsyncConnection[Any]) -> None:
    text = script(POLICY, await Catalog.load(owner), """o'd"d; role""")
    await owner.execute(text.encode())
