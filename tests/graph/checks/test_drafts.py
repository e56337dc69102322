from datetime import UTC, datetime

import pytest

from graph.checks.constant_answer import constant_answer
from graph.checks.copied_name import copied_names
from graph.checks.dropped_name import dropped_names
from graph.checks.invented_concept import invented_concepts
from graph.checks.unheld_word import unheld_words
from graph.checks.unsound_draft import unsound_draft
from graph.context.coverage import coverage, vocabulary_of
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
        ),
        Table(
            schema_name="public",
            name="visit",
            columns=[
                Column(name="visit_id", type="bigint"),
                Column(name="pet_id", type="bigint"),
                Column(name="heartbeat", type="integer"),
                Column(name="cost", type="numeric"),
                Column(name="hgt", type="real"),
                Column(name="visited_on", type="date"),
                Column(name="reason", type="text", values=["injury", "vaccination"]),
                Column(name="kind", type="text", values=["R", "U"]),
            ],
        ),
    ],
)


@pytest.mark.parametrize(
    ("sql", "missing", "invented"),
    [
        ("SELECT p.email, COUNT(*) FROM pet p GROUP BY 1", ["email"], ["email"]),
        ("SELECT microchip_dates FROM pet", ["microchip"], ["microchip"]),
        ("SELECT name FROM pet", ["email"], []),
        ("SELECT nickname FROM pet", ["email"], []),
        ("SELECT email FROM pet", [], []),
        ("SELECT COUNT(*) AS emails FROM pet", ["emails"], []),
        ("SELECT published FROM pet", ["published"], []),
        ("SELECT groomerid, COUNT(*) FROM visit GROUP BY 1", ["groomer"], ["groomer"]),
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


@pytest.mark.parametrize(
    ("question", "sql", "unheld"),
    [
        (
            "What is the average blood pressure of pets?",
            "SELECT AVG(heartbeat) AS average_blood_pressure FROM visit",
            ["blood", "pressure"],
        ),
        (
            "How many visits of pets with insurance were there?",
            "SELECT COUNT(*) FROM visit WHERE reason = 'insurance'",
            ["insurance"],
        ),
        (
            "Which visits needed sedation?",
            "SELECT visit_id FROM visit WHERE reason ILIKE '%sedatives%'",
            [],
        ),
        (
            "Which visits need a reservation?",
            "SELECT visit_id FROM visit WHERE reason IN ('injury', 'reservable')",
            ["reservation"],
        ),
        # Money has many names, short forms stand for anything, and so do dates, names and what is worked out.
        ("What is the revenue of visits?", "SELECT SUM(cost) AS revenue FROM visit", []),
        ("What is the average tallness of pets?", "SELECT AVG(hgt) AS average_tallness FROM visit", []),
        ("When was the last checkup of pets?", "SELECT MAX(visited_on) AS last_checkup FROM visit", []),
        ("List the animals.", "SELECT name AS animal FROM pet", []),
        (
            "What is the fitness of each pet?",
            "SELECT pet_id, MAX(heartbeat) - MIN(heartbeat) AS fitness FROM visit GROUP BY 1",
            [],
        ),
        # A value that autofix finds under its code is there.
        ("How many visits were routine?", "SELECT COUNT(*) FROM visit WHERE kind = 'Routine'", []),
        # The values of a name are not all known.
        ("How many visits of garfield were there?", "SELECT COUNT(*) FROM pet WHERE name = 'garfield'", []),
        ("What is the blood pressure of pets?", "not sql (", []),
    ],
)
def test_drafts_that_only_pretend(question: str, sql: str, unheld: list[str]) -> None:
    missing = coverage(question, vocabulary_of(PETS)).missing
    assert unheld_words(sql, PETS, missing, question) == unheld


@pytest.mark.parametrize(
    ("question", "sql", "copied"),
    [
        ("What is the microchip number of Rex?", "SELECT microchip_number FROM pet", ["microchip_number"]),
        ("Sort pets by `pedigree`.", "SELECT name FROM pet p ORDER BY p.pedigree", ["pedigree"]),
        # Known words, another order, a name that a rule mends, and one that only the model said.
        ("What is the pet name for visit 1?", "SELECT pet_name FROM visit", []),
        ("What is the number of the microchip?", "SELECT microchip_number FROM pet", []),
        ("What is the heart beat of Rex?", "SELECT heart_beat FROM visit", []),
        ("What is the first visit of Rex?", "SELECT pedigree FROM visit", []),
        ("What is the start date of visits?", "SELECT start_date FROM visit", []),
        ("What is the microchip number of Rex?", "SELECT COUNT(*) AS microchip_number FROM pet", []),
        ("What is the microchip number of Rex?", "not sql (", []),
    ],
)
def test_columns_called_by_the_words_of_the_question(question: str, sql: str, copied: list[str]) -> None:
    assert copied_names(sql, PETS, vocabulary_of(PETS), question) == copied


@pytest.mark.parametrize(
    ("question", "sql", "refused"),
    [
        ("What is the injury forecast?", "SELECT forecast FROM weather", ["forecast"]),
        ("What is the injury forecast?", "SELECT COUNT(*) FROM visit WHERE reason = 'injury'", []),
        ("What is the pet forecast?", "SELECT forecast FROM weather", []),
    ],
)
def test_a_doubtful_question_needs_a_draft_that_holds(question: str, sql: str, refused: list[str]) -> None:
    covered = coverage(question, vocabulary_of(PETS))
    assert unsound_draft(sql, PETS, covered, question) == refused


@pytest.mark.parametrize(
    ("question", "sql", "dropped"),
    [
        ("How many visits were there on Mars?", "SELECT count(*) FROM visit", ["Mars"]),
        ("How many visits were there in New Elbonia?", "SELECT count(*) FROM visit", ["New Elbonia"]),
        ("Which pets saw 'Grimsby Vets'?", "SELECT name FROM pet, visit", ["Grimsby Vets"]),
        # Looked for, however it is written there; no rows are an answer.
        ("How many visits were there on Mars?", "SELECT count(*) FROM visit WHERE reason ILIKE '%mars%'", []),
        ("What do pets from Germany cost?", "SELECT sum(cost) FROM visit WHERE kind = 'DE'", []),
        ("What do pets from Helvetia cost?", "SELECT sum(cost) FROM visit WHERE reason = 'Helvetien'", []),
        ("How many visits on Mars?", "SELECT count(*) FROM visit WHERE reason = 'injury'", ["Mars"]),
        ("Which pets visited for an Injury?", "SELECT name FROM pet", []),
        ("How many Pets have Visits?", "SELECT count(*) FROM visit", []),
        ("How Many Visits Were There On Mars?", "SELECT count(*) FROM visit", []),
        ("What did visits in January cost in USD?", "SELECT sum(cost) FROM visit", []),
        ("How many visits were there?'; DELETE FROM visit; --", "SELECT count(*) FROM visit", []),
        ("How many visits were there on Mars?", "not sql (", []),
    ],
)  # fmt: skip
def test_names_that_a_query_leaves_out(question: str, sql: str, dropped: list[str]) -> None:
    assert dropped_names(sql, vocabulary_of(PETS), question) == dropped


def test_a_name_that_the_notes_explain_is_no_strangers() -> None:
    question, sql = "How many visits were there at Woofers?", "SELECT count(*) FROM visit"
    assert dropped_names(sql, vocabulary_of(PETS), question, "Woofers is what we call our clinic.") == []
