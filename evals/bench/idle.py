"""What agents cost that only keep their socket: memory, and the backend's time for each heartbeat."""

import asyncio
import tempfile
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from evals.bench.chain import running_backend
from evals.bench.echo import running_echo
from evals.bench.figure import Figure, figure_of
from evals.bench.herd import Herd, enrolled
from evals.bench.processes import allow_files, cpu_seconds, resident_mb

PING_SECONDS = 5.0
"""How often the backend asks an agent whether it lives."""
MANY = 10_000
WHOLE_MB = 250.0
"""What a process may hold with so many agents."""
_AT_ONCE = 250
_SECONDS = 600.0


async def idle_figures(*, agents: int, seconds: float) -> list[Figure]:
    """So many agents against as many sockets on a server of the same kind with no application behind it.

    Raises:
        TooFewFiles: so many sockets cannot be open in one process.
    """
    allow_files(agents)
    with running_echo() as (address, pid):
        before = resident_mb(pid)
        sockets = await _sockets(address, agents)
        bare = await _watched(pid, before, agents, seconds)
        for socket in sockets:
            socket.transport.abort()
    with tempfile.TemporaryDirectory(prefix="custard-idle-") as folder:
        home = Path(folder)
        with running_backend(home) as (url, pid):
            tokens = await enrolled(home, agents + 1)
            crowd = Herd(url, tokens)
            tasks = [asyncio.create_task(crowd.agent(agents))]
            await _up(crowd, 1)  # the first one brings what all of them share
            await asyncio.sleep(PING_SECONDS)
            before = resident_mb(pid)
            for first in range(0, agents, _AT_ONCE):
                # Not all at once: those whom the pacer lets wait would be in each other's way.
                some = range(first, min(first + _AT_ONCE, agents))
                tasks += [asyncio.create_task(crowd.agent(number)) for number in some]
                await _up(crowd, 1 + some.stop)
            ours = await _watched(pid, before, agents, seconds)
            whole = resident_mb(pid)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    beside = f"{agents:,} idle agents, each : as many bare sockets"
    return [
        figure_of("idle_memory", beside, [ours[0]], [bare[0]], unit="KiB", scale=1).aiming(median=20),
        figure_of(
            "idle_heartbeat", f"a heartbeat's time, {beside}", [ours[1]], [bare[1]], unit="µs", scale=1
        ).aiming(median=60),
        figure_of(
            "idle_whole",
            f"the backend's process with {agents:,} idle agents : with one",
            [whole],
            [before],
            unit="MB",
            scale=1,
        ).aiming(median=WHOLE_MB if agents >= MANY else None),
    ]


async def _sockets(address: str, count: int) -> list[ClientConnection]:
    # A machine with other work to do may keep one of ten thousand waiting for long.
    return [
        await connect(address, compression=None, ping_interval=None, open_timeout=_SECONDS, proxy=None)
        for _ in range(count)
    ]


async def _up(crowd: Herd, count: int) -> None:
    async with asyncio.timeout(_SECONDS):
        while len(crowd.up) < count:  # noqa: ASYNC110  # a thousand would wake it otherwise
            await asyncio.sleep(0.05)


async def _watched(pid: int, before_mb: float, agents: int, seconds: float) -> tuple[float, float]:
    """KiB for each, and µs of the process's time for each heartbeat."""
    await asyncio.sleep(PING_SECONDS)
    spent = cpu_seconds(pid)
    await asyncio.sleep(seconds)
    heartbeats = agents * seconds / PING_SECONDS
    each = (resident_mb(pid) - before_mb) * 1024 / agents
    return max(each, 0.1), max((cpu_seconds(pid) - spent) / heartbeats * 1e6, 0.1)
