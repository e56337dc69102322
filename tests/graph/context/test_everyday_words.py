"""Words of those who ask, and what a question explains itself: neither is missing from a schema."""

from datetime import UTC, datetime

import pytest

from graph.context.coverage import coverage, vocabulary_of
from graph.context.everyday_words import EVERYDAY_WORDS, KINDRED
from graph.context.gloss import command_of, states_what_is_meant
from graph.context.things import named_things
from wire.snapshot import Column, SchemaSnapshot, Table


def _schema(*tables: str) -> SchemaSnapshot:
    columns = [Column(name="price", type="numeric"), Column(name="town", type="text")]
    return SchemaSnapshot(
        database="depots",
        server_version=180000,
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        tables=[Table(schema_name="public", name=name, columns=columns) for name in tables],
    )


VOCABULARY = vocabulary_of(_schema("vehicles", "parcels"))


@pytest.mark.parametrize(
    "question",
    [
        "Pull the throughput of each vehicle.",
        "Rustle up the ten dearest parcels.",
        "Which folks sent the most parcels?",
        "What does our fleet look like by town?",
        "What is the uptake of parcels by town?",
        "Flag the towns with a wide gap in the price of parcels.",
        "How many parcels does each vehicle rack up?",
        "What is the third cheapest parcel?",
        "What is the fluffiness, that is the price, of each parcel?",
        "How many parcels did we get through over Christmas?",
        "Set out the backlog of parcels, please.",
        "Which towns are busier than the middle one, and costlier?",
    ],
)
def test_no_word_is_missing(question: str) -> None:
    assert coverage(question, VOCABULARY).missing == ()


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("Pull the dentists of each vehicle.", ("dentists",)),
        ("What is the throughput of each dentist?", ("dentist",)),
        ("What is the weight of each parcel?", ("weight",)),
        ("Which parcel is heavier than the rest?", ("heavier",)),
        ("What is the fluffiness of each parcel, meaning its silkiness?", ("fluffiness", "silkiness")),
    ],
)
def test_a_thing_is_missing_all_the_same(question: str, missing: tuple[str, ...]) -> None:
    assert coverage(question, VOCABULARY).missing == missing


def test_one_that_the_schema_has_is_found() -> None:
    assert coverage("How is churn going?", vocabulary_of(_schema("churn"))).found == ("churn",)


@pytest.mark.parametrize(
    ("question", "things"),
    [
        ("Which parcels fly off the shelves?", set()),
        ("Which parcels are a breeze?", set()),
        ("Which consignees got parcels?", set()),
        ("Which consignee got parcels?", {"consignee"}),
        ("What was the weather in each town?", {"weather"}),
    ],
)
def test_turns_of_phrase_and_rows_are_no_things(question: str, things: set[str]) -> None:
    assert named_things(question, ["parcels", "town"]) == things


@pytest.mark.parametrize(
    ("question", "verb"),
    [("Dig out the parcels", "dig"), ("Could you fetch me all towns", "fetch"), ("Parcels by town", "")],
)
def test_command_of(question: str, verb: str) -> None:
    assert command_of(question) == verb


@pytest.mark.parametrize(
    ("question", "stated"),
    [
        ("Who is best, i.e. has the most parcels?", True),
        ("Who is best, going by parcels?", True),
        ("What is the meaning of life?", False),
        ("What do customers say?", False),
    ],
)
def test_states_what_is_meant(question: str, stated: bool) -> None:
    assert states_what_is_meant(question) is stated


def test_what_data_may_lack_is_no_everyday_word() -> None:
    assert EVERYDAY_WORDS.isdisjoint({"weight", "weather", "supplier", "rent", "email", "phone", "parking"})
    assert all(root in group for root, group in KINDRED.items())
