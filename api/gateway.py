"""Agents that are online: who they are, who is the newest, and what they told of their databases."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import structlog

from api.database import AgentDatabase, unavailable
from api.errors import AgentOffline, AgentTrouble
from api.metrics import Metrics
from api.results import Results
from api.session import AgentError, AgentSession
from api.snapshots import Change, compare, merged, strictest
from api.statement import SessionLost, Statement
from api.store.protocols import Store
from api.store.records import ConnectionRecord, StoredSnapshot
from wire.closing import REVOKED, SUPERSEDED
from wire.messages import Cancel, Drain, Snapshot
from wire.policy import Share
from wire.snapshot import SchemaSnapshot

TAKEOVERS_PER_MINUTE = 3

_log = structlog.get_logger("api.gateway")


@dataclass(frozen=True, slots=True)
class StatementLimits:
    """What the backend grants one statement; the owner's policy holds where it is stricter."""

    seconds: float
    max_rows: int
    max_bytes: int


class TokenShared(Exception):
    """Agents with one token keep displacing each other. Internal: closes the newcomer's socket."""


class Gateway:
    """The sessions of this process. All methods run on its event loop."""

    def __init__(
        self,
        store: Store,
        results: Results,
        metrics: Metrics,
        limits: StatementLimits,
        reconnect_seconds: float,
    ) -> None:
        self.results = results
        self.metrics = metrics
        self.statement_limits = limits
        self.wanted: dict[str, Statement] = {}
        """Statements that somebody waits for; an agent is told to stop any other."""
        self._store = store
        self._reconnect_seconds = reconnect_seconds
        self._sessions: dict[str, AgentSession] = {}
        self._attached = asyncio.Event()
        self._takeovers: dict[str, deque[float]] = defaultdict(deque)
        self._snapshots: dict[str, StoredSnapshot] = {}
        self._introspecting: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def online(self) -> int:
        """Sessions attached here."""
        return len(self._sessions)

    def session(self, connection_id: str, agent_id: str | None = None) -> AgentSession | None:
        """The session that serves a connection: of this agent, or the newest of any."""
        fitting = [
            session
            for session in self._sessions.values()
            if session.connection_id == connection_id and agent_id in (None, session.agent_id)
        ]
        return max(fitting, key=lambda session: session.since, default=None)

    def database(self, connection_id: str, agent_id: str | None = None) -> AgentDatabase:
        """A ``Database`` port."""
        return AgentDatabase(self, connection_id, agent_id)

    async def share(self, connection: ConnectionRecord, agent_id: str | None = None) -> Share:
        """What the owner lets leave: the strictest of the agents that may serve, online or as last told."""
        agents = await self._store.agents.of_connection(connection.tenant, connection.connection_id)
        fitting = [
            agent for agent in agents if agent.revoked_at is None and agent_id in (None, agent.agent_id)
        ]
        online = [self._sessions[one.agent_id].facts for one in fitting if one.agent_id in self._sessions]
        facts = online or [agent.facts for agent in fitting if agent.facts is not None]
        return strictest([one.share for one in facts])

    async def wait_for(self, connection_id: str, agent_id: str | None = None) -> AgentSession | None:
        """The session that serves a connection, waited for as long as a reconnect may take."""
        deadline = monotonic() + self._reconnect_seconds
        while (session := self.session(connection_id, agent_id)) is None:
            remaining = deadline - monotonic()
            if remaining <= 0:
                return None
            try:
                await asyncio.wait_for(self._attached.wait(), remaining)
            except TimeoutError:
                return None
        return session

    # --- sessions ------------------------------------------------------------------------------------------

    async def attach(self, session: AgentSession) -> None:
        """Serve this session from now on, in place of an older one of the same agent."""
        older = self._sessions.get(session.agent_id)
        if older is not None and older.epoch > session.epoch:
            await session.close(SUPERSEDED, "A newer session of this agent is served.")
            return
        self._sessions[session.agent_id] = session
        self._count()
        waiters, self._attached = self._attached, asyncio.Event()
        waiters.set()
        if older is not None:
            await older.close(SUPERSEDED, "A newer session of this agent is served.")
        for statement_id, held in session.in_flight.items():
            if statement_id not in self.wanted:
                await session.tell(Cancel(statement_id=statement_id, attempt=held.attempt))
        self._spawn(self._catch_up(session))

    def admit(self, agent_id: str, instance: str) -> None:
        """Let a hello in, unless agents take turns with one token.

        Raises:
            TokenShared: other processes displaced each other too often within the last minute.
        """
        older = self._sessions.get(agent_id)
        if older is None or older.instance == instance:
            return
        now = monotonic()
        recent = self._takeovers[agent_id]
        while recent and now - recent[0] > 60:
            recent.popleft()
        if len(recent) >= TAKEOVERS_PER_MINUTE:
            raise TokenShared
        recent.append(now)

    async def told(self, session: AgentSession) -> None:
        """The agent said hello again on its socket: its policy or its database changed."""
        await self._store.agents.heard(session.agent_id, session.facts, datetime.now(UTC))
        self._spawn(self._catch_up(session))

    async def detach(self, session: AgentSession) -> None:
        """The socket is gone."""
        session.end()
        if self._sessions.get(session.agent_id) is session:
            del self._sessions[session.agent_id]
            self._count()
        await self._store.agents.heard(session.agent_id, None, session.last_heard)

    async def revoke(self, agent_id: str) -> None:
        """Close the socket of an agent whose token was revoked."""
        session = self._sessions.get(agent_id)
        if session is not None:
            await session.close(REVOKED, "The token of this agent was revoked.")

    async def forget(self, connection_id: str) -> None:
        """Close every socket of a deleted connection and forget its snapshot."""
        for session in [one for one in self._sessions.values() if one.connection_id == connection_id]:
            await session.close(REVOKED, "The connection was deleted.")
        self._snapshots.pop(connection_id, None)

    async def drain(self, grace_seconds: float) -> None:
        """Tell every agent that this backend is about to stop."""
        for session in list(self._sessions.values()):
            try:
                await session.tell(Drain(grace_seconds=grace_seconds))
            except SessionLost:
                continue

    async def close(self) -> None:
        """Stop what runs in the background."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- snapshots -----------------------------------------------------------------------------------------

    async def cached(self, connection_id: str) -> StoredSnapshot | None:
        """The last snapshot, if any was ever taken."""
        known = self._snapshots.get(connection_id)
        if known is None:
            known = await self._store.snapshots.get(connection_id)
            if known is not None:
                self._snapshots[connection_id] = known
        return known

    async def snapshot(
        self, connection_id: str, agent_id: str | None = None, *, refresh: bool = False
    ) -> SchemaSnapshot:
        """The tables that may be read.

        Raises:
            AgentUnavailable: there is no snapshot yet, or a fresh one was asked for, and nobody gives it.
        """
        known = await self.cached(connection_id)
        session = self.session(connection_id, agent_id)
        outdated = session is not None and known is not None and _outdated(known, session)
        if known is not None and not refresh and not outdated:
            return known.snapshot
        session = session or await self.wait_for(connection_id, agent_id)
        if session is None:
            raise unavailable()
        try:
            return (await self._introspect(session)).snapshot
        except (SessionLost, AgentError, TimeoutError) as error:
            raise unavailable() from error

    async def refresh(self, connection_id: str) -> Change:
        """Introspect now and compare.

        Raises:
            AgentOffline: nobody is there to ask.
            AgentTrouble: the agent could not do it.
        """
        before = await self.cached(connection_id)
        session = self.session(connection_id)
        if session is None:
            raise AgentOffline(
                "No agent of this connection is online.",
                "Start it beside the database with `custard agent run`, then try again.",
            )
        try:
            after = await self._introspect(session)
        except SessionLost as error:
            raise AgentOffline("The agent went away.", "Try again when it is back.") from error
        except AgentError as error:
            raise AgentTrouble(f"The agent could not introspect: {error}", "See the agent's log.") from error
        except TimeoutError as error:
            raise AgentTrouble("The agent took too long to introspect.", "See the agent's log.") from error
        return compare(before.snapshot if before else None, after.snapshot)

    def refresh_soon(self, connection_id: str) -> None:
        """Introspect in the background: a statement met something that the snapshot does not know."""
        session = self.session(connection_id)
        if session is not None:
            self._spawn(self._introspect(session))

    async def _catch_up(self, session: AgentSession) -> None:
        known = await self.cached(session.connection_id)
        if known is None or _outdated(known, session):
            await self._introspect(session)

    async def _introspect(self, session: AgentSession) -> StoredSnapshot:
        async with self._introspecting[session.connection_id]:
            known = await self.cached(session.connection_id)
            digest = session.facts.policy_digest
            answer = await session.introspect(known.snapshot.fingerprint if known else None)
            fresh = merged(known.snapshot if known else None, answer)
            if fresh is None:
                whole = await session.introspect(None)
                if not isinstance(whole, Snapshot):
                    raise AgentError("It sent no whole snapshot although it was asked for one.")
                fresh = whole.snapshot
            stored = StoredSnapshot(fresh, digest)
            if known is None or known.policy_digest != digest or known.snapshot is not fresh:
                await self._store.snapshots.put(session.connection_id, fresh, digest)
            self._snapshots[session.connection_id] = stored
            session.fingerprint = fresh.fingerprint
            return stored

    def _count(self) -> None:
        self.metrics.agents.set(len(self._sessions))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(self._quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _quietly(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            await work
        except (SessionLost, AgentError, TimeoutError) as error:
            _log.warning("the snapshot could not be renewed", kind=type(error).__name__)
        except Exception as error:
            _log.error("the snapshot could not be renewed", kind=type(error).__name__)


def _outdated(known: StoredSnapshot, session: AgentSession) -> bool:
    if known.policy_digest != session.facts.policy_digest:
        return True
    return session.fingerprint is not None and session.fingerprint != known.snapshot.fingerprint
