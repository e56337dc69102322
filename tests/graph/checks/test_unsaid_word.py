"""Words of a question of which a query has no trace."""

from datetime import UTC, datetime

import pytest

from graph.checks.unsaid_word import unsaid_words
from wire.snapshot import Column, SchemaSnapshot, Table

SHOP = SchemaSnapshot(
    database="shop",
    server_version=180000,
    taken_at=datetime(2026, 1, 1, tzinfo=UTC),
    tables=[
        Table(
            schema_name="public",
            name="account",
            comment="One line for each wallet that was opened",
            columns=[
                Column(name="account_id", type="bigint"),
                Column(name="country", type="text"),
                Column(name="signup", type="date", comment="day of registration"),
                Column(name="status", type="text", values=["open", "closed"]),
                Column(name="amount", type="numeric"),
            ],
        )
    ],
)


@pytest.mark.parametrize(
    ("question", "sql", "unsaid"),
    [
        (
            "How many accounts are there in each country?",
            "SELECT country, count(*) FROM account GROUP BY 1",
            [],
        ),
        # By a comment of the table, a comment of the column, a literal, a synonym, a part of a word.
        ("How many wallets are there?", "SELECT count(*) FROM account", []),
        ("How many registrations were there?", "SELECT count(signup) FROM account", []),
        ("How many closed accounts?", "SELECT count(*) FROM account WHERE status = 'closed'", []),
        ("What is the revenue?", "SELECT sum(amount) FROM account", []),
        ("How many signups were there?", "SELECT count(signup) FROM account", []),
        # A condition forgotten; what another column's comment says is no trace.
        ("How many accounts are overdrawn?", "SELECT count(*) FROM account", ["overdrawn"]),
        ("How many premium accounts in Utopia?", "SELECT count(*) FROM account", ["premium", "utopia"]),
        ("How many registrations?", "SELECT count(*) FROM account", ["registrations"]),
        ("How many premium accounts?", "not sql (", []),
    ],
)
def test_words_without_a_trace(question: str, sql: str, unsaid: list[str]) -> None:
    assert unsaid_words(sql, SHOP, question) == unsaid
