"""A connection that does not take in more of a result at once than the agent can hold.

libpq hands over a row when all of it is there, so a cell of a gigabyte would be held whole, several times
over, before anybody could say that it is too much. Here the bytes that come in while one piece of a streamed
result is waited for are counted as they come, and past a bound the connection is cut.
"""

import array
import contextlib
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

import psycopg
from psycopg import AsyncConnection, AsyncCursor
from psycopg.pq import ConnStatus, DiagnosticField
from psycopg.waiting import Ready

from agent.errors import StatementTooWide

AT_ONCE_BYTES = 8 * 1024 * 1024
"""Of a piece of a streamed result, a few rows at most, or of the error in its place."""
EXPORT_AT_ONCE_BYTES = 32 * 1024 * 1024
"""The same for an export, which cuts a row of any width into pieces."""
RECEIVE_BUFFER_BYTES = 256 * 1024
"""Of the socket. libpq reads on while there is something to read, and nobody can look while it does; with
a small buffer it mostly soon finds nothing; not always, so an export looks again before it takes a row. At
10 ms from the server it still lets 25 MB pass in a second."""

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)
_BYTES_RECEIVED = struct.Struct("=Q")
_BYTES_RECEIVED_AT = 128
"""Where ``tcpi_bytes_received`` stands in Linux's ``struct tcp_info`` (from 4.1 on)."""


class Intake:
    """Counts what has come in on a socket since it was made.

    Args:
        descriptor: of the socket; it is not owned.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._socket: socket.socket | None = None
        self._read = 0
        self._before = 0
        if sys.platform == "linux":
            self._socket = socket.socket(fileno=descriptor)
            if self._socket.family in (socket.AF_INET, socket.AF_INET6):
                self._before = self._received()
            else:
                self.close()

    @property
    def exact(self) -> bool:
        """Whether the kernel counts, so that one may look at any time."""
        return self._socket is not None

    def look(self) -> int:
        """Bytes until now. Between two looks whatever waits in the socket has to be read.

        Without the kernel's own count, as on a Unix socket, what waits there is added up.
        """
        if self._socket is not None:
            return self._received() - self._before
        waiting = array.array("i", [0])
        fcntl.ioctl(self._descriptor, termios.FIONREAD, waiting)
        self._read += waiting[0]
        return self._read

    def close(self) -> None:
        """Let go of the socket, which stays open."""
        if self._socket is not None:
            self._socket.detach()
            self._socket = None

    def _received(self) -> int:
        assert self._socket is not None
        size = _BYTES_RECEIVED_AT + _BYTES_RECEIVED.size
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, size)
        return int(_BYTES_RECEIVED.unpack_from(info, _BYTES_RECEIVED_AT)[0]) if len(info) >= size else 0


@contextlib.contextmanager
def _socket(descriptor: int) -> Iterator[socket.socket]:
    """A socket for a descriptor that somebody else owns."""
    raw = socket.socket(fileno=descriptor)
    try:
        yield raw
    finally:
        raw.detach()


class BoundedConnection(AsyncConnection[Any]):
    """From the first ``stream`` or cursor of a transaction on, no wait takes in more than ``AT_ONCE_BYTES``.

    What is fetched whole is the agent's own (catalogs), and is not bounded here.
    """

    at_once: int | None = None
    """Bytes that a wait may take in; None sets no bound. Set by ``stream``, and by whoever reads a result in
    another way; whoever checks the connection out clears it."""
    _intake: Intake | None = None
    overrun = False
    """The bound was passed: the connection is cut, and whatever still waits on it fails."""
    doubtful = False
    """A cancel request went unanswered, and may yet hit whatever runs then."""

    @property
    def unfit(self) -> bool:
        """Nobody may have it after this."""
        return self.overrun or self.doubtful

    @classmethod
    async def connect(cls, *args: Any, **kwargs: Any) -> Any:
        """As psycopg's, with cursors whose ``stream`` is bounded."""
        made = await super().connect(*args, **kwargs)
        made.cursor_factory = _Cursor
        with _socket(made.pgconn.socket) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        return made

    async def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """As psycopg's.

        Raises:
            StatementTooWide: too much came at once; the connection is cut.
        """
        if self.at_once is None:
            return await super().wait(gen, *args, **kwargs)
        if self.overrun:
            gen.close()
            raise psycopg.OperationalError("the connection was cut: too much came at once")
        return await super().wait(self._counted(gen, self.at_once), *args, **kwargs)

    def _counted(self, gen: Generator[Any, Any, Any], most: int) -> Generator[Any, Any, Any]:
        intake: Intake | None = None
        try:
            state = next(gen)
            # Made only when there is something to wait for: most pieces are there already.
            self._intake = intake = Intake(self.pgconn.socket)
            while True:
                # Nothing after an interruption, when psycopg goes on with what it waits for.
                ready = (yield state) or Ready.NONE
                if intake.look() > most:
                    self._cut(most)
                if ready & Ready.R:
                    # Read before the generator does: it would make a row of what came, a second copy.
                    self.pgconn.consume_input()
                    self.look()
                state = gen.send(ready)
        except StopIteration as end:
            return end.value
        except psycopg.OperationalError as error:
            if error.sqlstate is None and (said := self._last_words()) is not None:
                raise said from error
            raise
        finally:
            self._intake = None
            if intake is not None:
                intake.close()
            gen.close()

    def _last_words(self) -> psycopg.Error | None:
        """What the server said before it closed the connection, if anything.

        A session between two fetches hears nothing until it reads: that it was in the way of a standby's
        recovery, or that the server stops. By then the end is there too: the words were read here, and the
        generator met the end.
        """
        if self.pgconn.status != ConnStatus.BAD:
            return None  # to ask for a result might wait for one
        with contextlib.suppress(psycopg.OperationalError):
            while (result := self.pgconn.get_result()) is not None:
                if result.error_field(DiagnosticField.SQLSTATE):
                    return psycopg.errors.error_from_result(result)
        return None

    def look(self) -> None:
        """For a generator that is waited on: see how much has just been read, before a row is made of it.

        Twice the bound passes here, as libpq may have read the next rows along into a buffer that doubles.

        Raises:
            StatementTooWide: too much came at once; the connection is cut.
        """
        if self._intake is None or self.at_once is None or not self._intake.exact:
            return
        if self._intake.look() > 2 * self.at_once:
            self._cut(self.at_once)

    def _cut(self, most: int) -> None:
        self.overrun = True
        sever(self.pgconn.socket)
        # What libpq has read is given back now: two statements that were cut at once must not hold it twice.
        self.pgconn.finish()
        raise too_wide(most)


def sever(descriptor: int) -> None:
    """Cut the socket of ``descriptor``, which stays open until its owner closes it. Never raises.

    Closing it then sends a reset. A server that waits for room to write hears nothing of an ordinary end, and
    would go on waiting, deaf to cancelling, for as long as the kernel remembers the socket: a minute.
    """
    with _socket(descriptor) as raw, contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        raw.shutdown(socket.SHUT_RDWR)


def too_wide(most: int) -> StatementTooWide:
    """What is said of a row of more bytes than may be taken in at once."""
    return StatementTooWide(
        f"A row of the result, or a few together, takes more than {most // 1024 // 1024} MB.",
        "Select fewer or shorter columns, or cut long texts with left().",
    )


class _Cursor(AsyncCursor[Any]):
    def stream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        self.connection.at_once = AT_ONCE_BYTES  # type: ignore[attr-defined]  # these cursors are made by the class above
        return super().stream(*args, **kwargs)
