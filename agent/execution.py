"""One statement from its text to its rows: gated, read-only, timed, capped, cancellable.

The order of what guards a statement here: the owner's rate and concurrency, the gate (``agent.sandbox``,
which decides what text runs), a read-only transaction with pinned settings (``agent.transaction``), and a
server-side cursor (``agent.cursor``). The transaction is always rolled back.

Every way to run a statement (the socket, ``custard-agent check``) goes through ``Sandbox.execute``.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import TypeVar

import psycopg

from agent.admission import Admission
from agent.copying import CopyFormat
from agent.database import Database
from agent.endings import changing, refused, stopped
from agent.errors import DatabaseUnavailable, IntrospectionFailed, StatementTooWide
from agent.masked import Unmasked
from agent.precedence import Behind, Precedence
from agent.request import Completed, Planned, Request, Sink
from agent.run import CatalogChanged, Run, Server, since, stricter
from agent.stop import Stop
from agent.terms import CostVerdict, Gate, Terms, stack_of
from agent.transaction import SEARCH_PATH
from agent.typenames import TypeNames
from wire.frames import HEADER_BYTES
from wire.outcome import Failed
from wire.policy import Policy, PolicyStack

__all__ = ["Completed", "Planned", "Request", "Sandbox", "Sink"]

_log = logging.getLogger("agent.execution")
_T = TypeVar("_T")

CATALOG_CHANGES = 5
"""How often a statement is judged again because a relation has changed, before it is given up."""
MAX_FRAME_BYTES = 1024 * 1024


class Sandbox:
    """Runs statements of one database, each under the policy that held when it was let through.

    Args:
        database: the pool.
        policy: its limits hold, and its digest travels with every result.
        gate: decides what runs.
        admission: None makes one from the policy.
        known_names: names that the policy shows, which error messages may mention.
        search_path: the whole of it, ``pg_catalog`` included, in order.
        max_frame_bytes: of one rows frame, header included.
        cost_verdict: the planner's gate; None when the policy sets no cost.
        objection: why no statement may run at present, or None; asked before each one.
    """

    def __init__(
        self,
        database: Database,
        policy: Policy | PolicyStack,
        gate: Gate,
        *,
        admission: Admission | None = None,
        known_names: Collection[str] = (),
        search_path: Collection[str] = SEARCH_PATH,
        max_frame_bytes: int = MAX_FRAME_BYTES,
        cost_verdict: CostVerdict | None = None,
        types: TypeNames | None = None,
        objection: Callable[[], Failed | None] = lambda: None,
    ) -> None:
        self._terms = Terms(stack_of(policy), gate, known_names, tuple(search_path), cost_verdict)
        self._admission = admission or Admission(
            concurrent=policy.limits.concurrent, per_minute=policy.limits.per_minute
        )
        self._server = Server(database, types or TypeNames(), max_frame_bytes - HEADER_BYTES)
        self._objection = objection
        self._exports = 0
        self._precedence = Precedence()

    def limit_frames(self, max_bytes: int) -> None:
        """Make no rows frame of more than so many bytes, header included, from the next statement on."""
        self._server = replace(self._server, max_body=max_bytes - HEADER_BYTES)

    @property
    def policy(self) -> PolicyStack:
        """The policy that the next statement is held to."""
        return self._terms.policy

    @property
    def gate(self) -> Gate:
        """What decides about the next statement."""
        return self._terms.gate

    def adopt(
        self,
        policy: Policy | PolicyStack,
        gate: Gate,
        *,
        known_names: Collection[str] = (),
        search_path: Collection[str] = SEARCH_PATH,
        cost_verdict: CostVerdict | None = None,
    ) -> Terms:
        """Hold every statement that is not yet judged to another policy; returns the terms that held.

        Statements that run go on under the former terms, whose gate must live until ``Terms.unused``; see
        ``stop_denied`` for those that the new policy would not let through.
        """
        former = self._terms
        self._terms = Terms(stack_of(policy), gate, known_names, tuple(search_path), cost_verdict)
        limits = policy.limits
        self._admission.resize(concurrent=limits.concurrent, per_minute=limits.per_minute)
        return former

    async def stop_denied(self, former: Terms) -> None:
        """Stop what runs under ``former`` and would not run so now: refused, or with other rows or values."""
        for run in list(former.runs):
            try:
                verdict = await self.gate.check(run.request.sql)
                same = verdict.allowed and verdict.sql == run.executed
            except (psycopg.Error, DatabaseUnavailable, IntrospectionFailed):
                same = False
            if not same or self.policy.share.screen != former.policy.share.screen:
                run.stop.throw("policy")

    def learn(self, known_names: Collection[str], search_path: Collection[str]) -> None:
        """A new snapshot: which names error messages may mention, and the path to run under."""
        self._terms.known_names = known_names
        self._terms.search_path = tuple(search_path)

    async def execute(self, request: Request, sink: Sink, stop: Stop | None = None) -> Completed | Failed:
        """Run one statement and hand its rows to ``sink``.

        Never raises for what the statement or the database does. When ``stop`` is thrown the statement is
        gone from PostgreSQL before this returns.
        """
        with self._precedence.taken():
            return await self._guarded(request, stop or Stop(), lambda run: run.stream(sink))

    async def export(
        self, request: Request, format: CopyFormat, sink: Sink, stop: Stop | None = None
    ) -> Completed | Failed:
        """Run one statement and hand its whole result to ``sink``, as ``COPY`` writes it.

        As ``execute``, under the policy's bounds for exports, and behind statements that have just begun. One
        slot is kept free of exports.
        """
        most = max(1, self.policy.limits.concurrent - 1)
        if self._exports >= most:
            return Failed(
                code="limit",
                layer="limits",
                message=f"{self._exports} exports run already; there may be {most} at once.",
                hint="Wait for one of them to end, then ask again.",
                retryable=True,
            )
        self._exports += 1
        behind = Behind(sink, self._precedence)
        try:
            return await self._guarded(
                request, stop or Stop(), lambda run: run.export(behind, format), self.policy.exports.seconds
            )
        finally:
            self._exports -= 1

    async def explain(self, sql: str, stop: Stop | None = None) -> Planned | Failed:
        """Plan one statement without running it."""
        with self._precedence.taken():
            return await self._guarded(Request(sql), stop or Stop(), lambda run: run.explain())

    async def _guarded(
        self,
        request: Request,
        stop: Stop,
        work: Callable[[Run], Awaitable[_T | Failed]],
        limit: float | None = None,
    ) -> _T | Failed:
        started = time.monotonic()

        def failed(failure: Failed) -> Failed:
            return failure.model_copy(update={"elapsed_ms": since(started)})

        limit = self.policy.limits.statement_seconds if limit is None else limit
        seconds = stricter(limit, request.timeout_seconds)
        if seconds <= 0:
            return Failed(code="timeout", message="The statement's deadline had passed when it arrived.")
        reason = self._admission.over_limit()
        if reason is not None:
            return Failed(
                code="limit", layer="limits", message=reason, hint="Ask again in a moment.", retryable=True
            )
        timer = asyncio.get_running_loop().call_later(seconds, stop.throw, "timeout")
        try:
            async with self._admission.slot(stop) as admitted:
                if not admitted:
                    return failed(stopped(stop.reason, seconds))
                objection = self._objection()
                if objection is not None:
                    return failed(objection)
                changes = 0
                while True:
                    terms = self._terms
                    with terms.used():
                        verdict = await terms.gate.check(request.sql)
                        if terms is not self._terms:
                            continue  # the policy changed while it was judged: the new one decides
                        if not verdict.allowed:
                            return failed(refused(verdict))
                        run = Run(self._server, terms, request, verdict, seconds, started, stop)
                        terms.runs.add(run)
                        try:
                            return await run.guarded(work)
                        except CatalogChanged:
                            changes += 1
                            if changes == CATALOG_CHANGES:
                                return failed(changing())
                            await terms.gate.reload()
                        finally:
                            terms.runs.discard(run)
        except (DatabaseUnavailable, IntrospectionFailed) as error:
            return failed(
                Failed(code="database_unavailable", message=str(error), hint=error.hint, retryable=True)
            )
        except StatementTooWide as error:
            return failed(Failed(code="limit", layer="limits", message=str(error), hint=error.hint))
        except Unmasked as error:
            _log.error("result refused: a mask is missing", extra={"reason": str(error)})
            return failed(Failed(code="policy", layer="output", message=str(error), hint=error.hint))
        finally:
            timer.cancel()
