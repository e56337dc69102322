"""Whether a catalog has changed is one query: it misses nothing that a snapshot shows."""

from typing import Any

import psycopg
import pytest

from agent.database import Database
from agent.introspect import catalog_state
from agent.policy_file import PolicyFile
from agent.runtime import Runtime
from wire.messages import Introspect, parse_from_agent

CHANGES = [
    "CREATE TABLE other.fresh (id integer)",
    "ALTER TABLE other.fresh ADD note text",
    "ALTER TABLE other.fresh ALTER note TYPE varchar(10)",
    "ALTER TABLE other.fresh ALTER note SET NOT NULL",
    "ALTER TABLE other.fresh ALTER note SET DEFAULT 'x'",
    "ALTER TABLE other.fresh ADD PRIMARY KEY (id)",
    "ALTER TABLE other.fresh RENAME note TO remark",
    "COMMENT ON TABLE other.fresh IS 'new'",
    "COMMENT ON COLUMN other.fresh.remark IS 'new'",
    "COMMENT ON TABLE other.fresh IS 'newer'",
    "GRANT SELECT ON other.fresh TO reader",
    "REVOKE SELECT ON other.fresh FROM reader",
    "GRANT SELECT (id) ON other.fresh TO reader",
    "CREATE VIEW other.seen AS SELECT id FROM other.fresh",
    "CREATE OR REPLACE VIEW other.seen AS SELECT id + 1 AS id FROM other.fresh",
    "CREATE TYPE other.kind AS ENUM ('a')",
    "ALTER TYPE other.kind ADD VALUE 'b'",
    "ALTER TYPE other.kind RENAME VALUE 'b' TO 'c'",
    "CREATE FUNCTION other.twice(x integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT x * 2'",
    "DROP FUNCTION other.twice",
    "ALTER TABLE other.fresh RENAME TO renamed",
    "ALTER TABLE other.renamed DROP remark",
    "CREATE SCHEMA further",
    "REVOKE USAGE ON SCHEMA other FROM reader",
    "GRANT USAGE ON SCHEMA other TO reader",
    "ALTER ROLE reader SET search_path = other",
    "ALTER ROLE reader RESET search_path",
    "CREATE ROLE group_of_readers; GRANT group_of_readers TO reader",
    "DROP ROLE group_of_readers",
    "DROP VIEW other.seen",
    "DROP TABLE other.renamed; DROP TYPE other.kind; DROP SCHEMA further",
]
SAME = [
    "INSERT INTO other.notes VALUES (100, 'x'); DELETE FROM other.notes WHERE id = 100",
    "ANALYZE people",
    "VACUUM people",
    "VACUUM FREEZE people",
]


async def _state(place: Any) -> str:
    # A connection of its own: settings of a role hold from its next connection on.
    async with Database(place.dsn, size=1) as database:
        return await catalog_state(database)


async def test_every_change_is_seen_and_nothing_else(place: Any) -> None:
    with psycopg.connect(place.owner, autocommit=True) as owner:
        before = await _state(place)
        for statement in CHANGES:
            owner.execute(statement.encode())
            after = await _state(place)
            assert after != before, statement
            before = after
        for statement in SAME:
            owner.execute(statement.encode())
            assert await _state(place) == before, statement


@pytest.fixture
def policy_file(tmp_path: Any) -> PolicyFile:
    path = tmp_path / "policy.toml"
    path.write_text('version = 1\ndefault = "allow"\n')
    return PolicyFile(path)


async def test_an_unchanged_catalog_is_not_read_again(
    place: Any, database: Database, judges: Any, policy_file: PolicyFile
) -> None:
    runtime = Runtime(database, policy_file, judges=lambda database, policy: judges())
    first = await runtime.refresh()
    assert await runtime.refresh() is first
    with psycopg.connect(place.owner, autocommit=True) as owner:
        owner.execute("COMMENT ON TABLE other.notes IS 'changed'")
        try:
            second = await runtime.refresh()
            assert second is not first
            asked = Introspect(request_id="r", known=second.fingerprint, accepts=["zlib"])
            (frame,) = await runtime.describe(asked, max_bytes=10**6)
            assert parse_from_agent(frame).type == "unchanged"
            assert len(frame) < 1024
        finally:
            owner.execute("COMMENT ON TABLE other.notes IS NULL")
    await runtime.close()
