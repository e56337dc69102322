from datetime import UTC, datetime

import pytest

from graph.checks.constant_answer import constant_answer
from graph.checks.invented_concept import invented_concepts
from wire.snapshot import Column, SchemaSnapshot, Table

PETS = SchemaSnapshot(
    database="pets",
    server_version=180000,
    taken_at=datetime(2026, 1, 1, tzinfo=UTC),
    tables=[
        Table(
            schema_name="public",
            name="pet",
            columns=[Column(name="pet_id", type="bigint"), Column(name="name", type="text")],
        )
    ],
)


@pytest.mark.parametrize(
    ("sql", "missing", "invented"),
    [
        ("SELECT p.email, COUNT(*) FROM pet p GROUP BY 1", ["email"], ["email"]),
        ("SELECT vaccination_dates FROM pet", ["vaccination"], ["vaccination"]),
        ("SELECT name FROM pet", ["email"], []),
        ("SELECT nickname FROM pet", ["email"], []),
        ("SELECT email FROM pet", [], []),
        ("SELECT COUNT(*) AS emails FROM pet", ["emails"], []),
        ("SELECT published FROM pet", ["published"], []),
        ("not sql (", ["email"], []),
        ("", ["email"], []),
    ],
)
def test_made_up_columns_for_unknown_words(sql: str, missing: list[str], invented: list[str]) -> None:
    assert invented_concepts(sql, PETS, missing) == invented


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 'I do not have the data.' AS answer", "I do not have the data."),
        ("SELECT 'Rex'", None),
        ("SELECT 'no such thing here' FROM pet", None),
        ("SELECT 'a b c' || name FROM pet", None),
        ("SELECT 1", None),
        ("SELECT 'one two three', 2", None),
        ("nothing (", None),
    ],
)
def test_sentences_instead_of_queries(sql: str, said: str | None) -> None:
    assert constant_answer(sql) == said
