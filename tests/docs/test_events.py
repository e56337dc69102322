"""docs/events.md and docs/run.md say what graph/ and wire/ hold, no more and no less."""

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from graph import record
from graph.events import RUN_EVENT, Fact, RunEvent
from graph.fold import fold
from graph.run import Run
from wire.outcome import PREVIEW_ROWS, Failed, FailureCode, Rows

EVENTS: list[type[Fact]] = list(get_args(get_args(RunEvent)[0]))
COMMON = {"type", *Fact.model_fields}

PARTS: dict[str, type[BaseModel]] = {
    "Run": Run,
    "Attempt": record.Attempt,
    "Finding": record.Finding,
    "Rows": Rows,
    "Answer": record.Answer,
    "Chart": record.Chart,
    "Confidence": record.Confidence,
    "Receipt": record.Receipt,
    "Refusal": record.Refusal,
    "Clarification": record.Clarification,
    "Problem": record.Problem,
    "Timing": record.Timing,
    "Usage": record.Usage,
}


def type_of(event: type[Fact]) -> str:
    return str(event.model_fields["type"].default)


@pytest.fixture(scope="module")
def events(page: Callable[[str], Any]) -> Any:
    return page("docs/events.md")


@pytest.fixture(scope="module")
def run(page: Callable[[str], Any]) -> Any:
    return page("docs/run.md")


@pytest.mark.parametrize("event", EVENTS, ids=type_of)
def test_every_event_has_its_section_with_exactly_its_fields(event: type[Fact], events: Any) -> None:
    own = [name for name in event.model_fields if name not in COMMON]
    assert events[type_of(event)].names() == own


def test_no_event_is_described_that_does_not_exist(events: Any) -> None:
    described = {heading for heading in events.sections if re.fullmatch(r"[a-z]+_?[a-z]*", heading)}
    assert described == {type_of(event) for event in EVENTS}


def test_the_fields_of_every_event_are_listed(events: Any) -> None:
    assert set(events["What every event holds"].names()) == COMMON


def test_events_that_end_a_run_say_so(events: Any) -> None:
    ending = {heading for heading, section in events.sections.items() if "**Ends the run**" in section.text}
    assert ending == {"answered", "refused", "clarified", "run_failed", "run_cancelled"}
    for heading in ending:
        assert any(f"as `{status}`" in events[heading].text for status in record.TERMINAL)


def test_the_example_is_a_stream_that_folds_to_a_finished_run(events: Any) -> None:
    (stream,) = events["An example"].fenced("text")
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in stream.strip().split("\n\n")
    ]
    told = [RUN_EVENT.validate_json(block["data"]) for block in blocks]
    assert [block["id"] for block in blocks] == [str(place) for place in range(1, len(blocks) + 1)]
    assert [block["event"] for block in blocks] == [event.type for event in told]
    folded = fold(told)
    assert folded is not None
    assert folded.status == "succeeded"
    assert [attempt.verdict for attempt in folded.attempts] == ["reject", "pass"]
    assert folded.last_event_id == len(told)
    written = "".join(event.text for event in told if event.type == "sql_delta")
    assert written == folded.attempts[0].sql
    finding = folded.attempts[0].findings[0]
    assert finding.position is not None
    assert folded.attempts[0].sql[finding.position - 1 :].startswith("job ")


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_a_run_is_described_with_exactly_its_fields(part: str, run: Any) -> None:
    assert run[part].names() == list(PARTS[part].model_fields)


def test_failed_is_described_with_its_fields_and_codes(run: Any) -> None:
    assert run["Failed"].names() == [*Failed.model_fields, *get_args(FailureCode)]


def test_statuses_and_steps_are_described_in_order(run: Any) -> None:
    assert run["Statuses"].names() == list(get_args(record.RunStatus))
    assert run["Steps"].names() == list(get_args(record.Step))


def test_every_choice_is_named(run: Any) -> None:
    for choices, part in (
        (record.Origin, "Attempt"),
        (record.Finding.model_fields["severity"].annotation, "Finding"),
        (record.Chart.model_fields["kind"].annotation, "Chart"),
        (record.Confidence.model_fields["level"].annotation, "Confidence"),
        (record.Refusal.model_fields["reason"].annotation, "Refusal"),
    ):
        for choice in get_args(choices):
            assert f"`{choice}`" in run[part].text, f"{part} does not name {choice}"


def test_the_previews_bound_is_the_codes(run: Any) -> None:
    assert f"at most {PREVIEW_ROWS}" in run["Rows"].text
    assert f"at most {PREVIEW_ROWS}" in run["Answer"].text
