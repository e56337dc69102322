"""Stops a server whose user died without stopping it: PostgreSQL that several may use, or another's own.

A child of every process that uses a server, run as a script by file name, and reading nothing but its
standard input: a pipe that closes when the parent ends, however it ends. Then, when no other process holds
the server in use, it is shut down, and a throw-away one is removed. Standard library only: it must start in
milliseconds and outlive whatever went wrong.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO

RELEASE_SECONDS = 1.0
"""How long the dying parent's own locks may take to go after its pipe has."""

SHUTDOWN_SECONDS = 15.0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--start-lock", type=Path)
    parser.add_argument("--use-lock", type=Path)
    parser.add_argument("--pid-file", type=Path)
    parser.add_argument("--remove", type=Path)
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    if options.pid_file is not None:
        _end_own(options.pid_file)
        shutil.rmtree(options.remove, ignore_errors=True)
        return 0
    if not options.start_lock.exists():
        return 0
    with options.start_lock.open("a") as starting, options.use_lock.open("a") as using:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not _take(using, RELEASE_SECONDS):
            return 0
        stop_postmaster(options.data, SHUTDOWN_SECONDS)
        if options.remove is not None:
            shutil.rmtree(options.remove, ignore_errors=True)
    return 0


def postmaster_pid(data: Path) -> int | None:
    """The process id of the server that runs on ``data`` right now; None when none does.

    A pid file alone proves nothing: after a kill it stays, and its number may be anybody's by then.
    """
    return _named(data / "postmaster.pid", data)


def _named(pid_file: Path, folder: Path) -> int | None:
    """The process that a file names, when the folder is on its command line."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None
    return pid if str(folder) in _command_line(pid) else None


def _end_own(pid_file: Path) -> None:
    """End a server that served the dead one alone, and keeps nothing."""
    pid = _named(pid_file, pid_file.parent)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def stop_postmaster(data: Path, seconds: float) -> bool:
    """Shut the server down, breaking off what still runs on it; False when it was still there at the end."""
    pid = postmaster_pid(data)
    for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 5.0)):
        if pid is None:
            return True
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if postmaster_pid(data) != pid:
                return True
            time.sleep(0.01)
    return False


def _command_line(pid: int) -> str:
    """The command line of a process, empty when it is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    except ProcessLookupError:
        return ""
    listed = subprocess.run(
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip()


def _take(file: TextIO, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


if __name__ == "__main__":
    sys.exit(main())
