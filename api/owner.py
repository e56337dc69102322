"""Who this process is among those that share a store, and which of the others are certainly dead."""

import os
import socket
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4


def new_owner() -> str:
    """A name for this process: where it runs, its process id there, and a random part."""
    return f"{_place()}:{os.getpid()}:{uuid4().hex}"


def dead(owners: Iterable[str], me: str) -> list[str]:
    """Those that ran where we run and do not any more. Of others, only their leases tell."""
    here = _place()
    return [owner for owner in owners if owner != me and _gone(owner, here)]


def _gone(owner: str, here: str) -> bool:
    place, _, rest = owner.partition(":")
    number = rest.partition(":")[0]
    if place != here or not number.isdecimal():
        return False
    if int(number) == os.getpid():
        # One process may hold several applications, as tests do: only its own death ends them.
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _place() -> str:
    """One name for everything that sees the same process ids: a boot of a machine, and a namespace in it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid').translate(_PLAIN)}"
    except OSError:
        return socket.gethostname().replace(":", "-")


_PLAIN = str.maketrans(":", "-", "[]")
