"""The child process in which statements are judged: ``python -m agent.sandbox.worker``.

It knows no password and opens nothing. What it reads from its parent is trusted (a pickle of policy and
catalog, then statements); what it writes is JSON, because after hostile input it may not be itself any more.

Frames both ways: four bytes of length, big-endian, then the body. A statement is a JSON string and its answer
a verdict; null asks for everything that may be read.
"""

from __future__ import annotations

import json
import pickle
import resource
import signal
import struct
import sys
from typing import IO

from agent.sandbox.judge import Judge

MEMORY_BYTES = 1024 * 1024 * 1024
"""Address space of the process."""
STACK_BYTES = 64 * 1024 * 1024
"""The grammar's recursion needs it; at 8 MiB a statement of 43 kB overruns it."""
CPU_SECONDS = 1.0
"""Processor time for one statement, after which the kernel ends the process. Not wall time: a busy machine
must not refuse what an idle one lets through."""

FRAMES = 20_000
"""Python's frames below one another: several for each of the tree's levels, whose number the shape bounds."""

HEADER = struct.Struct(">I")


def main() -> int:
    """Judge until the parent closes the pipe."""
    sys.setrecursionlimit(FRAMES)
    _limit(resource.RLIMIT_STACK, STACK_BYTES)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        # The parent decides when to stop, by closing the pipe or by SIGKILL.
        signal.signal(number, signal.SIG_IGN)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    setup = _read(source)
    if setup is None:
        return 0
    judge = Judge(*pickle.loads(setup))  # noqa: S301 (from the parent, before any statement)
    judge.catalog.build_indexes()
    judge.judge("SELECT 1")
    _write(sink, b"{}")
    while (body := _read(source)) is not None:
        statement = json.loads(body)
        if statement is None:
            told = {
                name: [shown.columns, sorted(shown.masked), shown.filtered]
                for name, shown in judge.shown().items()
            }
            _write(sink, json.dumps(told).encode())
            continue
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
        verdict = judge.judge(statement)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        _write(sink, verdict.to_json().encode())
    return 0


def _limit(what: int, soft: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(what, (soft, hard))


def _read(source: IO[bytes]) -> bytes | None:
    header = source.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    return source.read(length)


def _write(sink: IO[bytes], body: bytes) -> None:
    sink.write(HEADER.pack(len(body)) + body)
    sink.flush()


if __name__ == "__main__":
    sys.exit(main())
