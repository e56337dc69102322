from collections.abc import Callable

import pytest

from graph.context.coverage import Vocabulary, coverage, is_english, vocabulary_of
from wire.snapshot import Column, SchemaSnapshot, Table


@pytest.mark.parametrize(
    "question",
    [
        "How many books has each author written?",
        "Which publishers are located in Paris?",
        "What is the average number of pages of books published per publisher?",
        "Who joined in the last 3 months?",
        "List readers with more than 2 loans, ordered by name",
        "What share of copies is on loan?",
        'How many books are called "Purple Cow Stories"?',
        "How many loans did Anna Karenina Smith have on weekends?",
        "Can I get the ISBN plates of the books?",
        "Could we see the shelf marks of the books?",
    ],
)
def test_questions_about_the_data_are_let_through(question: str, library: SchemaSnapshot) -> None:
    assert not coverage(question, Vocabulary(library)).refuses


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "What is the meaning of life?",
        "How can I improve my credit score?",
        "What will the weather be tomorrow?",
        "Why do birds sing in the morning?",
        "Which airline has the most delayed flights?",
        "Can you recommend a good seafood restaurant?",
    ],
)
def test_questions_about_something_else_are_refused(question: str, library: SchemaSnapshot) -> None:
    covered = coverage(question, Vocabulary(library))
    assert covered.refuses
    assert covered.missing


def test_the_words_not_found_are_named_as_they_were_asked(library: SchemaSnapshot) -> None:
    covered = coverage("How many cabin crews are there per aircraft?", Vocabulary(library))
    assert covered.missing == ("cabin", "crews", "aircraft")


def test_the_glossary_counts(library: SchemaSnapshot) -> None:
    question = "What is the desertion rate of subscribers?"
    assert coverage(question, Vocabulary(library)).refuses
    assert not coverage(question, Vocabulary(library, ("desertion: subscribers who left",))).refuses


def test_a_question_without_content_words_is_let_through(library: SchemaSnapshot) -> None:
    assert coverage("How many are there?", Vocabulary(library)).share == 1.0
    assert coverage("", Vocabulary(library)).share == 1.0


def test_only_english_is_judged() -> None:
    assert is_english("How many readers are there?")
    assert not is_english("Wie viele Bücher gibt es?")
    assert not is_english("¿Cuántos libros hay?")


def test_the_vocabulary_is_made_once(library: SchemaSnapshot) -> None:
    assert vocabulary_of(library) is vocabulary_of(library.model_copy())
    assert vocabulary_of(library) is not vocabulary_of(library, ["a: b"])


def test_a_state_of_several_words_is_known_as_it_is_asked_for(library: SchemaSnapshot) -> None:
    column = Column(name="outcome", type="text", values=["fetched", "no_show"])
    loans = Table(schema_name="public", name="reservations", columns=[column])
    schema = library.model_copy(update={"tables": [*library.tables, loans], "fingerprint": "further"})
    assert coverage("How many no-shows were there?", Vocabulary(schema)).found == ("noshows",)
    assert coverage("How many no-shows were there?", Vocabulary(library)).found == ()


def test_a_measure_that_the_schema_has_makes_its_comparatives_known(
    make_snapshot: Callable[[dict[str, str]], SchemaSnapshot],
) -> None:
    vocabulary = Vocabulary(make_snapshot({"player": "player_id bigint, birth_date date"}))
    assert coverage("Which players are younger than 18?", vocabulary).missing == ()
    assert coverage("Which players are taller than 180?", vocabulary).missing == ("taller",)
