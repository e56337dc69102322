"""What the commands share: options, where words go, and how results are found."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from evals.prices import PRICES_VARIABLE
from evals.record import CaseResult, SuiteRun
from evals.store import ResultStore

EXIT_FAILED, EXIT_USAGE, EXIT_REGRESSION, EXIT_STOPPED = 1, 2, 5, 130
DEFAULT_OUT = Path("evals-out")
_LINE_SECONDS = 30.0
"""Between lines of progress where there is no terminal to draw a bar on."""

err = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, soft_wrap=True)

OutFolder = Annotated[Path, typer.Option("--out", help="Folder of results, replies and reports.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Baseline = Annotated[
    str | None,
    typer.Option("--baseline", metavar="RUN", help="Run to compare with: its id or its beginning."),
]
Prices = Annotated[
    Path | None,
    typer.Option("--prices", envvar=PRICES_VARIABLE, help="TOML file of prices a million tokens, by model."),
]


def examples(*pairs: tuple[str, str]) -> str:
    """An epilog of commands with what each does, which help prints as it stands."""
    lines = [line for command, said in pairs for line in (f"  {command}", f"      {said}")]
    # The control character keeps the help from filling lines together.
    return "\b\nExamples:\n" + "\n".join(lines)


def complain(message: str, hint: str = "") -> None:
    """Say what went wrong and what to do about it."""
    err.print(f"[bold red]✗[/] {escape(message)}")
    if hint:
        err.print(f"  [dim]→[/] {escape(hint)}")


def print_json(value: object) -> None:
    """One JSON document on standard output: indented for a person, on one line for a pipe."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def stored(folder: Path, name: str) -> tuple[SuiteRun, list[CaseResult]]:
    """A run and its results. Raises ``StoreError`` where there is none of that name."""
    with ResultStore(folder) as store:
        found = store.run(name)
        return found, store.results(found.run_id)


class Bar:
    """How far a run is: done, right so far, time gone and time left."""

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._task = progress.add_task("asking", total=None, right=0) if progress is not None else None
        self._right = 0
        self._seen = 0
        self._started = self._told = time.monotonic()

    def tell(self, result: CaseResult, done: int, total: int) -> None:
        """One more is done. What a stopped run had is counted, but not whether it was right."""
        self._right += result.correct
        self._seen += 1
        if self._progress is not None:
            self._progress.update(self._task, completed=done, total=total, right=self._right)
        elif time.monotonic() - self._told >= _LINE_SECONDS or done == total:
            self._told = time.monotonic()
            left = (time.monotonic() - self._started) / self._seen * (total - done)
            err.print(f"{done} of {total} asked, {self._right} right, about {left / 60:.0f} min left")


@contextmanager
def bar() -> Iterator[Bar]:
    """A bar on a terminal; elsewhere a line now and then."""
    if not err.is_terminal or os.environ.get("CI"):
        yield Bar(None)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[right]} right"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
        console=err,
    ) as progress:
        yield Bar(progress)
