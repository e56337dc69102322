"""A follow-up is rewritten so that it stands alone, and held to what was said."""

import pytest

from graph.nodes.standalone import is_sound, leans
from graph.ports import Settings
from graph.record import Turn

SQL = "```sql\nSELECT count(*) FROM people.employees WHERE title = 'Designer';\n```"
BEFORE = Turn(question="How many engineers work in Sales?", sql="SELECT 1", answer="34.")
ALONE = "How many designers work in Sales?"
QUIET = Settings(without=frozenset({"worded_answer"}))


async def test_the_rewritten_question_is_drafted_and_told(ask, count_of_34):
    asking = await ask(
        [ALONE, SQL], [count_of_34], question="And designers?", history=[BEFORE], settings=QUIET
    )
    [drafted] = asking.of("drafted")
    assert drafted.standalone_question == ALONE
    assert ALONE in asking.prompt(1)
    assert "SELECT" not in asking.prompt(0)
    [grounded] = [event for event in asking.of("step_finished") if event.step == "ground"]
    assert grounded.usage.model_calls == 1


@pytest.mark.parametrize(
    ("question", "history", "settings"),
    [
        ("And designers?", [], QUIET),
        ("How many designers work in the department of Sales?", [BEFORE], QUIET),
        ("And designers?", [BEFORE], Settings(without=QUIET.without | {"standalone_question"})),
    ],
)
async def test_no_rewriting_is_asked_for(ask, count_of_34, question, history, settings):
    asking = await ask([SQL], [count_of_34], question=question, history=history, settings=settings)
    assert asking.of("drafted")[0].standalone_question is None
    assert question in asking.prompt(0)


async def test_what_the_question_before_settles_needs_no_model(ask, count_of_34):
    asking = await ask(
        [SQL], [count_of_34], question="How many of them are new?", history=[BEFORE], settings=QUIET
    )
    [drafted] = asking.of("drafted")
    assert drafted.standalone_question == "How many engineers work in Sales and are new?"
    assert drafted.standalone_question in asking.prompt(0)


async def test_after_a_question_that_leans_itself_the_model_is_asked(ask, count_of_34):
    leaning = Turn(question="And designers?", sql="SELECT 1", answer="12.")
    asking = await ask(
        [ALONE, SQL], [count_of_34], question="And which ones?", history=[BEFORE, leaning], settings=QUIET
    )
    assert len(asking.of("drafted")) == 1
    assert "And designers?" in asking.prompt(0)


@pytest.mark.parametrize("said", ["", "How many designers earn above 5000?", "And designers?", "x" * 900])
async def test_an_unsound_rewriting_is_left(ask, count_of_34, said):
    asking = await ask(
        [said, SQL], [count_of_34], question="And designers?", history=[BEFORE], settings=QUIET
    )
    assert asking.of("drafted")[0].standalone_question is None
    assert "And designers?" in asking.prompt(1)


async def test_a_model_that_fails_leaves_the_question(ask, count_of_34):
    asking = await ask(
        [ConnectionError("gone"), SQL], [count_of_34], question="And designers?", history=[BEFORE],
        settings=QUIET,
    )  # fmt: skip
    assert asking.last.type == "answered"


@pytest.mark.parametrize(
    "question",
    ["And in France?", "Only the active ones.", "What is their total?", "Why?"],
)
def test_leaning(question):
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    ["How many designers are there in Sales?", "Which customers that ordered in 2024 paid?"],
)
def test_standing(question):
    assert not leans(question)


def test_what_the_follow_up_names_must_stay():
    assert is_sound(ALONE, "And designers?", [BEFORE])
    assert not is_sound("How many engineers work in Sales?", "And designers?", [BEFORE])
    assert not is_sound("How many designers work in 2024?", "And designers?", [BEFORE])
    assert is_sound("How many engineers work in Sales in 2024?", "What about 2024?", [BEFORE])


def test_what_is_asked_of_those_before_keeps_their_conditions():
    waiting = Turn(question="How many tickets are waiting?", sql="SELECT 1", answer="3.")
    asked = "How many of them are urgent?"
    assert not is_sound("How many urgent tickets are there?", asked, [waiting])
    assert is_sound("How many waiting tickets are urgent?", asked, [waiting])
