"""DDL between the reading of the catalog and the statement: what was judged is not what would be read."""

import psycopg
import pytest

from agent.check import open_sandbox
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack

POLICY = PolicyStack(
    owner=Policy.model_validate(
        {
            "default": "deny",
            "schemas": {"open": {"allow": True}, "shut": {"allow": False}},
            "tables": {"open.people": {"deny_columns": ["pin"]}},
        }
    )
)
SCHEMA = """
DROP SCHEMA IF EXISTS open, shut CASCADE;
CREATE SCHEMA open; CREATE SCHEMA shut;
CREATE TABLE shut.secrets (id int, word text); INSERT INTO shut.secrets VALUES (1, 'CANARY-SHUT');
CREATE TABLE open.plain (id int, word text); INSERT INTO open.plain VALUES (1, 'plain');
CREATE TABLE open.people (id int, word text, pin text); INSERT INTO open.people VALUES (1, 'x', 'CANARY-PIN');
CREATE TABLE open.parts (id int, word text) PARTITION BY LIST (id);
CREATE TABLE open.part_1 PARTITION OF open.parts FOR VALUES IN (1); INSERT INTO open.parts VALUES (1, 'part');
CREATE TABLE shut.part_2 (id int NOT NULL, word text); INSERT INTO shut.part_2 VALUES (2, 'CANARY-PART');
CREATE TABLE shut.heir () INHERITS (open.people); INSERT INTO shut.heir VALUES (3, 'CANARY-HEIR', '');
ALTER TABLE shut.heir NO INHERIT open.people;
CREATE TABLE shut.child (id int, word text); INSERT INTO shut.child VALUES (2, 'CANARY-CHILD');
CREATE VIEW open.seen AS SELECT id, word FROM open.plain;
CREATE VIEW open.above AS SELECT id, word FROM open.seen;
"""
VIEW = "CREATE OR REPLACE VIEW open.seen AS SELECT id, word FROM shut.secrets"


@pytest.mark.parametrize(
    ("sql", "change"),
    [
        ("SELECT word FROM open.seen", VIEW),
        ("SELECT word FROM open.above", VIEW),
        ("SELECT s.word FROM open.plain p JOIN open.seen s USING (id)", VIEW),
        (
            "SELECT word FROM open.plain",
            "ALTER TABLE open.plain RENAME TO was; CREATE VIEW open.plain AS TABLE shut.secrets",
        ),
        (
            "SELECT word FROM open.plain",
            "ALTER TABLE open.plain RENAME TO was; ALTER TABLE shut.secrets SET SCHEMA open;"
            "ALTER TABLE open.secrets RENAME TO plain; ALTER TABLE open.plain ADD marker int",
        ),
        (
            "SELECT word FROM open.parts",
            "ALTER TABLE open.parts ATTACH PARTITION shut.part_2 FOR VALUES IN (2)",
        ),
        ("SELECT word FROM open.plain", "ALTER TABLE shut.child INHERIT open.plain"),
        ("SELECT word FROM open.seen", "ALTER TABLE shut.child INHERIT open.plain"),
    ],
)
async def test_a_relation_that_changed_is_judged_anew(
    corpus: object, sql: str, change: str, recording: type, canary: str
) -> None:
    dsn = corpus.dsn  # type: ignore[attr-defined]  # the fixture's type is not importable between tests
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(SCHEMA.encode())
        async with open_sandbox(dsn, POLICY) as (_, sandbox):
            for _ in range(2):
                assert not isinstance(await sandbox.execute(Request(sql), recording()), Failed)
            owner.execute(change.encode())
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            told = sink.text + (outcome.message if isinstance(outcome, Failed) else "")
            renamed = "RENAME TO plain" in change
            assert renamed or canary not in told, outcome
            assert renamed or isinstance(outcome, Failed)
            assert not isinstance(await sandbox.execute(Request("SELECT 1"), recording()), Failed)
        owner.execute("DROP SCHEMA open, shut CASCADE")


async def test_a_view_that_is_replaced_by_a_harmless_one_goes_on(corpus: object, recording: type) -> None:
    dsn = corpus.dsn  # type: ignore[attr-defined]  # the fixture's type is not importable between tests
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(SCHEMA.encode())
        async with open_sandbox(dsn, POLICY) as (_, sandbox):
            assert not isinstance(await sandbox.execute(Request("TABLE open.seen"), recording()), Failed)
            owner.execute(
                "CREATE OR REPLACE VIEW open.seen AS SELECT id, upper(word) AS word FROM open.plain"
            )
            sink = recording()
            assert not isinstance(await sandbox.execute(Request("TABLE open.seen"), sink), Failed)
            assert sink.table == [["1", "PLAIN"]]
        owner.execute("DROP SCHEMA open, shut CASCADE")
