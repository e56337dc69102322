"""A folder for files in the making, which goes with its process.

Replicas of one machine share the folder of results, so what a killed one left must be told from what a living
one is at. The folder is locked by its process: the kernel drops that lock however the process ends.
"""

import fcntl
import os
import shutil
import threading
import time
from pathlib import Path
from uuid import uuid4

import structlog

_PREFIX = "work_"
_OLD_SECONDS = 24 * 3600.0
"""How long a file in the making may be untouched that lies where earlier versions put theirs."""

_log = structlog.get_logger("api.workspace")


class Workspace:
    """This process's folder below ``parent``. All methods touch the disk; call them in a thread."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._path: Path | None = None
        self._lock: int | None = None
        self._making = threading.Lock()

    def folder(self) -> Path:
        """The folder, made when it is first asked for, and again when somebody has cleared it away.

        Raises:
            OSError: the disk does not let it.
        """
        with self._making:
            if self._path is None or not self._path.is_dir():
                self._release()
                self._path = self._made()
            return self._path

    def _made(self) -> Path:
        self._parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Locked under another name, so that nobody ever finds one of ours that is not locked.
        new = self._parent / f"new_{uuid4().hex}"
        new.mkdir(mode=0o700)
        self._lock = os.open(new, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        return new.rename(self._parent / f"{_PREFIX}{uuid4().hex}")

    def sweep(self) -> int:
        """Remove the folders of processes that have ended; returns how many there were."""
        if not self._parent.is_dir():
            return 0
        gone = [path for path in self._parent.glob(f"{_PREFIX}*") if path != self._path and _is_free(path)]
        for path in gone:
            shutil.rmtree(path, ignore_errors=True)
        for pattern in ("*.part", "new_*"):
            for path in self._parent.glob(pattern):
                _remove_if_old(path)
        if gone:
            _log.info("files in the making of ended processes were removed", folders=len(gone))
        return len(gone)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _is_free(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _remove_if_old(path: Path) -> None:
    try:
        if path.stat().st_mtime > time.time() - _OLD_SECONDS:
            return
    except OSError:
        return
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
