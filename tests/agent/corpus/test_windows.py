"""Views that leave rows out, windows on what may not be read, and columns of a checked type."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from agent.check import open_sandbox
from agent.execution import Request
from wire.outcome import Failed
from wire.policy import PolicyStack


async def test_a_view_with_a_barrier_tells_nothing_of_what_it_leaves_out(
    made: Callable[[str], Any], recording: Any
) -> None:
    """Its definition takes its place, because a row filter is below it; the barrier must come along."""
    place = made("third")
    async with open_sandbox(place.dsn, PolicyStack(owner=place.policy("policy.toml"))) as (_, sandbox):
        for sql in (
            "SELECT no FROM grid.open_invoices WHERE 1 / (no - 1) IS NULL",  # number 1 is paid
            "SELECT no FROM grid.open_invoices WHERE 1 / (no - 2) IS NULL",  # number 2 is in region 'secret'
        ):
            outcome = await sandbox.execute(Request(sql), recording())
            assert not isinstance(outcome, Failed), (sql, outcome)
            assert outcome.rows == 0


async def test_windows_show_what_they_show_and_nothing_below(
    made: Callable[[str], Any], recording: Any
) -> None:
    place = made("third")
    async with open_sandbox(place.dsn, PolicyStack(owner=place.policy("window.toml"))) as (gate, sandbox):
        for sql in (
            "SELECT * FROM grid.meter_towns",
            "SELECT count(*) FROM grid.open_invoices",
            "SELECT * FROM grid.gross_bills",
            "SELECT * FROM grid.monthly",
        ):
            outcome = await sandbox.execute(Request(sql), recording())
            assert not isinstance(outcome, Failed), (sql, outcome)
        for sql in (
            "SELECT * FROM grid.meters",
            "SELECT * FROM grid.meter_short",
            "SELECT * FROM billing.invoices",
            "SELECT grid.gross(1)",
        ):
            assert not (await gate.check(sql)).allowed, sql


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
    made: Callable[[str], Any], recording: Any
) -> None:
    place = made("fourth")
    with psycopg.connect(place.dsn) as conn, pytest.raises(psycopg.errors.DivisionByZero):
        conn.execute(TELLING[0].encode())
    async with open_sandbox(place.dsn, PolicyStack(owner=place.policy("policy.toml"))) as (gate, sandbox):
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
    made: Callable[[str], Any], recording: Any
) -> None:
    place = made("fourth")
    async with open_sandbox(place.dsn, PolicyStack(owner=place.policy("open.toml"))) as (gate, sandbox):
        for sql in CHECKED:
            outcome = await sandbox.execute(Request(sql), recording())
            assert not isinstance(outcome, Failed), (sql, outcome)
        for sql in FILLING:
            assert (await gate.check(sql)).code == "type_denied", sql
