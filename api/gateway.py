"""Agents that are online: who they are, and which of them serves a connection."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from api.catalog import Catalog
from api.database import AgentDatabase
from api.metrics import Metrics
from api.results import Results
from api.session import AgentSession
from api.snapshots import strictest
from api.statement import SessionLost, Statement
from api.store.protocols import Store
from api.store.records import ConnectionRecord
from wire.closing import REVOKED, SUPERSEDED
from wire.messages import Cancel, Drain
from wire.policy import Share

TAKEOVERS_PER_MINUTE = 3
"""Of one agent by another instance; more means that processes share a token."""


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
        self.catalog = Catalog(store, self)
        self._store = store
        self._reconnect_seconds = reconnect_seconds
        self._sessions: dict[str, AgentSession] = {}
        self._attached = asyncio.Event()
        self._takeovers: dict[str, deque[float]] = defaultdict(deque)

    @property
    def online(self) -> int:
        """Sessions attached here."""
        return len(self._sessions)

    @property
    def connections(self) -> list[str]:
        """Connections that an agent serves here."""
        return list({session.connection_id for session in self._sessions.values()})

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
        self.catalog.catch_up(session)

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
        self.catalog.catch_up(session)

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
        self.catalog.forget(connection_id)

    async def drain(self, grace_seconds: float) -> None:
        """Tell every agent that this backend is about to stop."""
        for session in list(self._sessions.values()):
            try:
                await session.tell(Drain(grace_seconds=grace_seconds))
            except SessionLost:
                continue

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self.catalog.close()

    def _count(self) -> None:
        self.metrics.agents.set(len(self._sessions))
