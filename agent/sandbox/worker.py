"""The processes in which statements are judged: ``python -m agent.sandbox.worker`` is the nursery that forks
them, and each fork a judge.

They know no password and open nothing. What a judge reads from its parent is trusted (a pickle of policy and
catalog, then statements); what it writes is JSON, because after hostile input it may not be itself any more.

Frames both ways: four bytes of length, big-endian, then the body. A statement is a JSON string and its answer
a verdict; null asks for everything that may be read.

The nursery reads orders on its standard input, a socket: to fork a judge, with the judge's end of a socket,
or to end one. When that socket closes, it ends with all of them.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import resource
import signal
import socket
import sys
from typing import IO, NoReturn

from agent.sandbox.judge import Judge
from agent.sandbox.orders import END, HEADER, ORDER

MEMORY_BYTES = 1024 * 1024 * 1024
"""Address space of the process."""
STACK_BYTES = 64 * 1024 * 1024
"""The grammar's recursion needs it; at 8 MiB a statement of 43 kB overruns it."""
CPU_SECONDS = 1.0
"""Processor time for one statement, after which the kernel ends the process. Not wall time: a busy machine
must not refuse what an idle one lets through."""

FRAMES = 20_000
"""Python's frames below one another: several for each of the tree's levels, whose number the shape bounds."""


def main() -> int:
    """Fork judges and end them, until the parent closes the socket."""
    sys.setrecursionlimit(FRAMES)
    _limit(resource.RLIMIT_STACK, STACK_BYTES)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        # The parent decides when to stop, by closing the socket or by SIGKILL.
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    # What is loaded stays; a collector that looks at it would copy its pages into each child.
    gc.collect()
    gc.freeze()
    judges: dict[int, int] = {}
    try:
        _take_orders(control, judges)
    finally:
        for judge in list(judges):
            _end(judges, judge)
    return 0


def _take_orders(control: socket.socket, judges: dict[int, int]) -> None:
    while True:
        order, sockets, _, _ = socket.recv_fds(control, ORDER.size, 1, socket.MSG_WAITALL)
        if len(order) < ORDER.size:
            return
        what, number = ORDER.unpack(order)
        if what == END:
            _end(judges, number)
            continue
        for own in sockets:
            # Without a process for it, the parent reads the end of the stream.
            with contextlib.suppress(OSError):
                pid = os.fork()
                if pid == 0:
                    _become_judge(control, own)
                judges[number] = pid
            os.close(own)


def _end(judges: dict[int, int], number: int) -> None:
    """Kill a judge. Its process's number is its own until it is waited for here."""
    pid = judges.pop(number, None)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _become_judge(control: socket.socket, own: int) -> NoReturn:
    code = 1
    try:
        control.close()
        with socket.socket(fileno=own) as stream:
            serve(stream.makefile("rb"), stream.makefile("wb"))
        code = 0
    finally:
        # Not sys.exit: the loop that forked it must not go on in it.
        os._exit(code)


def serve(source: IO[bytes], sink: IO[bytes]) -> None:
    """Judge until the parent closes the stream."""
    setup = _read(source)
    if setup is None:
        return
    judge = Judge(*pickle.loads(setup))  # noqa: S301 (from the parent, before any statement)
    judge.catalog.build_indexes()
    judge.judge("SELECT 1")
    _write(sink, json.dumps({"pid": os.getpid()}).encode())
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
