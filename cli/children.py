"""The processes that a command starts and must not leave behind."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from cli.errors import CommandError

_PR_SET_PDEATHSIG = 1
LOG_TAIL_LINES = 6
MAX_RESTARTS = 3
RESTART_SECONDS = 60.0
"""A child that ends more often than this many times in this long is not started again."""


class ChildFailed(CommandError):
    """A process that was started ended by itself."""

    code = "child_failed"


class Child:
    """A child process with its log, ended with us however we end.

    Args:
        name: what people call it.
        arguments: after ``python -m``.
        environment: added to ours.
        log: where its output goes; written anew.
        descriptors: those of ours that it inherits.

    Start it from the main thread: Linux ends the child when the *thread* that started it ends
    (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._descriptors = tuple(descriptors)
        self.log = log
        self._command = [sys.executable, "-m", *arguments]
        self._environment = {**os.environ, **environment}
        self._file: IO[bytes] = log.open("wb")
        self._restarts: deque[float] = deque(maxlen=MAX_RESTARTS)
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=self._descriptors,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            # Its own group: Ctrl-C is ours to handle, so that things stop in order.
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )

    def forget(self, variable: str, descriptor: int) -> None:
        """Start it without this variable and this descriptor, should it be started again."""
        self._environment.pop(variable, None)
        self._descriptors = tuple(one for one in self._descriptors if one != descriptor)

    def check(self) -> None:
        """Make sure that it is alive.

        Raises:
            ChildFailed: it has ended; the message ends with the last lines of its log.
        """
        code = self.process.poll()
        if code is None:
            return
        said = "\n".join(self.tail())
        raise ChildFailed(f"The {self.name} ended (exit {code}).\n{said}", f"Its log: {self.log}")

    def revive(self) -> bool:
        """Start it again when it has ended; True when that was needed.

        Raises:
            ChildFailed: it keeps ending: ``MAX_RESTARTS`` times in ``RESTART_SECONDS`` already.
        """
        if self.process.poll() is None:
            return False
        now = time.monotonic()
        if len(self._restarts) == MAX_RESTARTS and now - self._restarts[0] < RESTART_SECONDS:
            self.check()
        self._restarts.append(now)
        self.process = self._spawn()
        return True

    def tail(self) -> list[str]:
        """The last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if line.strip()][-LOG_TAIL_LINES:]

    def stop(self, grace: float = 15.0) -> None:
        """Ask it to end; insist after ``grace`` seconds."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(grace)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._file.close()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
