"""Snapshots of a real database: what the policy or the role hides is not in them at all."""

from typing import Any

import psycopg
import pytest

from agent.database import Database
from agent.introspect import QUERIES, changes, introspect, names_shown
from wire.policy import Policy, parse_policy

EVERYTHING = Policy(default="allow")


async def test_tables_of_every_kind(database: Database) -> None:
    snapshot = await introspect(database, EVERYTHING)
    kinds = {table.qualified_name: table.kind for table in snapshot.tables}
    assert kinds == {
        "other.notes": "table",
        "public.adults": "view",
        "public.events": "partitioned_table",
        "public.events_2024": "partition",
        "public.people": "table",
        "public.secrets": "table",
        "public.tasks": "table",
    }
    partition = snapshot.table("public", "events_2024")
    assert partition is not None
    assert partition.partition_of == "public.events"
    assert snapshot.search_path == ["public"]
    assert snapshot.database == "work"


async def test_columns_types_keys_comments_and_labels(database: Database) -> None:
    people = (await introspect(database, EVERYTHING)).table("public", "people")
    assert people is not None
    assert [(column.name, column.type) for column in people.columns] == [
        ("id", "integer"),
        ("name", "text"),
        ("email", "text"),
        ("mood", "mood"),
        ("born", "date"),
        ("pay", "numeric(12,2)"),
    ]
    assert people.comment == "Everyone who works here"
    assert people.primary_key == ["id"]
    assert people.unique_keys == [["email"]]
    assert people.row_estimate == 100
    mood, name = people.column("mood"), people.column("name")
    assert mood is not None
    assert name is not None
    assert mood.enum_values == ["sad", "ok", "happy"]
    assert (name.comment, name.nullable) == ("Given and family name", False)


POLICY = """
default = "deny"
[schemas.public]
allow = true
[tables."public.secrets"]
allow = false
[tables."public.people"]
deny_columns = ["email"]
row_filter = "id < 50"
[tables."public.people".masks]
name = { kind = "hash" }
"""


async def test_what_is_denied_leaves_no_trace(database: Database) -> None:
    snapshot = await introspect(database, parse_policy(POLICY))
    text = snapshot.model_dump_json()
    for hidden in ("secrets", "email", "Private address", "other", "notes"):
        assert hidden not in text
    people, tasks = snapshot.table("public", "people"), snapshot.table("public", "tasks")
    assert people is not None
    assert tasks is not None
    assert people.unique_keys == []
    assert people.row_estimate is None
    assert people.column("name").masked  # type: ignore[union-attr]
    assert [key.to_table for key in tasks.foreign_keys] == ["people"]


async def test_a_partition_of_a_denied_parent_names_no_parent(database: Database) -> None:
    policy = parse_policy('default = "allow"\n[tables."public.events"]\nallow = false')
    snapshot = await introspect(database, policy)
    partition = snapshot.table("public", "events_2024")
    assert partition is not None
    assert partition.partition_of is None


async def test_what_the_role_may_not_select_is_absent(database: Database, place: Any) -> None:
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute("REVOKE SELECT ON people, secrets FROM reader")
        owner.execute("GRANT SELECT (id, name) ON people TO reader")
    try:
        snapshot = await introspect(database, EVERYTHING)
    finally:
        with psycopg.connect(place.owner, autocommit=True) as owner:
            owner.execute("REVOKE SELECT (id, name) ON people FROM reader")
            owner.execute("GRANT SELECT ON people, secrets TO reader")
    people = snapshot.table("public", "people")
    assert people is not None
    assert [column.name for column in people.columns] == ["id", "name"]
    assert snapshot.table("public", "secrets") is None


async def test_samples_only_where_they_are_shared(database: Database, place: Any) -> None:
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute("CREATE TABLE plans (id integer, tier text, code text)")
        owner.execute(
            "INSERT INTO plans SELECT g, (ARRAY['gold','silver'])[1 + g % 2], 'c' || g % 3"
            " FROM generate_series(1, 500) g"
        )
        owner.execute("ANALYZE plans")
        owner.execute("GRANT SELECT ON plans TO reader")
    try:
        shared = parse_policy('default = "allow"\n[tables."public.plans".masks]\ncode = {kind = "null"}')
        silent = parse_policy('default = "allow"\n[share]\nmodel = "schema"')
        plans = (await introspect(database, shared)).table("public", "plans")
        quiet = (await introspect(database, silent)).table("public", "plans")
    finally:
        with psycopg.connect(place.owner, autocommit=True) as owner:
            owner.execute("DROP TABLE plans")
    assert plans is not None
    assert quiet is not None
    assert sorted(plans.column("tier").samples) == ["gold", "silver"]  # type: ignore[union-attr]
    assert plans.column("code").samples == []  # type: ignore[union-attr]
    assert sorted(plans.column("tier").values) == ["gold", "silver"]  # type: ignore[union-attr]
    assert all(column.samples == column.values == [] for column in quiet.columns)


async def test_the_fingerprint_is_of_the_structure(database: Database, place: Any) -> None:
    before = await introspect(database, EVERYTHING)
    assert (await introspect(database, EVERYTHING)).fingerprint == before.fingerprint
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute("ALTER TABLE other.notes ADD COLUMN at timestamptz")
    try:
        after = await introspect(database, EVERYTHING)
    finally:
        with psycopg.connect(place.owner, autocommit=True) as owner:
            owner.execute("ALTER TABLE other.notes DROP COLUMN at")
    assert after.fingerprint != before.fingerprint
    changed, removed = changes(before, after)
    assert ([table.name for table in changed], removed) == (["notes"], [])


async def test_odd_names_survive(database: Database, place: Any) -> None:
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute('CREATE TABLE "Sélect ""x"".y" ("a b" integer, "ü%s" text PRIMARY KEY)')
        owner.execute('GRANT SELECT ON "Sélect ""x"".y" TO reader')
    try:
        snapshot = await introspect(database, EVERYTHING)
    finally:
        with psycopg.connect(place.owner, autocommit=True) as owner:
            owner.execute('DROP TABLE "Sélect ""x"".y"')
    table = snapshot.table("public", 'Sélect "x".y')
    assert table is not None
    assert [column.name for column in table.columns] == ["a b", "ü%s"]


async def test_names_shown_are_those_of_the_snapshot(database: Database) -> None:
    names = names_shown(await introspect(database, parse_policy(POLICY)))
    assert {"public", "people", "public.people", "born"} <= names
    assert not {"email", "secrets"} & names


@pytest.mark.parametrize("name", ["server", "relations", "columns", "keys", "enums", "samples", "values"])
def test_every_query_is_named(name: str) -> None:
    assert QUERIES[name].upper().startswith(("SELECT", "WITH", "--"))
