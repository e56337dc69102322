"""Where judges come from: a process that has their code loaded, and forks one for each that is wanted.

Loading the grammar takes some hundred times as long as a fork, and each changed policy or catalog wants new
judges. The nursery is started like a judge was, by ``exec`` and without the parent's environment; it never
sees a policy, a catalog, a key or a statement. After a judge that crashed or hung it is given up: whoever
made it crash shall not meet the same layout of memory again.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading

from agent.sandbox.orders import END, FORK, ORDER

END_SECONDS = 5.0
"""Wall time after which an ended child is no longer waited for; the kernel has it by then."""


class Nursery:
    """One such process, started at once.

    Raises:
        OSError: the system has no more processes or sockets.
    """

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "agent.sandbox.worker"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                # What libc says of a crash would go into the agent's structured log as noise.
                stderr=subprocess.DEVNULL,
                # Only where to find the code: the parent's environment may hold the database's password.
                env={
                    "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
                    "LC_ALL": "C.UTF-8",
                },
                start_new_session=True,
            )
        self._numbers = itertools.count(1)
        self._living: set[int] = set()
        self._retired = False
        self._lock = threading.Lock()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can fork."""
        return not self._retired and self._process.poll() is None

    def fork(self) -> tuple[int, socket.socket]:
        """Order a child: its number here, and the socket to it. It answers as soon as it is there.

        Raises:
            OSError: the nursery has ended.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                number = next(self._numbers)
                socket.send_fds(self._control, [ORDER.pack(FORK, number)], [theirs.fileno()])
                self._living.add(number)
        except OSError:
            ours.close()
            raise
        return number, ours

    def end(self, number: int) -> None:
        """Kill a child, whatever it does. Twice is once."""
        with self._lock:
            if number not in self._living:
                return
            self._living.discard(number)
            # A nursery that has ended took its children along, or they end with their sockets.
            with contextlib.suppress(OSError):
                self._control.sendall(ORDER.pack(END, number))
            over = self._retired and not self._living
        if over:
            self._close()

    def retire(self) -> None:
        """Fork no more; it ends with its last child."""
        with self._lock:
            over = not self._retired and not self._living
            self._retired = True
        if over:
            self._close()

    def _close(self) -> None:
        self._control.close()
        # Nobody waits for it, but somebody must take its exit code.
        threading.Thread(target=self._process.wait, daemon=True).start()

    def close(self) -> None:
        """End it with all its children, and wait for that."""
        self._retired = True
        self._control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)


class Child:
    """A child of the nursery, and the stream to it."""

    def __init__(
        self, nursery: Nursery, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.nursery = nursery
        self.reader = reader
        self.writer = writer
        self._number = number

    @classmethod
    async def born(cls) -> Child:
        """A new child of the nursery that is, or of a new one.

        Raises:
            OSError: the system has no more processes or sockets.
        """
        nursery, number, ours = _forked()
        try:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
        except BaseException:
            nursery.end(number)
            ours.close()
            raise
        return cls(nursery, number, reader, writer)

    async def end(self) -> None:
        """Kill it and wait until it is gone."""
        self.nursery.end(self._number)
        with contextlib.suppress(OSError, TimeoutError):
            # Where the nursery itself was killed, its children go when nothing more can come.
            self.writer.write_eof()
            async with asyncio.timeout(END_SECONDS):
                while await self.reader.read(65_536):  # its end of the socket closes with it
                    pass
        self.writer.close()


_lock = threading.Lock()
_current: Nursery | None = None


def prepare() -> None:
    """Start the nursery now, so that it loads while its parent does; without this it starts when wanted."""
    with _lock, contextlib.suppress(OSError):
        _ready()


def _ready() -> Nursery:
    global _current
    if _current is None or not _current.alive:
        if _current is not None:
            _current.retire()
        _current = Nursery()
    return _current


def _forked() -> tuple[Nursery, int, socket.socket]:
    with _lock:
        nursery = _ready()
        try:
            return nursery, *nursery.fork()
        except OSError:
            nursery.retire()  # it has ended since it was looked at
            nursery = _ready()
            return nursery, *nursery.fork()


def retire() -> None:
    """Let the next child come from a new nursery."""
    with _lock:
        if _current is not None:
            _current.retire()


@atexit.register
def _end() -> None:
    if _current is not None:
        _current.close()
