"""A run as a terminal shows it: a line a step while it happens, then the answer."""

from datetime import datetime
from typing import Any

from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table

from cli.console import complain, err, out

_VERBS = {
    "load_schema": "Read schema",
    "check_answerable": "Check question",
    "ground": "Find tables",
    "find_values": "Find values",
    "draft_sql": "Draft SQL",
    "lint_sql": "Check SQL",
    "autofix": "Mend SQL",
    "execute_sql": "Run in Postgres",
    "check_result": "Check result",
    "second_draft": "Draft again",
    "repair_sql": "Repair SQL",
    "summarize": "Summarise",
}
_NUMERIC = ("integer", "bigint", "smallint", "numeric", "double", "real")
SHOWN_ROWS = 20
"""Rows of a result that the terminal shows."""


class Steps:
    """Prints each event as a line of progress, on standard error."""

    def __init__(self) -> None:
        self._failed_step: str | None = None

    def show(self, event: dict[str, Any]) -> None:
        """Take one more event."""
        match event["type"]:
            case "linted" if event["verdict"] == "reject":
                self._failed_step = _first_error(event["findings"])
            case "executed" if event["outcome"]["kind"] == "failed":
                self._failed_step = event["outcome"]["message"]
            case "step_finished":
                self._line(event)

    def _line(self, event: dict[str, Any]) -> None:
        verb = _VERBS.get(event["step"], event["step"])
        seconds = event["elapsed_ms"] / 1000
        trouble, self._failed_step = self._failed_step, None
        mark = "[red]✗[/]" if trouble else "[green]✓[/]"
        detail = escape(_short(trouble or event.get("detail") or ""))
        err.print(f"{mark} {verb:<15} {detail:<52} [dim]{seconds:6.1f} s[/]")


def show_ending(run: dict[str, Any], *, sql: bool) -> None:
    """Print how the run ended: the answer on standard output, a refusal or failure on standard error."""
    match run["status"]:
        case "succeeded":
            _show_answer(run["answer"], sql=sql)
        case "refused":
            complain(run["refusal"]["message"], run["refusal"]["hint"])
        case "clarify":
            out.print(escape(run["clarification"]["question"]))
            for number, option in enumerate(run["clarification"]["options"], 1):
                out.print(f"  {number}. {escape(option)}")
        case "cancelled":
            err.print("Stopped.")
        case _:
            problem = run.get("problem") or {"message": f"The run is {run['status']}.", "hint": ""}
            complain(problem["message"], problem["hint"])
            err.print(f"  [dim]run {run['run_id']}[/]")


def _show_answer(answer: dict[str, Any], *, sql: bool) -> None:
    out.print(escape(answer["text"]), style="bold")
    if answer["row_count"] > 1 or len(answer["columns"]) > 1:
        out.print(_table(answer))
    count = f"{answer['row_count']:,} row{'' if answer['row_count'] == 1 else 's'}"
    if answer["truncated"]:
        count += f" (cut at the limit of {answer['truncated']})"
    err.print(f"[dim]{count}[/]")
    if sql:
        out.print(Syntax(answer["sql"], "sql", background_color="default", word_wrap=True))


def _table(answer: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in answer["columns"]:
        right = column["type"].startswith(_NUMERIC)
        table.add_column(escape(column["name"]), justify="right" if right else "left")
    for row in answer["rows"][:SHOWN_ROWS]:
        table.add_row(*("[dim]NULL[/]" if cell is None else escape(_short(str(cell), 60)) for cell in row))
    if answer["row_count"] > SHOWN_ROWS:
        table.add_row(*(["…"] * len(answer["columns"])))
    return table


def trace_lines(events: list[dict[str, Any]]) -> list[str]:
    """A line an event: position, seconds since the run's start, step, type, and its own words.

    Deltas are not among a run's events, so what was streamed is told by the event that holds it whole.
    """
    if not events:
        return []
    begun = datetime.fromisoformat(events[0]["at"])
    lines = []
    for position, event in enumerate(events, 1):
        seconds = (datetime.fromisoformat(event["at"]) - begun).total_seconds()
        step = event.get("step") or "-"
        lines.append(
            f"{position:>4} {seconds:8.3f} s  {step:<17} {event['type']:<14} {_words(event)}".rstrip()
        )
    return lines


def _words(event: dict[str, Any]) -> str:
    """What is worth telling of an event in one line. Never a row of a result."""
    match event["type"]:
        case "run_started":
            said = event["question"]
        case "drafted" | "repaired":
            said = event["sql"]
        case "linted":
            said = event["verdict"]
        case "executed" if event["outcome"]["kind"] == "rows":
            said = f"{event['outcome']['row_count']:,} rows"
        case "executed":
            said = event["outcome"]["message"]
        case "answered":
            said = event["answer"]["text"]
        case "run_failed":
            said = event["problem"]["message"]
        case "refused":
            said = event["refusal"]["message"]
        case _:
            said = event.get("detail") or event.get("reason") or ""
    return _short(str(said), 100)


def _first_error(findings: list[dict[str, Any]]) -> str:
    errors = [finding["message"] for finding in findings if finding["severity"] == "error"]
    return str(errors[0]) if errors else "rejected"


def _short(text: str, width: int = 52) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
