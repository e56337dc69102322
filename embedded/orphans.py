"""Server processes that outlived their killed postmaster.

A backend in the midst of a statement does not notice that its postmaster has died, and as long as it works it
holds the shared memory without which no new server starts on the same cluster. Whatever it would still do
is lost anyway: its client is told so as soon as it ends.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def end_orphans(data: Path) -> int:
    """Kill the processes that a dead postmaster left on ``data``; returns how many.

    Call it only when no postmaster runs there. Where there is no ``/proc`` nothing is found, and a new server
    waits until they end by themselves.
    """
    ended = 0
    for pid in _left_on(data):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            ended += 1
    return ended


def _left_on(data: Path) -> Iterator[int]:
    """Processes called ``postgres`` that stand in the data directory: the server and all its children do."""
    for entry in Path("/proc").glob("[0-9]*"):
        # Another user's process, or one that ends while we look.
        with suppress(OSError):
            if (entry / "comm").read_text().strip() == "postgres" and (entry / "cwd").readlink() == data:
                yield int(entry.name)
