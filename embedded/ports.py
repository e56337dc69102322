"""TCP ports on loopback for servers that are about to be started.

Between the choice of a port and the moment that a server listens there anybody can take it. Two do so by
chance: the kernel, which gives ports of its ephemeral range to outgoing connections, and another process of
ours that chooses at the same time. So ports are taken outside that range, and what was handed out is written
down where every process of this user on this machine looks.
"""

import json
import os
import random
import socket
import tempfile
import time
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

from embedded.locks import exclusive

PORT_ATTEMPTS = 5
"""How often a server that lost its port to a stranger is started again on another one."""
KEPT_SECONDS = 600.0
"""A port is handed out once in this long: its server may be started again where clients know it."""
_LOCK_SECONDS = 5.0
_LOWEST, _HIGHEST = 20_000, 49_151
"""Above what well-known servers listen on, and below the ephemeral range of IANA."""
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port on loopback that nothing listens on, and that no other process was given in ten minutes.

    Whoever listens there first has it all the same: a server that finds it taken asks for another one.
    """
    candidates = _candidates()
    book = Path(tempfile.gettempdir()) / f"custard-ports-{os.getuid()}"
    # A folder that cannot be written, or a holder that hangs, must not keep a server from its start.
    with suppress(OSError), exclusive(book, _LOCK_SECONDS):
        if book.stat().st_uid != os.getuid():
            raise PermissionError(f"{book} is another user's")
        given = _given(book)
        port = _choose(candidates, given)
        _write(book, {**given, port: time.monotonic()})
        return port
    return _choose(candidates, ())


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        # As servers do it: connections that are just ending do not keep a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _candidates() -> list[int]:
    """Ports that no outgoing connection is given; where the kernel keeps none back, all the same."""
    low, high = _ephemeral()
    outside = [port for port in range(_LOWEST, _HIGHEST + 1) if not low <= port <= high]
    return outside or list(range(_LOWEST, _HIGHEST + 1))


def _ephemeral() -> tuple[int, int]:
    """The range, both ends included; IANA's where the kernel does not say."""
    try:
        low, high = _EPHEMERAL.read_text().split()
        return int(low), int(high)
    except (OSError, ValueError):
        return _HIGHEST + 1, 65_535


def _choose(candidates: list[int], given: Container[int]) -> int:
    """One at random: processes that cannot see each other's book choose differently, too."""
    # Not the module's own generator: whoever seeds that one in two processes would be given the same.
    for port in random.SystemRandom().sample(candidates, len(candidates)):
        if port not in given and is_free(port):
            return port
    # Every single one is in use or was handed out: let the kernel find one in its own range.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _given(book: Path) -> dict[int, float]:
    """What was handed out, and when on the machine's monotonic clock, without what is long ago.

    A moment that is still to come was written before the machine was started.
    """
    now = time.monotonic()
    try:
        written = json.loads(book.read_text())
        return {int(port): float(at) for port, at in written.items() if 0 <= now - float(at) < KEPT_SECONDS}
    except (ValueError, AttributeError, TypeError):
        return {}


def _write(book: Path, given: dict[int, float]) -> None:
    # In place: the lock is on this file, and another one moved here would be locked by nobody.
    book.write_text(json.dumps(given))
