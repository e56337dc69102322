"""``python -m tests.faults.process backend|agent``: the real process, in a hurry, and open to a look inside.

What differs from ``custard up`` and ``custard-agent run`` is how long they wait (liveness, leases, backoff),
so that many faults fit into a minute, and SIGUSR1: it writes the names of the tasks and the number of open
files to the file that ``FAULTS_REPORT`` names. ``FAULTS_CLOCK_HOURS`` sets the process's wall clock wrong,
SIGUSR2 moves it an hour forth or back, and ``FAULTS_PROTOCOL`` makes it speak other versions of the wire
(``1-2``).
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

PING_SECONDS = 1.0
PONG_SECONDS = 4.0
"""Deaf for so long is dead: less, and a busy machine kills the living."""
LOOKED_SECONDS = 4.0
"""Whatever looks at a clock has looked by then: liveness, leases, heartbeats."""


_wrong = {"hours": 0.0}


def _step_clock(*_: object) -> None:
    _wrong["hours"] = 0.0 if _wrong["hours"] else 1.0


def _set_clock(hours: float) -> None:
    """Another wall clock for all that is imported from now on; monotonic clocks stay."""
    import datetime as dates
    import time

    _wrong["hours"] = hours

    real = dates.datetime

    class Kind(type):
        """What a library makes is a datetime too."""

        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    class Wrong(real, metaclass=Kind):
        @classmethod
        def now(cls, tz: dates.tzinfo | None = None) -> "Wrong":
            return super().now(tz) + dates.timedelta(hours=_wrong["hours"])

    right = time.time
    time.time = lambda: right() + _wrong["hours"] * 3600
    dates.datetime = Wrong  # type: ignore[misc]  # a clock that is wrong, for whoever asks


def _speak(lowest: int, highest: int) -> None:
    """Other versions of the wire, for all that is imported from now on."""
    from wire import messages

    messages.PROTOCOL_VERSION_MIN, messages.PROTOCOL_VERSION = lowest, highest
    for name, version in (("protocol_min", lowest), ("protocol_max", highest)):
        messages.Hello.model_fields[name].default = version
    messages.Hello.model_rebuild(force=True)


def _report(*_: object) -> None:
    tasks = asyncio.all_tasks()
    names = sorted(task.get_name() for task in tasks)
    where = sorted(str(task.get_coro()).partition(" at 0x")[0] for task in tasks)
    files = len(os.listdir("/proc/self/fd"))
    report = Path(os.environ["FAULTS_REPORT"])
    whole = report.with_suffix(".new")
    whole.write_text(json.dumps({"tasks": len(names), "names": names, "where": where, "files": files}))
    whole.replace(report)


def _backend() -> None:
    import api.bus.asking
    import api.bus.pulse
    import api.leases
    import api.recorder
    import api.roster
    import api.store.pool
    import api.tail
    from api.app import create_app
    from api.server import bind, make_server
    from api.settings import Settings

    api.leases.BEAT_SECONDS = 0.3
    api.roster.BEAT_SECONDS, api.roster.GONE_SECONDS = 0.5, 5.0
    # Longer than as shipped: a broker that waits for the processor is not a broker that says nothing.
    api.bus.pulse._WAITS = 20
    api.store.pool.WAIT_SECONDS = 10.0
    api.bus.asking.TAKEN_SECONDS, api.bus.asking.SILENCE_SECONDS = 30.0, 30.0
    api.recorder._MEND_SECONDS_MOST = 1.0
    api.tail.HEARTBEAT_SECONDS = 1
    settings = Settings()
    listener = bind(settings)
    server = make_server(create_app(settings), settings)
    server.config.ws_ping_interval, server.config.ws_ping_timeout = PING_SECONDS, PONG_SECONDS
    server.run(sockets=[listener])


def _agent() -> None:
    from agent import __main__, backoff, client

    client.PING_SECONDS, client.PONG_SECONDS = PING_SECONDS, PONG_SECONDS
    client.OPEN_SECONDS = 10.0
    backoff.BASE_SECONDS, backoff.CAP_SECONDS, backoff.SLOW_SECONDS = 0.1, 0.4, 1.0
    sys.exit(__main__.main(["run"]))


def main() -> None:
    signal.signal(signal.SIGUSR1, _report)
    signal.signal(signal.SIGUSR2, _step_clock)
    if "FAULTS_CLOCK_HOURS" in os.environ:
        _set_clock(float(os.environ["FAULTS_CLOCK_HOURS"]))
    if spoken := os.environ.get("FAULTS_PROTOCOL"):
        _speak(*(int(number) for number in spoken.split("-")))
    parts: dict[str, Callable[[], None]] = {"backend": _backend, "agent": _agent}
    parts[sys.argv[1]]()


if __name__ == "__main__":
    main()
