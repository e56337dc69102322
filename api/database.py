"""The graph's ``Database`` port over whichever agent serves a connection."""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from api.session import AgentSession
from api.statement import SessionLost, Statement
from graph.errors import AgentUnavailable
from wire.outcome import Failed, Outcome
from wire.snapshot import SchemaSnapshot

if TYPE_CHECKING:
    from api.gateway import Gateway

MAX_SENDS = 3
"""A statement that lost its session is sent again at most so often; it only reads, so that is safe."""
_MARGIN_SECONDS = 15.0
"""What a statement may take beyond its own limit: queueing at the agent and the way there and back."""
_STALE = frozenset({"42P01", "42703", "42883", "3F000"})
"""Undefined table, column, function, schema: the snapshot is older than the database."""


class AgentDatabase:
    """One run's view of a customer database. Also tells how long the database took to stop."""

    def __init__(self, gateway: "Gateway", connection_id: str, agent_id: str | None) -> None:
        self.cancel_ms: float | None = None
        """From the last stop to the database's confirmation; None when nothing ran, or none came."""
        self._gateway = gateway
        self._connection_id = connection_id
        self._agent_id = agent_id
        self._stopping: set[asyncio.Task[None]] = set()

    async def snapshot(self, *, refresh: bool = False) -> SchemaSnapshot:
        """As ``graph.ports.Database`` says."""
        return await self._gateway.catalog.snapshot(self._connection_id, self._agent_id, refresh=refresh)

    async def execute(self, sql: str, *, run_id: str, attempt: int) -> Outcome:
        """As ``graph.ports.Database`` says. ``attempt`` counts the run's drafts; the wire counts sendings."""
        limits = self._gateway.statement_limits
        statement = Statement(
            sql,
            run_id,
            self._gateway.results,
            seconds=limits.seconds,
            max_rows=limits.max_rows,
            max_bytes=limits.max_bytes,
        )
        started = monotonic()
        self._gateway.wanted[statement.statement_id] = statement
        try:
            async with asyncio.timeout(limits.seconds + _MARGIN_SECONDS) as clock:
                outcome = await self._drive(statement)
        except TimeoutError:
            if not clock.expired():
                raise
            await self._stop(statement)
            outcome = Failed(
                code="timeout",
                message=f"The statement had no result after {limits.seconds:g} seconds.",
                hint="Ask for less at once: a shorter period, or fewer groups.",
            )
        except asyncio.CancelledError:
            # In a task of its own: the canceller may lose patience, the statement must go all the same.
            stopping = asyncio.ensure_future(self._stop(statement))
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)
            await asyncio.shield(stopping)
            raise
        finally:
            self._gateway.wanted.pop(statement.statement_id, None)
        self._gateway.metrics.executed(outcome, monotonic() - started)
        if isinstance(outcome, Failed) and outcome.sqlstate in _STALE:
            self._gateway.catalog.refresh_soon(self._connection_id)
        return outcome

    async def settled(self) -> None:
        """Wait until every stop under way is over."""
        while self._stopping:
            await asyncio.wait(self._stopping)

    async def _drive(self, statement: Statement) -> Outcome:
        lost_after_acceptance = False
        for _ in range(MAX_SENDS):
            session = await self._gateway.wait_for(self._connection_id, self._agent_id)
            if session is None:
                break
            try:
                return await session.execute(statement)
            except SessionLost:
                lost_after_acceptance = lost_after_acceptance or statement.accepted
                await statement.drop()
        if lost_after_acceptance:
            return Failed(
                code="agent_lost",
                message="The agent went away while it was working on the statement.",
                hint="See whether its process and its network are well, then ask again.",
                retryable=True,
            )
        return Failed(
            code="agent_offline",
            message="No agent of this connection is online.",
            hint="Start it beside the database with `custard agent run`, then ask again.",
            retryable=True,
        )

    async def _stop(self, statement: Statement) -> None:
        session = self._session_of(statement)
        if session is not None:
            self.cancel_ms = await session.stop(statement)
        else:
            await statement.drop()

    def _session_of(self, statement: Statement) -> AgentSession | None:
        if not statement.sent:
            return None
        return self._gateway.session(self._connection_id, self._agent_id)


def unavailable() -> AgentUnavailable:
    """The error of a snapshot that nobody can give."""
    return AgentUnavailable(
        "No agent of this connection is online.",
        "Start it beside the database with `custard agent run`, then ask again.",
    )
