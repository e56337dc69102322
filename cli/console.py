"""Where words go: results to standard output, everything else to standard error."""

import io
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class _Pipe(Console):
    """A console whose reader may go: Rich would end the program with 1, as if something had failed."""

    def on_broken_pipe(self) -> None:
        """Without a reader of results there is nothing left to do; what is beside them is not missed."""
        if not self.stderr:
            raise BrokenPipeError from None
        self.quiet = True


err = _Pipe(stderr=True, highlight=False, soft_wrap=True)
"""Progress, warnings and errors. Rich honours ``NO_COLOR`` and a missing terminal."""
out = _Pipe(highlight=False, soft_wrap=True)
"""Results."""


def print_whatever_comes() -> None:
    """Where standard output has another encoding than UTF-8, write what that lacks as an escape.

    Work that is done is not to end in a traceback over a tick, or over somebody's name.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def print_json(value: object) -> None:
    """One JSON document on standard output: indented for a person, on one line for a pipe."""
    indent = 2 if sys.stdout.isatty() else None
    # Escaped by JSON's own means where they are needed: a lone surrogate is no text in any encoding.
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=indent, default=str)
    sys.stdout.write(text + "\n")
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
