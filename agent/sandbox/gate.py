"""The gate: whether a statement may run, and in which form. Nothing reaches the database around it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from agent.sandbox.catalog import Catalog
from agent.sandbox.cost import estimate
from agent.sandbox.pool import WORKERS, JudgePool
from agent.sandbox.verdict import Refusal, Shown, Verdict
from agent.sandbox.words import Words
from agent.sandbox.wrapping import MaskKey
from wire.policy import Policy, PolicyStack

if TYPE_CHECKING:
    from psycopg import AsyncConnection

CACHED_VERDICTS = 512
CACHED_BYTES = 8_192
"""Longer statements are judged anew each time."""
STALE_SECONDS = 60.0
"""Age of the catalog after which it is read again before a statement is judged."""
RETRY_SECONDS = 10.0
"""Age after which a name that the catalog lacks is looked for in a fresh one."""
_LACKING = frozenset({"relation_denied", "unknown_column", "function_denied", "type_denied"})

Refresh = Callable[[], Awaitable[Catalog]]


class Gate:
    """Judges statements under a policy on a server.

    Args:
        policy: the owner's, alone or with those that tighten it.
        catalog: the server's names.
        refresh: reads the catalog again; without it the first one is used for ever.
        key: the secret of hash masks; None makes one, so that equal values stay equal while this gate lives.
        workers: child processes that judge.
    """

    def __init__(
        self,
        policy: Policy | PolicyStack,
        catalog: Catalog,
        *,
        refresh: Refresh | None = None,
        key: MaskKey | None = None,
        workers: int = WORKERS,
    ) -> None:
        self._stack = policy if isinstance(policy, PolicyStack) else PolicyStack(owner=policy)
        self._catalog = catalog
        self._refresh = refresh
        self._key = key or MaskKey(secrets.token_hex(32))
        self._workers = workers
        self._pool = JudgePool(self._stack, catalog, self._key, workers)
        self._cache: OrderedDict[str, Verdict] = OrderedDict()
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._pool.warm()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def stack(self) -> PolicyStack:
        """The policy in force."""
        return self._stack

    @property
    def catalog(self) -> Catalog:
        """The names in force."""
        return self._catalog

    @property
    def search_path(self) -> tuple[str, ...]:
        """The ``search_path`` under which a verdict's ``sql`` must run; see ``Catalog.execution_path``."""
        return self._catalog.execution_path

    async def check(self, sql: str) -> Verdict:
        """Judge a statement. Refusals are verdicts, not exceptions.

        Raises:
            psycopg.Error: the catalog had to be read again and the server refused or went away.
        """
        await self._renew(STALE_SECONDS)
        started = time.perf_counter()
        known = self._cache.get(sql)
        if known is not None:
            self._cache.move_to_end(sql)
            return replace(known, elapsed_ms=(time.perf_counter() - started) * 1000)
        verdict = await self._pool.judge(sql)
        if verdict.code in _LACKING and await self._renew(RETRY_SECONDS):
            verdict = await self._pool.judge(sql)
        if verdict.layer != "process" and len(sql) <= CACHED_BYTES:
            self._cache[sql] = verdict
            if len(self._cache) > CACHED_VERDICTS:
                self._cache.popitem(last=False)
        return replace(verdict, elapsed_ms=(time.perf_counter() - started) * 1000)

    async def shown(self) -> dict[str, Shown]:
        """What a statement may read, by ``schema.name``.

        It follows views, partitions and inheritance, which the policy's names alone do not tell.

        Raises:
            WorkerGone: a view's definition is more than the parser can take.
        """
        return await self._pool.shown()

    async def cost_verdict(self, connection: AsyncConnection[Any], sql: str) -> Verdict:
        """Compare the planner's cost of a verdict's ``sql`` with the policy's limit; allowed when there is
        none.

        Call it inside the transaction that will run the statement, after ``check`` and under its timeouts:
        planning folds constants, so it already computes.
        """
        most = self._stack.limits.cost
        if most is None:
            return Verdict(True, sql)
        cost = await estimate(connection, sql)
        if cost <= most:
            return Verdict(True, sql)
        return Refusal(
            "cost",
            "too_costly",
            f"The planner puts the statement's cost at {cost:.0f}; the policy permits {most:.0f}.",
            "Narrow it down: fewer rows, a shorter period, a join condition.",
        ).verdict()

    async def replace_policy(self, policy: Policy | PolicyStack) -> None:
        """Judge by another policy from the next statement on; the ones under way finish by the old one."""
        self._stack = policy if isinstance(policy, PolicyStack) else PolicyStack(owner=policy)
        await self._rebuild()

    async def replace_catalog(self, catalog: Catalog) -> None:
        """Judge by a newer catalog from the next statement on."""
        self._catalog = catalog
        await self._rebuild()

    async def close(self) -> None:
        """End the children. Twice is once."""
        await self._pool.close()

    async def _renew(self, seconds: float) -> bool:
        if self._refresh is None or time.monotonic() - self._catalog.loaded_at < seconds:
            return False
        async with self._renewing:
            if time.monotonic() - self._catalog.loaded_at < seconds:
                return True
            fresh = await self._refresh()
            if replace(fresh, loaded_at=0.0) == replace(self._catalog, loaded_at=0.0):
                self._catalog = fresh
                return False
            await self.replace_catalog(fresh)
            return True

    async def _rebuild(self) -> None:
        old, self._pool = self._pool, JudgePool(self._stack, self._catalog, self._key, self._workers)
        self._cache.clear()
        await self._pool.warm()
        await old.close()


def permitted_functions(catalog: Catalog, policy: Policy | PolicyStack) -> list[str]:
    """Names of the functions that the gate lets a statement call on this server, sorted."""
    stack = policy if isinstance(policy, PolicyStack) else PolicyStack(owner=policy)
    return Words(stack, catalog).permitted_functions()
