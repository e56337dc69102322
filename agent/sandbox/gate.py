"""The gate: whether a statement may run, and in which form. Nothing reaches the database around it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from agent.sandbox.catalog import Catalog
from agent.sandbox.coercions import functions_called
from agent.sandbox.cost import MAX_COMPARED, MAX_GATHERED, Estimate, estimate
from agent.sandbox.judge import MAX_STATEMENT_BYTES
from agent.sandbox.pool import WORKERS, JudgePool
from agent.sandbox.shapes import Shape, Template, markers, shape_of, template
from agent.sandbox.verdict import Refusal, Shown, Verdict
from agent.sandbox.words import Words
from agent.sandbox.wrapping import MaskKey
from wire.policy import Policy, PolicyStack

if TYPE_CHECKING:
    from psycopg import AsyncConnection

CACHED_VERDICTS = 512
CACHED_SHAPES = 512
SHAPE_VARIANTS = 8
"""Templates of one shape, by the literals that a rule looked at."""
CACHED_BYTES = 8_192
"""Longer statements are judged anew each time."""
STALE_SECONDS = 60.0
"""Age of the catalog after which it is read again before a statement is judged."""
RETRY_SECONDS = 10.0
"""Age after which a name that the catalog lacks is looked for in a fresh one."""
_LACKING = frozenset({"relation_denied", "unknown_column", "function_denied", "type_denied"})


@dataclass(slots=True)
class _Known:
    """What is known of a shape."""

    fixed: frozenset[int]
    """Places of the literals that a rule looked at."""
    templates: dict[tuple[str, ...], Template | None] = field(default_factory=dict)
    """By the values of those literals; None while the shape was met once, or where it makes no template."""


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
        self._untold = Words(self._stack, catalog).untold_casts()
        self._key = key or MaskKey(secrets.token_hex(32))
        self._workers = workers
        self._pool = JudgePool(self._stack, catalog, self._key, workers)
        self._cache: OrderedDict[str, Verdict] = OrderedDict()
        self._shapes: OrderedDict[object, _Known] = OrderedDict()
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
        shape = shape_of(sql) if len(sql) <= CACHED_BYTES else None
        found = self._template(sql, shape) if shape is not None else None
        if found is not None and shape is not None:
            text = found.text(shape)
            return replace(found.verdict, sql=text, elapsed_ms=(time.perf_counter() - started) * 1000)
        pool = self._pool
        verdict = await pool.judge(sql)
        if verdict.code in _LACKING and await self._renew(RETRY_SECONDS):
            verdict = await self._pool.judge(sql)
            pool = self._pool
        if pool is self._pool and verdict.allowed and shape is not None:
            await self._learn(shape, verdict)
        if pool is self._pool and verdict.layer != "process" and len(sql) <= CACHED_BYTES:
            self._cache[sql] = verdict
            if len(self._cache) > CACHED_VERDICTS:
                self._cache.popitem(last=False)
        return replace(verdict, elapsed_ms=(time.perf_counter() - started) * 1000)

    def _template(self, sql: str, shape: Shape) -> Template | None:
        """What is known of a statement of which another with other literals has been let through."""
        known = self._shapes.get(shape.key)
        made = known.templates.get(shape.values(known.fixed)) if known is not None else None
        if made is None or len(sql.encode()) > min(MAX_STATEMENT_BYTES, self._stack.limits.statement_bytes):
            return None
        self._shapes.move_to_end(shape.key)
        return made

    async def _learn(self, shape: Shape, verdict: Verdict) -> None:
        """Remember a statement's shape; when it comes the second time, make a template of its verdict.

        The template is the verdict on the same statement with markers for its literals. It is taken only when
        it differs from the statement's own in nothing else.
        """
        known = self._shapes.get(shape.key)
        if known is None:
            self._shapes[shape.key] = _Known(shape.fixed_from(verdict.inspected))
            if len(self._shapes) > CACHED_SHAPES:
                self._shapes.popitem(last=False)
            return
        values = shape.values(known.fixed)
        if values in known.templates or len(known.templates) >= SHAPE_VARIANTS:
            return
        known.templates[values] = None
        made = markers(shape, known.fixed)
        if not made or known.fixed != shape.fixed_from(verdict.inspected):
            return
        pool = self._pool
        marked = await pool.judge(shape.with_values(made))
        if pool is not self._pool or not marked.allowed:
            return
        found = template(shape, known.fixed, marked, made)
        if found is not None and _same(replace(marked, sql=found.text(shape)), verdict):
            known.templates[values] = found

    async def shown(self) -> dict[str, Shown]:
        """What a statement may read, by ``schema.name``.

        It follows views, partitions and inheritance, which the policy's names alone do not tell.

        Raises:
            WorkerGone: a view's definition is more than the parser can take.
        """
        return await self._pool.shown()

    async def cost_verdict(self, connection: AsyncConnection[Any], verdict: Verdict) -> Verdict:
        """What only the server knows: casts of the owner's that it would make by itself, what a statement
        costs, and how much it holds at once.

        Call it inside the transaction that will run the verdict's ``sql``, after ``check`` and under its
        timeouts: planning folds constants, so it already computes.
        """
        untold = self._untold
        if untold:
            called = await functions_called(connection, verdict.sql)
            made = untold.keys() if called is None else untold.keys() & called
            if made:
                casts = ", ".join(sorted({untold[number] for number in made}))
                return Refusal(
                    "function",
                    "silent_cast",
                    f"PostgreSQL would make the cast {casts} by a function that is not permitted.",
                    "Write another cast out; the owner can admit its function in functions.allow.",
                ).verdict()
        most = self._stack.limits.cost
        if most is None and not verdict.gathers:
            return verdict
        expected = await estimate(connection, verdict.sql, verdict.gathers, arrays=verdict.arrays)
        refusal = _beyond(expected, verdict, most)
        return refusal.verdict() if refusal is not None else verdict

    async def reload(self) -> None:
        """Read the catalog again now, because a statement found it out of date.

        Raises:
            psycopg.Error: the server refused or went away.
        """
        if self._refresh is None:
            return
        outdated = self._catalog
        async with self._renewing:
            if self._catalog is outdated:
                await self.replace_catalog(await self._refresh())

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
        self._untold = Words(self._stack, self._catalog).untold_casts()
        old, self._pool = self._pool, JudgePool(self._stack, self._catalog, self._key, self._workers)
        self._cache.clear()
        self._shapes.clear()
        await self._pool.warm()
        await old.close()


def _beyond(expected: Estimate, verdict: Verdict, most: float | None) -> Refusal | None:
    """What of a plan is more than a statement may come to; ``most`` is the policy's cost."""
    size, rows = f"{expected.bytes / 1e9:.1f} GB", f"{expected.rows:.0f}"
    bounds = (
        (
            most is not None and expected.cost > most,
            "too_costly",
            f"The planner puts the statement's cost at {expected.cost:.0f};"
            f" the policy permits {most or 0:.0f}.",
            "Narrow it down: fewer rows, a shorter period, a join condition.",
        ),
        (
            verdict.gathers > 0 and expected.bytes > MAX_GATHERED,
            "gathers_too_much",
            f"The statement would put some {size} of rows into one value.",
            "Aggregate fewer rows: add a condition, a join condition, or GROUP BY.",
        ),
        (
            verdict.compares and expected.rows > MAX_COMPARED,
            "compares_too_much",
            f"The statement would compare some {rows} gathered values with one another.",
            "Join the rows instead, or gather fewer.",
        ),
    )
    for beyond, code, reason, hint in bounds:
        if beyond:
            return Refusal("cost", code, reason, hint)
    return None


def _same(one: Verdict, other: Verdict) -> bool:
    return replace(one, inspected=()) == replace(other, inspected=())


def permitted_functions(catalog: Catalog, policy: Policy | PolicyStack) -> list[str]:
    """Names of the functions that the gate lets a statement call on this server, sorted."""
    stack = policy if isinstance(policy, PolicyStack) else PolicyStack(owner=policy)
    return Words(stack, catalog).permitted_functions()
