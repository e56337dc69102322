"""A run in the terminal: what it shows, and what it must not do with what it is given."""

from typing import Any

import pytest

from cli.transcript import Steps, show_ending, trace_lines


def ending(**more: Any) -> dict[str, Any]:
    answer = {
        "text": "There are 2.",
        "sql": "SELECT 1",
        "columns": [{"name": "n", "type": "integer"}, {"name": "who", "type": "text"}],
        "rows": [[1, "[bold]not markup[/]"], [None, "b"]],
        "row_count": 2,
        "truncated": None,
    }
    return {"status": "succeeded", "run_id": "run_1", "answer": {**answer, **more}}


def test_the_answer_goes_to_standard_output_and_the_rest_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    show_ending(ending(), sql=False)
    shown = capsys.readouterr()
    assert shown.out.startswith("There are 2.")
    assert "2 rows" in shown.err
    assert "SELECT" not in shown.out


def test_values_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show_ending(ending(), sql=True)
    out = capsys.readouterr().out
    assert "[bold]not markup[/]" in out
    assert "NULL" in out
    assert "SELECT 1" in out


def test_a_cut_result_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show_ending(ending(truncated="rows", row_count=10_000), sql=False)
    shown = capsys.readouterr()
    assert "10,000 rows" in shown.err
    assert "cut" in shown.err


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            {"status": "failed", "problem": {"message": "It broke.", "hint": "Mend it."}},
            ["It broke.", "Mend it.", "run_1"],
        ),
        ({"status": "refused", "refusal": {"message": "Not here.", "hint": ""}}, ["Not here."]),
        ({"status": "cancelled"}, ["Stopped."]),
    ],
)
def test_other_endings_say_what_to_do(
    run: dict[str, Any], said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    show_ending({"run_id": "run_1", **run}, sql=False)
    shown = capsys.readouterr()
    assert shown.out == ""
    for words in said:
        assert words in shown.err


def test_a_failed_step_keeps_the_databases_words(capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    steps.show({"type": "executed", "outcome": {"kind": "failed", "message": "column x does not exist"}})
    steps.show({"type": "step_finished", "step": "execute_sql", "elapsed_ms": 12.0, "detail": ""})
    steps.show({"type": "step_finished", "step": "execute_sql", "elapsed_ms": 12.0, "detail": "3 rows"})
    first, second = capsys.readouterr().err.splitlines()
    assert "column x does not exist" in first
    assert "✗" in first
    assert "✓" in second
    assert "3 rows" in second


def test_a_trace_tells_every_event_in_a_line_and_no_row() -> None:
    started = {"type": "run_started", "at": "2026-11-23T09:00:00Z", "question": "How\n many?"}
    outcome = {"kind": "rows", "row_count": 1200, "preview": [["canary"]]}
    executed = {"type": "executed", "at": "2026-11-23T09:00:01.5Z", "step": "execute_sql", "outcome": outcome}
    first, second = trace_lines([started, executed])
    assert first.split() == ["1", "0.000", "s", "-", "run_started", "How", "many?"]
    assert second.split() == ["2", "1.500", "s", "execute_sql", "executed", "1,200", "rows"]
    assert trace_lines([]) == []
