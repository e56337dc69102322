from datetime import UTC, datetime

import pytest

from graph.checks.constant_answer import constant_answer
from graph.checks.copied_name import copied_names
from graph.checks.dropped_name import dropped_names
from graph.checks.invented_concept import invented_concepts
from graph.checks.unheld_word import unheld_words
from graph.checks.unsound_draft import unsound_draft
from graph.context.coverage import Vocabulary, coverage, vocabulary_of
from graph.ports import Settings
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
        # An average or a sum of keys or names is none of anything, whatever else may be meant by the word.
        (
            "What is the average salary of pets?",
            "SELECT AVG(pet_id) AS average_salary FROM visit",
            ["salary"],
        ),
        (
            "What is the revenue of visits?",
            "SELECT ROUND(SUM(v.visit_id), 2) AS revenue FROM visit v",
            ["revenue"],
        ),
        (
            "What is the average salary of pets?",
            "SELECT reason, AVG(CAST(reason AS numeric)) AS avg_salary FROM visit GROUP BY 1",
            ["salary"],
        ),
        ("How many visits are there?", "SELECT SUM(visit_id) AS visits FROM visit", []),
        ("What is the cost of visits?", "SELECT SUM(visit_id) AS cost FROM visit", []),
        ("What is the revenue of visits?", "SELECT COUNT(visit_id) AS revenue FROM visit", []),
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


async def test_a_repair_is_looked_at_as_well(ask):
    """What the second query makes up is no more there than what the first one did."""
    lines = ["SELECT zzqx FROM people.employees", "SELECT avg(shoe_size) FROM people.employees"]
    asking = await ask(lines, question="How do shoe sizes of employees differ?")
    assert asking.last.type == "refused"
    assert asking.last.refusal.missing == ["shoe"]
    assert asking.database.statements == []


@pytest.mark.parametrize(
    ("question", "chance"),
    [
        ("Which lockers were used?", ("lockers",)),
        ("Which injuries were there?", ()),
        ("Which visits were there?", ()),
    ],
)
def test_what_only_resembles_a_value_is_known_by_chance(question: str, chance: tuple[str, ...]) -> None:
    note = Column(name="note", type="text", values=["gate locked"])
    visit = PETS.tables[1]
    noted = visit.model_copy(update={"columns": [*visit.columns, note]})
    snapshot = PETS.model_copy(update={"tables": [PETS.tables[0], noted]})
    covered = coverage(question, Vocabulary(snapshot))
    assert (covered.chance, covered.missing) == (chance, ())


def test_a_rating_is_no_rate() -> None:
    assert coverage("What is the average rating of pets?", vocabulary_of(PETS)).missing == ("rating",)


async def test_a_repair_that_makes_things_up_takes_no_result_away(ask, count_of_34):
    """A result that only looked odd is still one."""
    odd = "SELECT title FROM people.employees WHERE title = 'Nobody'"
    asking = await ask(
        [odd, "SELECT avg(shoe_size) FROM people.employees"],
        [count_of_34.model_copy(update={"preview": [], "row_count": 0})],
        question="How do shoe sizes of employees differ?",
        settings=Settings(
            without=frozenset({"worded_answer", "check_answerable", "unknown_thing", "autofix"}),
            max_rechecks=1,
        ),
    )
    assert asking.last.type == "answered"
    assert asking.database.statements == [odd]
    assert len(asking.model.asked) == 2
