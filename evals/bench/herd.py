"""Thousands of agents that come back at once: ``python -m evals.bench.herd --agents 2000``.

The agents are sockets that speak the opening and then answer pings, with the real agent's own back-off. All
lose their socket in one moment. Meanwhile somebody asks for something every 20 ms. Prints how long
it took until all were back, the peak of accepts in a second, and what the asker noticed, as JSON.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from agent.backoff import Backoff
from api.auth import LOCAL_TENANT
from api.ids import new_id
from api.store.records import ConnectionRecord, JoinCodeRecord
from api.store.sqlite import SqliteStore
from api.tokens import digest, new_agent_token
from evals.bench.asker import asking
from evals.bench.figure import Figure, figure_of
from evals.bench.processes import allow_files, cpu_seconds, resident_mb
from wire.messages import SUBPROTOCOL, ErrorMessage, Hello
from wire.policy import Limits, Share

_SECONDS = 180.0
_QUIET_SECONDS = 5.0
_BACK_SECONDS, _PEAK_SHARE, _ASKER_RATIO = 10.0, 0.6, 3.0
"""The goals."""


@dataclass
class Herd:
    """The agents of one backend."""

    url: str
    tokens: list[str]
    up: set[int] = field(default_factory=set)
    accepted: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    last_at: float = 0.0
    sockets: dict[int, ClientConnection] = field(default_factory=dict)

    async def agent(self, number: int) -> None:
        """One agent, from its first knock to the end."""
        backoff = Backoff()
        while True:
            try:
                await self._session(number)
                backoff.lasted(0.0)
            except InvalidStatus as error:
                self.refused += 1
                backoff.failed(asked=float(error.response.headers.get("Retry-After", "0")))
            except (OSError, WebSocketException, TimeoutError):
                backoff.failed()
            self.up.discard(number)
            await asyncio.sleep(backoff.delay())

    async def _session(self, number: int) -> None:
        socket = await connect(
            f"ws{self.url.removeprefix('http')}/ws",
            additional_headers={"Authorization": f"Bearer {self.tokens[number]}"},
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            ping_interval=None,
            proxy=None,
        )
        try:
            hello = Hello(
                agent_version="bench",
                instance=str(number),
                policy_digest="p",
                limits=Limits(),
                share=Share(),
            )
            await socket.send(hello.model_dump_json())
            await asyncio.wait_for(socket.recv(), 30)
            self.up.add(number)
            self.sockets[number] = socket
            self.last_at = time.monotonic()
            self.accepted[int(self.last_at)] += 1
            async for data in socket:
                asked = json.loads(data)
                if asked["type"] == "introspect":
                    # A database that cannot be read: what is measured is the coming back.
                    reply = ErrorMessage(code="unavailable", message="-", about=asked["request_id"])
                    await socket.send(reply.model_dump_json())
        except ConnectionClosed:
            pass
        finally:
            await socket.close()

    def scatter(self) -> None:
        """Cut every socket, as a load balancer that is restarted does."""
        for socket in self.sockets.values():
            socket.transport.abort()

    async def all_up(self) -> None:
        """Wait until every agent is attached."""
        async with asyncio.timeout(_SECONDS):
            while len(self.up) < len(self.tokens):  # noqa: ASYNC110  # two thousand would wake it otherwise
                await asyncio.sleep(0.02)


async def herd(agents: int) -> dict[str, Any]:
    """Run it all. Raises ``TooFewFiles`` when so many sockets cannot be open in one process."""
    allow_files(agents)
    with tempfile.TemporaryDirectory(prefix="custard-herd-") as folder:
        command = [sys.executable, "-m", "evals.bench.backend", folder]
        backend = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert backend.stdout is not None
        try:
            url = (await backend.stdout.readline()).decode().strip()
            return await _with_backend(url, Path(folder), agents, backend.pid)
        finally:
            backend.terminate()
            await backend.wait()


def herd_figures(told: dict[str, Any]) -> list[Figure]:
    """What ``herd`` told, beside what it is to reach.

    The capacity is what the backend would let in with a core to itself, at the processor time that each took.
    """
    agents, spent = told["agents"], max(told["backend_cpu_seconds"], 0.01)
    seconds, peak = told["seconds_until_all_are_back"], told["peak_accepts_in_a_second"]
    before, during = told["asker_p99_ms"]
    return [
        figure_of(
            "herd_back",
            f"{agents:,} agents until all were back : the processor time of it",
            [seconds],
            [spent],
            unit="s",
            scale=1,
        ).aiming(median=_BACK_SECONDS),
        figure_of(
            "herd_peak",
            "accepts in the fullest second : what a core has the time for in one",
            [peak],
            [agents / spent],
            unit="agents",
            scale=1,
            goal=_PEAK_SHARE,
        ),
        figure_of(
            "herd_asker",
            "an asker's p99 while they come back : before",
            [during],
            [max(before, 0.1)],
            scale=1,
            goal=_ASKER_RATIO,
        ),
    ]


async def _with_backend(url: str, folder: Path, agents: int, pid: int) -> dict[str, Any]:
    async with httpx2.AsyncClient(base_url=url, timeout=60, trust_env=False) as http:
        async with asyncio.timeout(_SECONDS):
            while not await _lives(http):  # noqa: ASYNC110  # in another process
                await asyncio.sleep(0.1)
        tokens = await enrolled(folder, agents)
        crowd = Herd(url, tokens)
        tasks = [asyncio.create_task(crowd.agent(number)) for number in range(agents)]
        await crowd.all_up()
        async with asking(url) as before:
            await asyncio.sleep(_QUIET_SECONDS)
        crowd.accepted.clear()
        crowd.refused = 0
        crowd.up.clear()
        async with asking(url) as during:
            cut_at, spent = time.monotonic(), cpu_seconds(pid)
            crowd.scatter()
            await crowd.all_up()
            spent = cpu_seconds(pid) - spent
        told = {
            "agents": agents,
            "seconds_until_all_are_back": round(crowd.last_at - cut_at, 1),
            "peak_accepts_in_a_second": max(crowd.accepted.values()),
            "told_to_come_back_later": crowd.refused,
            "asker_p50_ms": [before.at(0.5), during.at(0.5)],
            "asker_p99_ms": [before.at(0.99), during.at(0.99)],
            "backend_cpu_seconds": round(spent, 2),
            "backend_rss_mb": round(resident_mb(pid)),
        }
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return told


async def enrolled(folder: Path, agents: int) -> list[str]:
    """Tokens of agents enrolled in the store itself: joining is bounded, and not what is measured."""
    store = SqliteStore(folder / "custard.db")
    await store.open()
    tokens, now = [], datetime.now(UTC)
    try:
        for number in range(agents):
            code, token, connection_id = f"herd-{number}", new_agent_token(), new_id("conn")
            await store.connections.add(ConnectionRecord(connection_id, LOCAL_TENANT, "herd", "", "", now))
            record = JoinCodeRecord(digest(code), LOCAL_TENANT, connection_id, now, now + timedelta(hours=1))
            await store.agents.add_code(record)
            await store.agents.redeem(digest(code), new_id("agt"), "", digest(token), now)
            tokens.append(token)
    finally:
        await store.close()
    return tokens


async def _lives(http: httpx2.AsyncClient) -> bool:
    try:
        return (await http.get("/health")).status_code == 200
    except httpx2.HTTPError:
        return False


def main() -> None:
    """Run with the command line's numbers."""
    parser = argparse.ArgumentParser(description="Agents that come back at once.")
    parser.add_argument("--agents", type=int, default=2_000)
    told = asyncio.run(herd(parser.parse_args().agents))
    figures = [figure.model_dump(exclude_none=True) for figure in herd_figures(told)]
    print(json.dumps({**told, "figures": figures}, indent=2))


if __name__ == "__main__":
    main()
