"""Somebody who asks for something every 20 ms, as a process of its own: ``python -m evals.bench.asker URL``.

Whoever makes a load has no time to see what others notice of it. Asks until its input ends, then prints the
milliseconds of each answer as JSON.
"""

import asyncio
import json
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

_PAUSE_SECONDS = 0.02


class Asked:
    """What was noticed, once it is over."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def at(self, share: float) -> float:
        """Milliseconds within which so many of the answers came; 0 when there were none."""
        times = sorted(self.times)
        return round(times[min(len(times) - 1, int(len(times) * share))], 1) if times else 0.0


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[Asked]:
    """Have somebody ask meanwhile; ``times`` are there at the end."""
    asked = Asked()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "evals.bench.asker", url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        await process.stdout.readline()  # it has asked once, and begins
        yield asked
        out, _ = await process.communicate(b"")  # closes its input
        asked.times = json.loads(out)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def main(url: str) -> None:
    """Ask until standard input ends."""
    over = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=watch, daemon=True).start()
    took = []
    with httpx2.Client(base_url=url, timeout=60, trust_env=False) as http:
        http.get("/api/v1/runs")
        print("ready", flush=True)
        while not over.is_set():
            began = time.monotonic()
            http.get("/api/v1/runs")  # reads the store, as everything that a person does
            took.append((time.monotonic() - began) * 1000)
            time.sleep(_PAUSE_SECONDS)
    print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
