"""A fourth schema: a mobile network with the extensions that such databases have, and traps beside them.

Overloads and operators of the owner's next to an extension's, types that the owner's functions order and
check, views that are windows on what may not be read, and statements that grow until a server is gone.
"""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.database import text_adapters
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack, TableRule, parse_policy

HERE = Path(__file__).parent / "fourth"
GATE = {"bytes", "parse", "shape", "function", "bounds", "policy"}
SAID_BY_THE_SERVER = 9
"""Hostile statements that name what the text to run does not have: a column, or PostgreSQL's own operator
for such values."""
LEGITIMATE_AT_LEAST = 280
HOSTILE_AT_LEAST = 480


def statements(file: str) -> list[str]:
    """The statements of a file, with an empty line between them."""
    return re.split(r"\n[ \t]*\n", (HERE / file).read_text(encoding="utf-8").strip())


def answerable(major: int, file: str = "legitimate.txt") -> list[str]:
    """The statements that a server of this version knows."""
    return [
        sql
        for sql in statements(file)
        if not ((since := re.match(r"-- from (\d+)\n", sql)) and int(since[1]) > major)
    ]


@pytest.fixture(scope="session")
def fourth(place: Any) -> tuple[str, int]:
    """The superuser's connection string for the schema, and the server's major version."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE fourth")
        conn.execute("ALTER DATABASE fourth SET timezone = 'UTC'")
        conn.execute("ALTER DATABASE fourth SET search_path = crm, billing, public")
    dsn: str = place.server.dsn("fourth")
    with psycopg.connect(dsn) as conn:
        conn.execute((HERE / "schema.sql").read_bytes())
    return dsn, place.major


def read(name: str) -> Policy:
    return parse_policy((HERE / name).read_text(encoding="utf-8"))


async def test_no_attack_passes(
    fourth: tuple[str, int], recording: Any, canary: str, write_part: Any
) -> None:
    dsn, major = fourth
    passed, late, leaked = [], [], []
    attacks = answerable(major, "hostile.txt")
    async with open_sandbox(dsn, PolicyStack(owner=read("policy.toml"))) as (_, sandbox):
        for sql in attacks:
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            if not isinstance(outcome, Failed):
                passed.append(sql)
            elif outcome.layer not in GATE:
                late.append((sql, outcome.message))
            if canary in sink.text or (isinstance(outcome, Failed) and canary in outcome.message):
                leaked.append(sql)
    gate = len(attacks) - len(late) - len(passed)
    write_part(
        f"fourth {major}",
        [
            f"**Fourth schema, PostgreSQL {major}**, whole sandbox on a superuser's connection:"
            f" {len(attacks)} hostile statements, {gate} stopped by the gate, {len(late)}"
            f" by the database, {len(passed)} by nothing; {len(leaked)} canaries."
        ],
    )
    assert (passed, leaked) == ([], [])
    assert len(late) <= SAID_BY_THE_SERVER, late
    assert len(statements("hostile.txt")) >= HOSTILE_AT_LEAST


OF_ITS_OWN_TIME = re.compile(r"TABLESAMPLE|now\(\)|clock_timestamp")
WITHOUT_ITS_TYPE = re.compile(r"billing\.by_month|FROM ONLY|crm\.writable|\bkv\b")
"""A stored view over filtered rows is denied; tables without a filter are left out."""


@pytest.mark.parametrize("filtered", [False, True])
async def test_every_question_has_the_answer_that_it_has_without_a_sandbox(
    fourth: tuple[str, int], recording: Any, filtered: bool
) -> None:
    """Where nothing is hidden, and again with every table behind a filter that is always true."""
    dsn, major = fourth
    policy = read("open.toml")
    if filtered:
        tables = ["crm.subscribers", "Net Ops.Cell Sites", "Net Ops.cdr", "billing.invoices", "billing.plans"]
        tables += ["crm.tickets", "public.user", "crm.loudly"]
        rules = {name: TableRule(row_filter="true") for name in tables}
        policy = policy.model_copy(update={"tables": rules})
    context = type("Context", (), {"adapters": text_adapters(), "connection": None})()
    different = []
    async with (
        await psycopg.AsyncConnection.connect(dsn, context=context, autocommit=True) as plain,
        open_sandbox(dsn, PolicyStack(owner=policy)) as (_, sandbox),
    ):
        for sql in answerable(major):
            if OF_ITS_OWN_TIME.search(sql) or (filtered and WITHOUT_ITS_TYPE.search(sql)):
                continue
            sink = recording()
            outcome = await sandbox.execute(Request(sql), sink)
            cursor = await plain.execute(sql.encode())
            assert cursor.description is not None
            rows = [list(row) for row in await cursor.fetchall()]
            if isinstance(outcome, Failed):
                different.append((sql, outcome.message))
            elif sorted(map(str, rows)) != sorted(map(str, sink.table)):
                different.append((sql, "other rows"))
    assert different == []
    assert len(statements("legitimate.txt")) >= LEGITIMATE_AT_LEAST


TELLING = [
    "SELECT id FROM crm.window_tokens WHERE 1 / (amount - 31337) > 0",
    "SELECT 1 / (amount - 31337) FROM crm.window_tokens WHERE 1 / (amount - 31337) IS NOT NULL",
    "SELECT count(*) FROM crm.window_tokens WHERE (1000 / (amount - 31337))::int >= 0 AND id = 1",
    "SELECT w.id FROM crm.window_tokens w JOIN crm.person k ON 1 / (w.amount - 31337) = length(k.label)",
    "SELECT x FROM (SELECT 1 / (amount - 31337) AS x FROM crm.window_tokens) q WHERE x > 0",
    "WITH c AS (SELECT 1 / (amount - 31337) AS x FROM crm.window_tokens) SELECT x FROM c WHERE x > 0",
    "SELECT id FROM crm.window_tokens WHERE amount::text LIKE '31337\\' OR true",
    "SELECT id FROM crm.window_tokens w, LATERAL (SELECT 1 / (w.amount - 31337) AS x) l WHERE x > 0",
    "SELECT id FROM crm.window_tokens WHERE EXISTS (SELECT 1 FROM crm.person WHERE 1 / (amount - 31337) > 0)",
    "SELECT id FROM crm.window_tokens GROUP BY id, amount HAVING 1 / (amount - 31337) > 0",
    "SELECT id FROM crm.window_tokens WHERE sqrt(amount - 31338) >= 0",
    "SELECT id FROM crm.window_tokens, generate_series(1, (1 / (amount - 31337))::int + 1) g",
]
"""Each fails where it is tried on the row with 31337, which the view leaves out."""


async def test_a_window_tells_nothing_of_the_rows_that_it_leaves_out(
    fourth: tuple[str, int], recording: Any
) -> None:
    dsn, _ = fourth
    with psycopg.connect(dsn) as conn, pytest.raises(psycopg.errors.DivisionByZero):
        conn.execute(TELLING[0].encode())
    async with open_sandbox(dsn, PolicyStack(owner=read("policy.toml"))) as (gate, sandbox):
        for sql in TELLING:
            outcome = await sandbox.execute(Request(sql), recording())
            assert not isinstance(outcome, Failed), (sql, outcome)
        plain = await gate.check("SELECT id, amount / 2 FROM crm.window_tokens WHERE amount > 5 ORDER BY id")
        assert plain.rewritten == ()  # what cannot fail may go on using the indexes below


CHECKED = [
    "SELECT array_agg(DISTINCT word), count(word), min(word) FROM crm.loudly",
    "SELECT id, lag(word) OVER (ORDER BY id), ARRAY[word] FROM crm.loudly",
    "SELECT word, string_agg(word, ', ') OVER () FROM crm.loudly WHERE word IN ('quiet', 'x') ORDER BY word",
]
"""What makes no value of a column's checked type."""
FILLING = [
    "SELECT coalesce(array_agg(word), '{x}') FROM crm.loudly",
    "SELECT array_agg(word) FROM crm.loudly UNION SELECT '{x}'",
    "SELECT a = '{x}' FROM (SELECT array_agg(word) AS a FROM crm.loudly) q",
    "SELECT (SELECT array_agg(word) FROM crm.loudly) || '{x}'",
    "SELECT lead(word, 1, 'x') OVER () FROM crm.loudly",
]


async def test_columns_of_a_checked_type_can_be_shown_and_gathered(
    fourth: tuple[str, int], recording: Any
) -> None:
    dsn, _ = fourth
    async with open_sandbox(dsn, PolicyStack(owner=read("open.toml"))) as (gate, sandbox):
        for sql in CHECKED:
            outcome = await sandbox.execute(Request(sql), recording())
            assert not isinstance(outcome, Failed), (sql, outcome)
        for sql in FILLING:
            assert (await gate.check(sql)).code == "type_denied", sql
