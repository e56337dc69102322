"""Questions that can be meant in several ways, and the readings that the schema gives."""

import pytest

from graph.checks.unclear import unclear
from graph.context.coverage import coverage, vocabulary_of
from graph.ports import Settings
from graph.record import Turn
from wire.snapshot import Column, SchemaSnapshot


def _asked(question, snapshot):
    vocabulary = vocabulary_of(snapshot)
    return unclear(question, coverage(question, vocabulary), vocabulary, snapshot)


@pytest.mark.parametrize(
    "question",
    ["Show me the numbers.", "How many are there?", "What about the other one?", "Which is better?"],
)
def test_what_names_nothing_is_asked_back(question, company):
    asked = _asked(question, company)
    assert asked is not None
    assert "names nothing" in asked.question
    assert len(asked.options) == 3
    assert "How many customers are there?" in asked.options


def test_a_reading_keeps_the_rest_of_the_question(company):
    assert "How many customers were there in 2025?" in _asked("How many were there in 2025?", company).options


def test_best_is_asked_back_with_what_there_is_to_judge_by(company):
    asked = _asked("Who is our best customer?", company)
    assert asked.question.startswith("“Best” by what?")
    assert asked.options == [
        "Which customer has the highest total amount of its orders?",
        "Which customer has the most orders?",
    ]
    assert _asked("Who is our worst customer?", company).options == [
        "Which customer has the lowest total amount of its orders?",
        "Which customer has the fewest orders?",
    ]
    assert _asked("Who is our biggest customer?", company).options == asked.options


def test_a_rating_comes_first(company):
    rated = SchemaSnapshot(**company.model_dump())
    [orders] = rated.named("orders")
    orders.columns.append(Column(name="rating", type="integer"))
    asked = _asked("Who is our best customer?", rated)
    assert asked.options[0] == "Which customer has the highest average rating of its orders?"


@pytest.mark.parametrize(
    "question",
    [
        "Who is our best customer by number of orders?",  # says by what
        "Which customer has the best total of orders?",
        "What is our biggest order?",  # orders have one amount
        "Which of our customers in Spain is the best at paying?",
        "How many customers are there?",
        "Who ordered the most?",  # what was done says what it is about
        "How much was it last year?",
        "What about Acme?",  # may be a value
        "How many 'blue' ones are there?",
        "What is the best way to cook rice?",
    ],
)
def test_what_says_enough_goes_on(question, company):
    assert _asked(question, company) is None


def test_one_table_can_only_be_meant(company):
    alone = SchemaSnapshot(**{**company.model_dump(), "tables": company.tables[:1]})
    assert _asked("How many are there?", alone) is None


def test_every_reading_is_clear(company):
    for question in ("Show me the numbers.", "Who is our best customer?"):
        for reading in _asked(question, company).options:
            assert _asked(reading, company) is None


async def test_a_run_ends_with_the_question_back_and_asks_no_model(ask):
    asking = await ask([], question="Who is our best customer?")
    assert asking.last.type == "clarified"
    assert len(asking.last.clarification.options) == 2
    assert asking.types.count("clarified") == 1
    assert asking.database.statements == []


async def test_notes_may_settle_it_a_follow_up_leans_on_more_and_it_can_be_switched_off(ask, count_of_34):
    draft = "```sql\nSELECT count(*) FROM sales.customers;\n```"
    plain = {"without": frozenset({"worded_answer", "second_draft"})}
    question = "Who is our best customer?"
    for more in (
        {"instructions": "The best customer is the one with most orders."},
        {"history": [Turn(question="How many customers are there?", sql="SELECT 1", answer="34")]},
        {"settings": Settings(without=frozenset({"worded_answer", "second_draft", "unclear"}))},
    ):
        asking = await ask(
            [draft, draft], [count_of_34], question=question, **{"settings": Settings(**plain), **more}
        )
        assert asking.last.type == "answered", more
