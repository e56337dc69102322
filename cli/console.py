"""Where words go: results to standard output, everything else to standard error."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

err = Console(stderr=True, highlight=False, soft_wrap=True)
"""Progress, warnings and errors. Rich honours ``NO_COLOR`` and a missing terminal."""
out = Console(highlight=False, soft_wrap=True)
"""Results."""


def print_json(value: object) -> None:
    """One JSON document on standard output: indented for a person, on one line for a pipe."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def complain(message: str, hint: str = "") -> None:
    """Say what went wrong and what to do about it."""
    err.print(f"[bold red]✗[/] {escape(message)}")
    if hint:
        err.print(f"  [dim]→[/] {escape(hint)}")


class Line:
    """A piece of work that takes a while; ``detail`` is shown beside it when it is done."""

    def __init__(self) -> None:
        self.detail = ""


@contextmanager
def work(what: str) -> Iterator[Line]:
    """Show that something is being done, then that it is done and how long it took."""
    line = Line()
    started = time.monotonic()
    if err.is_terminal and not os.environ.get("CI"):
        with err.status(f"{escape(what)} …", spinner="line"):
            yield line
    else:
        yield line
    seconds = time.monotonic() - started
    err.print(f"[green]✓[/] {escape(what):<24} [dim]{escape(line.detail):<44} {seconds:6.1f} s[/]")
