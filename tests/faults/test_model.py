"""The model's server fails in every way: the run ends in a named state and says what to do."""

import pytest

from tests.faults.model import Manner
from tests.faults.plant import Plant
from tests.faults.proxy import Fault

QUESTION = "How many staff have an id below 81?"


@pytest.mark.parametrize(
    ("manner", "code"),
    [
        (Manner(status=500), "model_unavailable"),
        (Manner(status=503), "model_unavailable"),
        (Manner(status=429), "model_unavailable"),
        (Manner(status=401), "model_denied"),
        (Manner(status=403), "model_denied"),
        (Manner(status=404), "model_denied"),
        (Manner(status=400), "model_error"),
        (Manner(rude=True), "model_unavailable"),
        (Manner(garbage=True), "model_unavailable"),
        (Manner(break_after=1), "model_unavailable"),
        (Manner(stall_after=0), "model_timeout"),
        (Manner(stall_after=1), "model_timeout"),
    ],
    ids=lambda value: str(value).removeprefix("Manner") if isinstance(value, Manner) else "",
)
def test_a_server_that_fails_is_named(plant: Plant, manner: Manner, code: str) -> None:
    plant.model.manner = manner
    run = plant.ask(QUESTION)
    assert (run["status"], run["problem"]["code"]) == ("failed", code)


def test_a_server_that_is_not_there(plant: Plant) -> None:
    plant.language.refuse()
    run = plant.ask(QUESTION)
    assert (run["status"], run["problem"]["code"]) == ("failed", "model_unavailable")
    assert "custard doctor" in run["problem"]["hint"]


def test_a_server_that_is_slow_but_alive_is_waited_for(plant: Plant) -> None:
    plant.model.manner = Manner(first_after=1.0, pause=0.3)
    assert plant.rows(plant.ask(QUESTION)) == [[80]]


@pytest.mark.parametrize(
    "fault",
    [Fault(latency=0.3, jitter=0.2), Fault(slicer=7), Fault(bandwidth=4_000)],
    ids=["latency", "slicer", "bandwidth"],
)
def test_a_poor_line_to_it_is_only_slow(plant: Plant, fault: Fault) -> None:
    with plant.language.fault(down=fault):
        assert plant.rows(plant.ask(QUESTION)) == [[80]]


@pytest.mark.parametrize("fault", [Fault(limit_data=400), Fault(corrupt=1.0)], ids=["limit_data", "corrupt"])
def test_a_line_that_loses_bytes_gives_no_wrong_answer(plant: Plant, fault: Fault) -> None:
    """A bit that turns over in the SQL itself nobody can see; what is answered was run as it is shown."""
    with plant.language.fault(down=fault):
        run = plant.ask(QUESTION)
    assert run["status"] in ("failed", "refused", "succeeded", "clarify")
    if run["status"] == "succeeded":
        assert run["answer"]["sql"] == run["receipt"]["sql"]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "   \n",
        "I am sorry, I cannot do that.",
        '{"sql": ',
        "```sql\n```",
        "SELEC",
        "\x00\x1b[2J",
        "DROP TABLE staff",
    ],
)
def test_a_reply_that_is_no_query(plant: Plant, reply: str) -> None:
    question = f"How many staff of number {len(reply)} are there?"
    plant.model.answers.says(rf"number {len(reply)} are", reply)
    run = plant.ask(question)
    assert run["status"] in ("failed", "refused")
    ending = run["problem"] or run["refusal"]
    assert ending["message"]
    assert ending["hint"]
    assert plant.executions()[run["run_id"]] == 0


def test_a_summary_that_fails_does_not_cost_the_answer(plant: Plant) -> None:
    """The rows are there: that nobody puts them into a sentence is said, not made into a failure."""
    with plant.holding():
        run_id = plant.start("How many held rows are there?")
        plant.await_statement()
        plant.model.manner = Manner(status=500)
    run = plant.finish(run_id)
    assert run["status"] == "succeeded"
    assert plant.rows(run) == [[3]]
