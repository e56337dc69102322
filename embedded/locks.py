"""Locks between processes, on files, that the kernel drops when their holder dies.

No process ids are written down, so nothing can be stale after a kill or a power cut.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_SECONDS = 0.05


@contextmanager
def exclusive(path: Path, seconds: float) -> Iterator[None]:
    """Hold ``path`` alone; wait at most ``seconds`` for it.

    Raises:
        TimeoutError: somebody else held it all the while.
    """
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + seconds
        while not _take(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} is held by another process")
            time.sleep(POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


class Use:
    """A standing mark that this process uses something; many may hold it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def hold(self) -> None:
        """Mark the use. Twice is once."""
        if self._descriptor is None:
            self._descriptor = _open(self._path)
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def release(self) -> bool:
        """Drop the mark; True when nobody else holds one."""
        if self._descriptor is None:
            return False
        last = _take(self._descriptor, fcntl.LOCK_EX)
        os.close(self._descriptor)
        self._descriptor = None
        return last


def _open(path: Path) -> int:
    # No link is followed: in a folder that others may write to, one could name any file of ours.
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
