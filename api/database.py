"""The graph's ``Database`` port over whichever agent serves a connection."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from api.bus.protocol import BusError
from api.lookups import look_up
from api.relay import ExecuteRequest
from api.results import references
from api.session import AgentSession
from api.statement import NotTaken, SessionLost, Statement
from graph.errors import AgentUnavailable
from graph.run import Run
from wire.outcome import Failed, Outcome, Rows
from wire.snapshot import SchemaSnapshot
from wire.values import Compared, Found

if TYPE_CHECKING:
    from api.gateway import Gateway

MAX_SENDS = 3
"""A statement that lost its session is sent again at most so often; it only reads, so that is safe."""
_MARGIN_SECONDS = 15.0
"""What a statement may take beyond its own limit: queueing at the agent and the way there and back."""
ROLLED_BACK = frozenset({"40001", "40P01"})
"""Serialization failure, to which a conflict with a standby's recovery counts, and deadlock."""
_PAUSE_SECONDS = 0.25
"""Before such a statement is sent again: whoever was in the way gets out of it."""
_LOOK_SECONDS = 0.25
"""How often another replica is asked for an agent that is away."""
_STALE = frozenset({"42P01", "42703", "42883", "3F000"})
"""Undefined table, column, function, schema: the snapshot is older than the database."""
_STALE_LAYERS = frozenset({"policy", "function"})
"""Layers of the agent's gate that refuse a name. A query is written from what the snapshot shows, and that is
what the gate lets through: where they differ, the gate is newer, as it is after a table was dropped."""


class AgentDatabase:
    """One run's view of a customer database. Also tells how long the database took to stop."""

    def __init__(self, gateway: "Gateway", connection_id: str, agent_id: str | None) -> None:
        self.cancel_ms: float | None = None
        """From the last stop to the database's confirmation; None when nothing ran, or none came."""
        self._gateway = gateway
        self._connection_id = connection_id
        self._agent_id = agent_id
        self._stopping: set[asyncio.Task[None]] = set()
        self._kept: set[str] = set()
        """References of the results that its statements gave."""

    async def snapshot(self, *, refresh: bool = False) -> SchemaSnapshot:
        """As ``graph.ports.Database`` says."""
        return await self._gateway.catalog.snapshot(self._connection_id, self._agent_id, refresh=refresh)

    async def execute(self, sql: str, *, run_id: str, attempt: int) -> Outcome:
        """As ``graph.ports.Database`` says. ``attempt`` counts the run's drafts; the wire counts sendings."""
        limits = self._gateway.statement_limits
        statement = _statement(self._gateway, sql, run_id)
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
        if isinstance(outcome, Rows) and outcome.result_ref is not None:
            self._kept.add(outcome.result_ref)
        self._gateway.metrics.executed(outcome, monotonic() - started)
        _heed(self._gateway, self._connection_id, outcome)
        return outcome

    async def lookup(
        self, text: str = "", compared: Sequence[Compared] = (), *, most: int = 6
    ) -> Found | None:
        """As ``graph.ports.Database`` says."""
        return await look_up(self._gateway, self._connection_id, self._agent_id, text, compared, most)

    async def settled(self) -> None:
        """Wait until every stop under way is over."""
        while self._stopping:
            await asyncio.wait(self._stopping)

    async def forget_untold(self, run: Run) -> None:
        """Drop what the run, which has ended, does not tell of: results of drafts that were not chosen.

        Whoever deletes the run later learns of its results from the run.
        """
        untold = self._kept.difference(references([run]))
        self._kept.clear()
        if untold:
            await self._gateway.drop_results(sorted(untold))

    async def _drive(self, statement: Statement) -> Outcome:
        outcome = await self._sent(statement)
        if isinstance(outcome, Failed) and outcome.sqlstate in ROLLED_BACK:
            # For what others did, not for what it says: once more, under a number of its own.
            await asyncio.sleep(_PAUSE_SECONDS)
            outcome = await self._sent(statement)
        return outcome

    async def _sent(self, statement: Statement) -> Outcome:
        lost_after_acceptance = garbled = False
        for _ in range(MAX_SENDS):
            session = await self._session(statement)
            if session is None:
                break
            if not isinstance(session, AgentSession):
                return session
            try:
                return await session.execute(statement)
            except SessionLost as error:
                garbled = isinstance(error, NotTaken)
                lost_after_acceptance = lost_after_acceptance or statement.accepted
                await statement.drop()
        if garbled:
            return Failed(
                code="protocol",
                message="The statement did not reach the agent as it was sent; nothing was run.",
                hint="Ask again; if it stays, see what stands between backend and agent.",
                retryable=True,
            )
        if lost_after_acceptance:
            return _lost()
        return Failed(
            code="agent_offline",
            message="No agent of this connection is online.",
            hint="Start it beside the database with `custard agent run`, then ask again.",
            retryable=True,
        )

    async def _session(self, statement: Statement) -> AgentSession | Outcome | None:
        """The session to use, or the outcome at a replica that has the agent, or neither."""
        gateway = self._gateway
        if not gateway.replicas.shared:
            return await gateway.wait_for(self._connection_id, self._agent_id)
        ends = monotonic() + gateway.reconnect_seconds
        while (session := gateway.session(self._connection_id, self._agent_id)) is None:
            outcome = await self._execute_elsewhere(statement)
            if outcome is not None or monotonic() > ends:
                return outcome
            await gateway.wait_for(self._connection_id, self._agent_id, seconds=_LOOK_SECONDS)
        return session

    async def _execute_elsewhere(self, statement: Statement) -> Outcome | None:
        request = ExecuteRequest(
            connection_id=self._connection_id,
            agent_id=self._agent_id,
            sql=statement.sql,
            run_id=statement.run_id,
            statement_id=statement.statement_id,
            attempt=statement.attempt,
        )
        seconds = self._gateway.statement_limits.seconds + _MARGIN_SECONDS
        asking = asyncio.ensure_future(self._gateway.replicas.execute(request, seconds))
        try:
            done = await asyncio.shield(asking)
        except asyncio.CancelledError:
            # The other replica stops the statement, and says so by letting go of the request.
            started = monotonic()
            asking.cancel()
            await asyncio.wait({asking})
            self.cancel_ms = (monotonic() - started) * 1000
            raise
        except BusError:
            # Whether it ran is open: what follows runs under a number that was not used there.
            statement.attempt += 2
            return None
        if done is None:
            return None
        # The next sending, should there be one, has a number that was not used there.
        statement.attempt = max(statement.attempt, done.attempt + 1)
        return done.outcome

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


async def drive_here(gateway: "Gateway", request: ExecuteRequest) -> tuple[Outcome, int] | None:
    """Run a statement for another replica, on an agent that is attached here.

    Returns:
        What became of it, with the attempt; None when the agent was gone before it had anything.
    """
    session = gateway.session(request.connection_id, request.agent_id)
    if session is None:
        return None
    statement = _statement(gateway, request.sql, request.run_id, request.statement_id, request.attempt)
    gateway.wanted[statement.statement_id] = statement
    try:
        # The notice of a policy may have been lost; a statement is never run under an older one.
        await gateway.renew_policy(request.connection_id)
        # An agent that still has it in hand, from a socket that was lost, gives it out again. One that has
        # not runs it: under a number that it has not seen, that is the first time.
        outcome = await _taken(session, statement, claim=request.attempt > 0)
        if request.attempt > 0 and isinstance(outcome, Failed) and outcome.code == "protocol":
            outcome = await _taken(session, statement)
        _heed(gateway, request.connection_id, outcome)
        return outcome, statement.attempt
    except SessionLost:
        await statement.drop()
        return None if not statement.accepted else (_lost(), statement.attempt)
    except asyncio.CancelledError:
        await asyncio.shield(session.stop(statement))
        raise
    finally:
        gateway.wanted.pop(statement.statement_id, None)


async def _taken(session: AgentSession, statement: Statement, *, claim: bool = False) -> Outcome:
    """Execute, sending again what did not arrive as it was sent. Raises ``SessionLost``."""
    for _ in range(MAX_SENDS - 1):
        try:
            return await session.execute(statement, claim=claim)
        except NotTaken:
            await statement.drop()
    return await session.execute(statement, claim=claim)


def _heed(gateway: "Gateway", connection_id: str, outcome: Outcome) -> None:
    """Have the snapshot renewed where the outcome says that it shows what the database lacks.

    Only the replica that has the agent can, so both ends of a statement that was handed over come here.
    """
    if isinstance(outcome, Failed) and (
        outcome.sqlstate in _STALE or (outcome.code == "policy" and outcome.layer in _STALE_LAYERS)
    ):
        gateway.catalog.refresh_soon(connection_id)


def _statement(
    gateway: "Gateway", sql: str, run_id: str, statement_id: str | None = None, attempt: int = 0
) -> Statement:
    limits = gateway.statement_limits
    return Statement(
        sql,
        run_id,
        gateway.results,
        seconds=limits.seconds,
        max_rows=limits.max_rows,
        max_bytes=limits.max_bytes,
        statement_id=statement_id,
        attempt=attempt,
    )


def _lost() -> Failed:
    return Failed(
        code="agent_lost",
        message="The agent went away while it was working on the statement.",
        hint="See whether its process and its network are well, then ask again.",
        retryable=True,
    )


def unavailable() -> AgentUnavailable:
    """The error of a snapshot that nobody can give."""
    return AgentUnavailable(
        "No agent of this connection is online.",
        "Start it beside the database with `custard agent run`, then ask again.",
    )
