"""The fold law: a run's events make the run. Recorded runs are replayed here and by the browser's tests.

``CUSTARD_RECORD_RUNS=1 pytest tests/graph/test_fold.py`` writes ``tests/fixtures/runs/*.json`` anew.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.events import (
    RUN_EVENT,
    AnswerDelta,
    Answered,
    Clarified,
    Drafted,
    Executed,
    Executing,
    Linted,
    Refused,
    Repaired,
    RunCancelled,
    RunFailed,
    RunResumed,
    RunStarted,
    SqlDelta,
    StepFinished,
    StepStarted,
)
from graph.fold import advance, fold
from graph.record import (
    TERMINAL,
    Answer,
    Chart,
    Clarification,
    Finding,
    Problem,
    Receipt,
    Refusal,
    Usage,
)
from graph.run import Run
from wire.outcome import Failed, ResultColumn, Rows
from wire.policy import Share

RUNS = Path(__file__).parents[1] / "fixtures" / "runs"
RECORD = os.environ.get("CUSTARD_RECORD_RUNS") == "1"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

STEPS = st.sampled_from(
    ["load_schema", "ground", "draft_sql", "lint_sql", "execute_sql", "repair_sql", "summarize"]
)
TEXT = st.text(max_size=12)
NUMBER = st.integers(1, 4)
OUTCOME = st.one_of(
    st.builds(Failed, code=st.sampled_from(["database", "policy", "timeout"]), message=TEXT),
    st.builds(
        Rows,
        columns=st.just([ResultColumn(name="n", type="bigint")]),
        preview=st.lists(
            st.lists(st.one_of(st.none(), st.integers(), TEXT), min_size=1, max_size=1), max_size=3
        ),
        row_count=st.integers(0, 9),
    ),
)
FINDING = st.builds(Finding, rule=TEXT, message=TEXT)
ANSWER = st.builds(
    Answer,
    text=TEXT,
    sql=TEXT,
    columns=st.just([]),
    rows=st.just([]),
    row_count=st.integers(0, 9),
    chart=st.builds(Chart, kind=st.just("none")),
    confidence=st.none(),
)
RECEIPT = st.builds(
    Receipt,
    sql=TEXT,
    snapshot_fingerprint=TEXT,
    policy_digest=TEXT,
    result_digest=TEXT,
    row_count=st.integers(0, 9),
    executed_at=st.just(START),
)
SAME = {"run_id": st.just("r1"), "at": st.just(START)}
USAGE = st.none() | st.builds(
    Usage, input_tokens=st.integers(0, 99), output_tokens=st.integers(0, 99), model_calls=st.integers(0, 3)
)
MIDDLE = st.one_of(
    st.builds(StepStarted, **SAME, step=STEPS),
    st.builds(StepFinished, **SAME, step=STEPS, elapsed_ms=st.floats(0, 1e6), detail=TEXT, usage=USAGE),
    st.builds(SqlDelta, **SAME, attempt=NUMBER, text=TEXT),
    st.builds(AnswerDelta, **SAME, text=TEXT),
    st.builds(Drafted, **SAME, attempt=NUMBER, sql=TEXT),
    st.builds(Repaired, **SAME, attempt=NUMBER, sql=TEXT, reason=TEXT, changes=st.lists(TEXT, max_size=2)),
    st.builds(
        Linted,
        **SAME,
        attempt=NUMBER,
        verdict=st.sampled_from(["pass", "reject"]),
        findings=st.lists(FINDING, max_size=2),
    ),
    st.builds(Executing, **SAME, attempt=NUMBER),
    st.builds(Executed, **SAME, attempt=NUMBER, outcome=OUTCOME),
    st.builds(RunResumed, **SAME, after=NUMBER),
)
END = st.one_of(
    st.builds(Answered, **SAME, answer=ANSWER, receipt=RECEIPT),
    st.builds(Refused, **SAME, refusal=st.builds(Refusal, reason=st.just("not_in_data"), message=TEXT)),
    st.builds(Clarified, **SAME, clarification=st.builds(Clarification, question=TEXT)),
    st.builds(RunFailed, **SAME, problem=st.builds(Problem, code=TEXT, message=TEXT)),
    st.builds(RunCancelled, **SAME),
)
STARTED = RunStarted(
    run_id="r1", at=START, thread_id="t1", connection_id="c1", question="How many engineers are there?"
)
RUNS_OF_EVENTS = st.tuples(st.lists(MIDDLE, max_size=25), st.none() | END).map(
    lambda drawn: [STARTED, *drawn[0], *([drawn[1]] if drawn[1] else [])]
)


@given(RUNS_OF_EVENTS)
def test_a_fold_of_any_events_is_a_run_that_json_carries(events):
    run = fold(events)
    assert run is not None
    assert Run.model_validate_json(run.model_dump_json()) == run
    carried = [RUN_EVENT.validate_json(RUN_EVENT.dump_json(event)) for event in events]
    assert fold(carried) == run


@given(RUNS_OF_EVENTS, st.data())
def test_folding_in_two_parts_is_folding_at_once(events, data):
    cut = data.draw(st.integers(1, len(events)))
    run = fold(events[:cut])
    for event in events[cut:]:
        run = advance(run, event)
    assert run == fold(events)


@given(RUNS_OF_EVENTS)
def test_positions_count_every_event_and_the_record_leaves_out_only_deltas(events):
    run = fold(events)
    assert run is not None
    assert run.last_event_id == len(events)
    assert run.events == [event for event in events if event.type not in ("sql_delta", "answer_delta")]
    numbers = [attempt.number for attempt in run.attempts]
    assert len(set(numbers)) == len(numbers)


@given(RUNS_OF_EVENTS, END)
def test_nothing_follows_the_end(events, more):
    run = fold(events)
    assert run is not None
    if run.status in TERMINAL:
        with pytest.raises(ValueError, match="has ended"):
            advance(run, more)


@given(MIDDLE)
def test_a_run_begins_with_its_start(event):
    with pytest.raises(ValueError, match="run_started"):
        fold([event])


def test_no_events_are_no_run():
    assert fold([]) is None


# --- recorded runs -----------------------------------------------------------------------------------------

SQL = "SELECT count(*) FROM people.employees WHERE title = 'Engineer'"
BY_MONTH = """SELECT date_trunc('month', ordered_at)::date AS month, sum(amount) AS revenue
FROM sales.orders GROUP BY 1"""
MONTHS = Rows(
    columns=[ResultColumn(name="month", type="date"), ResultColumn(name="revenue", type="numeric")],
    preview=[
        ["2026-01-01", 1250.5],
        ["2026-02-01", "123456789012345678901234567890.12"],
        ["2026-03-01", None],
    ],
    row_count=3,
    digest="e" * 64,
)
DENIED = Failed(code="policy", message="The policy does not permit people.employees.", layer="tables")
SCENES = (
    "answered",
    "repaired",
    "autofixed",
    "linted",
    "chart",
    "refused",
    "not_in_data",
    "failed",
    "offline",
)


@pytest.fixture
def scenes(count_of_34, no_such_column):
    """What is said and what comes back, by the recorded run's name."""
    four = [f"SELECT id + {number} FROM people.employees" for number in range(4)]
    return {
        "answered": ([f"```sql\n{SQL};\n```", "There are 34 engineers."], [count_of_34]),
        "repaired": (
            ["SELECT name FROM people.employees", f"```sql\n{SQL};\n```", "There are 34 engineers."],
            [no_such_column, count_of_34],
        ),
        "autofixed": (["SELECT count(*) FROM employees", "There are 34 people."], [count_of_34]),
        "linted": (["SELECT bonus_rate FROM people.employees", SQL, "There are 34."], [count_of_34]),
        "chart": ([BY_MONTH, "Revenue was 1,250.5 in January 2026."], [MONTHS]),
        "refused": (four, [DENIED]),
        "not_in_data": (["CANNOT_ANSWER: office hours"], []),
        "failed": (four, [no_such_column]),
        "offline": ([SQL], [Failed(code="agent_offline", message="No agent is attached.")]),
    }


@pytest.mark.parametrize("name", SCENES)
async def test_the_graph_still_tells_a_recorded_run_as_it_did(ask, scenes, name):
    asking = await ask(*scenes[name], share=Share())
    events = [STARTED, *asking.events]
    folded = fold(events)
    assert folded is not None
    recorded = {
        "events": [RUN_EVENT.dump_python(event, mode="json") for event in events],
        "run": folded.model_dump(mode="json"),
    }
    path = RUNS / f"{name}.json"
    if RECORD:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(recorded, indent=1, ensure_ascii=False) + "\n")
    assert json.loads(path.read_text()) == recorded


@pytest.mark.parametrize("path", sorted(RUNS.glob("*.json")), ids=lambda path: path.stem)
def test_a_recorded_run_obeys_the_law(path):
    recorded = json.loads(path.read_text())
    events = [RUN_EVENT.validate_python(event) for event in recorded["events"]]
    folded = fold(events)
    assert folded is not None
    assert folded.model_dump(mode="json") == recorded["run"]


async def test_a_stopped_and_resumed_run_folds(ask, scenes):
    asking = await ask(*scenes["answered"])
    half = [STARTED, *asking.events[: asking.types.index("executing") + 1]]
    resumed = RunResumed(run_id="r1", at=START + timedelta(seconds=5), after=len(half))
    again = await ask(["There are 34 engineers."], scenes["answered"][1], resume=fold(half))
    run = fold([*half, resumed, *again.events])
    assert run is not None
    assert run.status == "succeeded"
    assert len(run.attempts) == 1
