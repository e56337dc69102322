"""Turns of phrase, in questions of their own (idioms.txt): no word of theirs is asked for."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from graph.context.coverage import coverage, vocabulary_of
from graph.context.idioms import idle_words
from wire.snapshot import Column, SchemaSnapshot, Table

QUESTIONS = Path(__file__).with_name("idioms.txt").read_text().splitlines()


def _schema(*tables: str) -> SchemaSnapshot:
    named = [
        Table(schema_name="public", name=name, columns=[Column(name=f"{name[:-1]}_id", type="bigint")])
        for name in tables
    ]
    return SchemaSnapshot(
        database="depots",
        server_version=180000,
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        tables=named,
    )


VOCABULARY = vocabulary_of(_schema("depots", "drivers"))


def test_no_word_of_a_turn_of_phrase_is_missing() -> None:
    asked_for = {question: coverage(question, VOCABULARY).missing for question in QUESTIONS}
    assert {question: words for question, words in asked_for.items() if words} == {}


def test_there_are_many_of_them() -> None:
    assert len(set(QUESTIONS)) == len(QUESTIONS) > 300


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("How many drivers have a clock?", ("clock",)),
        ("Which clock do drivers see around the clock?", ("clock",)),
        ("What is the moment of inertia of each depot?", ("moment", "inertia")),
        ("Which drivers have accounts?", ("accounts",)),
        ("How many events did each driver record in any event?", ("events",)),
        ("What is the average salary of drivers at the moment?", ("salary",)),
        ("How many lockers does each depot have in total?", ("lockers",)),
    ],
)
def test_outside_of_one_a_word_is_asked_for(question: str, missing: tuple[str, ...]) -> None:
    assert coverage(question, VOCABULARY).missing == missing


def test_what_the_schema_has_is_found_all_the_same() -> None:
    found = coverage("Which readers are on the books?", vocabulary_of(_schema("books", "readers"))).found
    assert found == ("readers", "books")


def test_only_words_that_stand_nowhere_else_are_idle() -> None:
    assert idle_words("Which books are on the books?") == {"on", "the"}
    assert idle_words("How far is the depot?") == {"how", "far"}
    assert idle_words("") == frozenset()
