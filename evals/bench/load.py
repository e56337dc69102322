"""Questions through the whole chain, many at once: how many a second, and how long each waits."""

import asyncio
import itertools
import statistics
import time

import httpx2

from evals.bench.chain import Chain
from evals.bench.figure import Figure, figure_of
from evals.bench.questions import question
from wire.base import Value


class Load(Value):
    """What a chain carries with a model that answers at once."""

    replicas: int = 1
    agents: int = 1
    """With as many as replicas, each has one; with one, the first replica has it."""
    concurrent: int
    questions_per_second: float
    p50_ms: float
    p99_ms: float
    failed: int
    questions: int


_turn = itertools.count()
"""Replicas are asked in turn, as a load balancer does."""


async def loads(chain: Chain, concurrencies: tuple[int, ...], *, questions: int) -> list[Load]:
    """Ask ``questions`` at each concurrency, after a few that do not count."""
    async with httpx2.AsyncClient(
        timeout=120, trust_env=False, limits=httpx2.Limits(max_connections=256)
    ) as http:
        for _ in range(3 * (1 + len(chain.others))):
            await _asked(http, chain)
        return [await _load(http, chain, concurrent, questions) for concurrent in concurrencies]


async def _load(http: httpx2.AsyncClient, chain: Chain, concurrent: int, questions: int) -> Load:
    left = iter(range(questions))
    taken: list[float] = []
    failed = 0

    async def work() -> None:
        nonlocal failed
        for _ in left:
            started = time.perf_counter()
            if not await _asked(http, chain):
                failed += 1
            taken.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrent)))
    seconds = time.perf_counter() - started
    return Load(
        replicas=1 + len(chain.others),
        agents=chain.agents,
        concurrent=concurrent,
        questions_per_second=round(len(taken) / seconds, 2),
        p50_ms=round(statistics.median(taken) * 1000, 1),
        p99_ms=round(statistics.quantiles(taken, n=100)[98] * 1000, 1),
        failed=failed,
        questions=len(taken),
    )


async def _asked(http: httpx2.AsyncClient, chain: Chain) -> bool:
    body = {"connection_id": chain.connection_id, "question": question()}
    replicas = (chain.url, *chain.others)
    answer = await http.post(f"{replicas[next(_turn) % len(replicas)]}/api/v1/query", json=body)
    return answer.status_code == 200 and answer.json()["status"] == "succeeded"


async def first_event(chain: Chain, *, rounds: int) -> Figure:
    """From sending a question to its first event, against one round trip to the same server."""
    mine: list[float] = []
    theirs: list[float] = []
    headers = {"Accept": "text/event-stream"}
    async with httpx2.AsyncClient(base_url=chain.url, timeout=60, trust_env=False) as http:
        for _ in range(rounds + 1):
            started = time.perf_counter()
            await http.get("/health")
            theirs.append(time.perf_counter() - started)
            body = {"connection_id": chain.connection_id, "question": question()}
            started = time.perf_counter()
            async with http.stream("POST", "/api/v1/query", json=body, headers=headers) as stream:
                lines = stream.aiter_lines()
                await anext(lines)
                mine.append(time.perf_counter() - started)
                async for _ in lines:
                    pass
    found = figure_of("first_event", "POST to first event : GET /health", mine[1:], theirs[1:])
    return found.aiming(median=2, p99=5)
