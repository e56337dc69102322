"""A download as the terminal shows it: bytes, speed and what is left, and nothing when there is none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from cli.console import err


@contextmanager
def show_download(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function of (bytes done, bytes in all); a bar appears once there is work left."""
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=err, transient=True)
    task = progress.add_task(what, total=None)
    shown = False

    def report(done: int, total: int) -> None:
        nonlocal shown
        if not shown and done < total:
            err.print(f"  Fetching {what.lower()}, {total / 1e6:,.0f} MB, once for all clones")
            progress.start()
            shown = True
        progress.update(task, completed=done, total=total)

    try:
        yield report
    finally:
        if shown:
            progress.stop()
