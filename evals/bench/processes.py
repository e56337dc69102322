"""What processes spend and hold, as the system tells; zero where it does not."""

import resource
import time
from pathlib import Path

_CPU_CLOCK = 2
"""Linux's own for a process's time, to the nanosecond; ``/proc`` counts hundredths of a second."""
_OWN_FILES = 256
"""That a process has open besides those it is asked to."""


class TooFewFiles(Exception):
    """So many files cannot be open at once on this machine."""


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has spent, without its children's."""
    try:
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK)
    except (OSError, AttributeError):
        return 0.0


def family_cpu_seconds(pid: int) -> float:
    """As ``cpu_seconds``, with what its children and theirs have spent that live."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        lists = []
    return cpu_seconds(pid) + sum(family_cpu_seconds(int(child)) for text in lists for child in text.split())


def resident_mb(pid: int) -> float:
    """What a process holds in memory, its children not counted."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    return 0.0


def allow_files(count: int) -> None:
    """Let this process, and those that it starts, have so many sockets open at once.

    Raises:
        TooFewFiles: the system's own limit is lower.
    """
    wanted = count + _OWN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise TooFewFiles(
            f"{count:,} sockets need {wanted:,} open files in one process, and {hard:,} are allowed here."
            " Raise the hard limit (ulimit -Hn, or LimitNOFILE of the service) or measure without --full."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
