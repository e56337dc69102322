"""Agents that are online: who they are, and which of them serves a connection."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, TypeVar

from api.arrivals import Arrival, Arrivals
from api.catalog import Catalog
from api.database import AgentDatabase
from api.errors import StoreUnavailable
from api.metrics import Metrics
from api.relay import GoneNotice, MissedNotice, PolicyNotice, ResultsNotice
from api.replicas import Replicas
from api.results import Results
from api.roster import Seat
from api.session import AgentSession
from api.sessions import Sessions
from api.snapshots import strictest
from api.statement import SessionLost, Statement
from api.store.protocols import Store
from api.store.records import ConnectionRecord
from wire.closing import REVOKED, SAME_REPLICA, SUPERSEDED
from wire.messages import Cancel, Drain
from wire.policy import Policy, Share

_T = TypeVar("_T")

_REFS_AT_ONCE = 2_000
"""References in one notice: a message of the bus is bounded."""
_STORE_PAUSE_SECONDS = 1.0
_DRAIN_SECONDS = 2.0
"""How long an agent that takes nothing may hold up the end of this process."""

TAKEOVERS_PER_MINUTE = 3
"""Of one agent by another instance; more means that processes share a token."""

CLAIM_SECONDS = 3.0
"""How long a statement that an agent brings from a lost socket may wait for another replica to want it."""


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
        replicas: Replicas,
    ) -> None:
        self.results = results
        self.replicas = replicas
        self.reconnect_seconds = reconnect_seconds
        """How long a run waits for an agent that went away in its middle."""
        self.metrics = metrics
        self.statement_limits = limits
        self.wanted: dict[str, Statement] = {}
        """Statements that somebody waits for; an agent is told to stop any other."""
        self.arrivals = Arrivals()
        self.catalog = Catalog(store, self)
        self._store = store
        self._sessions = Sessions()
        self._attached = asyncio.Event()
        self._takeovers: dict[str, deque[float]] = defaultdict(deque)
        self._tasks: set[asyncio.Task[None]] = set()
        replicas.roster.on_seat = self._seated_elsewhere
        replicas.roster.on_count = self._count_told

    @property
    def online(self) -> int:
        """Sessions attached here."""
        return len(self._sessions)

    @property
    def connections(self) -> list[str]:
        """Connections that an agent serves here."""
        return self._sessions.connections

    def session(self, connection_id: str, agent_id: str | None = None) -> AgentSession | None:
        """The session that serves a connection: of this agent, or the newest of any."""
        return self._sessions.newest(connection_id, agent_id)

    def database(self, connection_id: str, agent_id: str | None = None) -> AgentDatabase:
        """A ``Database`` port."""
        return AgentDatabase(self, connection_id, agent_id)

    async def share(self, connection: ConnectionRecord, agent_id: str | None = None) -> Share:
        """What the owner lets leave: the strictest of the agents that may serve, online or as last told."""
        agents = await self._store.agents.of_connection(connection.tenant, connection.connection_id)
        fitting = [
            agent for agent in agents if agent.revoked_at is None and agent_id in (None, agent.agent_id)
        ]
        attached = [self._sessions.get(agent.agent_id) for agent in fitting]
        online = [session.facts for session in attached if session is not None]
        facts = online or [agent.facts for agent in fitting if agent.facts is not None]
        own = [connection.policy.share] if connection.policy is not None else []
        return strictest([one.share for one in facts] + own) if facts else strictest([])

    async def tighten(self, connection: ConnectionRecord) -> None:
        """See that every agent of this connection that is attached here holds to the connection's policy."""
        sessions = self._sessions.of(connection.connection_id)
        # Together: one that takes nothing for a while must not keep the policy from the others.
        await asyncio.gather(*(_tighten(session, connection.policy) for session in sessions))

    async def renew_policy(self, connection_id: str) -> None:
        """As ``tighten``, with the policy that the store has. Raises ``StoreUnavailable``."""
        session = self.session(connection_id)
        if session is not None:
            connection = await self._store.connections.get(session.tenant, connection_id)
            if connection is not None:
                await self.tighten(connection)

    async def policy_changed(self, connection: ConnectionRecord) -> None:
        """Tell the agents of a connection's new policy, here and at every other replica."""
        await self.replicas.notify(PolicyNotice(connection_id=connection.connection_id))
        self.arrivals.doubt(connection_id=connection.connection_id)
        await self.tighten(connection)

    async def drop_results(self, refs: Sequence[str]) -> None:
        """Drop these results, wherever they are kept."""
        for at in range(0, len(refs), _REFS_AT_ONCE):
            await self.replicas.notify(ResultsNotice(refs=refs[at : at + _REFS_AT_ONCE]))
        await self.results.forget(refs)

    def seat(self, agent_id: str) -> Seat | None:
        """The agent's newest session at another replica."""
        return max(self.replicas.roster.seats(agent_id), key=lambda seat: seat.epoch, default=None)

    async def wait_for(
        self, connection_id: str, agent_id: str | None = None, *, seconds: float | None = None
    ) -> AgentSession | None:
        """The session that serves a connection here, waited for as long as a reconnect may take."""
        deadline = monotonic() + (self.reconnect_seconds if seconds is None else seconds)
        while (session := self.session(connection_id, agent_id)) is None:
            remaining = deadline - monotonic()
            if remaining <= 0:
                return None
            try:
                async with asyncio.timeout(remaining):
                    await self._attached.wait()
            except TimeoutError:
                return None
        return session

    # --- sessions ------------------------------------------------------------------------------------------

    async def attach(self, session: AgentSession, arrival: Arrival | None = None) -> None:
        """Serve this session from now on, in place of an older one of the same agent.

        Args:
            arrival: what it came by, if it came by the door.

        Raises:
            SessionLost: the agent left, or was sent away.
        """
        while arrival is not None and arrival.stale:
            arrival.stale = False
            await self._patiently(self._look_after, session)
        if session.lost:
            raise SessionLost
        older = self._sessions.get(session.agent_id)
        if older is not None and older.epoch > session.epoch:
            await session.close(SUPERSEDED, "A newer session of this agent is served.")
            return
        self._sessions.put(session)
        self._count()
        waiters, self._attached = self._attached, asyncio.Event()
        waiters.set()
        if older is not None:
            # Of the same process it is a socket that was lost; a process that is displaced gives up.
            code = SAME_REPLICA if older.instance == session.instance else SUPERSEDED
            older.end()
            self._spawn(older.close(code, "A newer session of this agent is served."))
        await self.replicas.attached(session)
        if self.replicas.shared:
            self._spawn(self._stop_unclaimed(session))
        else:
            await self._stop_unwanted(session)
        self.catalog.catch_up(session)

    async def _stop_unwanted(self, session: AgentSession) -> None:
        for statement_id, held in list(session.in_flight.items()):
            if statement_id not in self.wanted:
                await session.tell(Cancel(statement_id=statement_id, attempt=held.attempt))

    async def _stop_unclaimed(self, session: AgentSession) -> None:
        """A run of another replica may want what is in flight, and is given a moment to ask for it here."""
        await asyncio.sleep(CLAIM_SECONDS)
        with suppress(SessionLost):
            await self._stop_unwanted(session)

    def admit(self, agent_id: str, instance: str) -> None:
        """Let a hello in, unless agents take turns with one token.

        Raises:
            TokenShared: other processes displaced each other too often within the last minute.
        """
        if (ours := self._sessions.get(agent_id)) is not None:
            known = [ours.instance]
        else:
            known = [seat.instance for seat in self.replicas.roster.seats(agent_id)]
        if not known or instance in known:
            return
        if len(self._recent(agent_id)) >= TAKEOVERS_PER_MINUTE:
            raise TokenShared
        self._takeovers[agent_id].append(monotonic())

    def _recent(self, agent_id: str) -> deque[float]:
        recent = self._takeovers[agent_id]
        while recent and monotonic() - recent[0] > 60:
            recent.popleft()
        return recent

    def _seated_elsewhere(self, seat: Seat) -> None:
        """An agent attached to another replica: a process that it displaces here is sent away."""
        ours = self._sessions.get(seat.agent_id)
        if ours is None or ours.instance == seat.instance:
            return
        if ours.epoch > seat.epoch:
            # Ours is the newer one, and the other replica does not know yet.
            self._spawn(self.replicas.attached(ours))
            return
        self._recent(seat.agent_id).append(monotonic())
        self._spawn(ours.close(SUPERSEDED, "A newer session of this agent is served."))

    def _count_told(self, count: int) -> None:
        """Tell agents how many replicas there are: with more than one they attach to two."""
        for session in self._sessions:
            self._spawn(_tell_count(session, count))

    async def told(self, session: AgentSession) -> None:
        """The agent said hello again on its socket: its policy or its database changed."""
        await self._store.agents.heard(session.agent_id, session.facts, datetime.now(UTC))
        self.catalog.catch_up(session)

    async def detach(self, session: AgentSession) -> None:
        """The socket is gone."""
        session.end()
        if self._sessions.remove(session):
            self._count()
            await self.replicas.detached(session.agent_id)
        await self._store.agents.heard(session.agent_id, None, session.last_heard)

    async def revoke(self, agent_id: str) -> None:
        """Close the socket of an agent whose token was revoked."""
        await self.replicas.notify(GoneNotice(agent_id=agent_id))
        await self._revoke(agent_id)

    async def _revoke(self, agent_id: str) -> None:
        self.arrivals.doubt(agent_id=agent_id)
        session = self._sessions.get(agent_id)
        if session is not None:
            await session.close(REVOKED, "The token of this agent was revoked.")

    async def forget(self, connection_id: str) -> None:
        """Close every socket of a deleted connection and forget its snapshot."""
        await self.replicas.notify(GoneNotice(connection_id=connection_id))
        await self._forget(connection_id)

    async def _forget(self, connection_id: str) -> None:
        self.arrivals.doubt(connection_id=connection_id)
        sessions = self._sessions.of(connection_id)
        await asyncio.gather(*(one.close(REVOKED, "The connection was deleted.") for one in sessions))
        self.catalog.forget(connection_id)

    def heed(self, notice: GoneNotice | PolicyNotice | ResultsNotice | MissedNotice) -> None:
        """Another replica was told what concerns an agent, a connection or a result."""
        match notice:
            case GoneNotice():
                if notice.agent_id is not None:
                    self._spawn(self._revoke(notice.agent_id))
                if notice.connection_id is not None:
                    self._spawn(self._forget(notice.connection_id))
            case PolicyNotice():
                self.arrivals.doubt(connection_id=notice.connection_id)
                self._spawn(self._patiently(self.renew_policy, notice.connection_id))
            case ResultsNotice():
                self._spawn(self.results.forget(notice.refs))
            case MissedNotice():
                self._spawn(self._catch_up())

    async def _catch_up(self) -> None:
        """Learn from the store what notices would have said: who is revoked, deleted or tightened."""
        self.arrivals.doubt()
        for session in self._sessions:
            await self._patiently(self._look_after, session)

    async def _look_after(self, session: AgentSession) -> None:
        agents = await self._store.agents.of_connection(session.tenant, session.connection_id)
        ours = next((one for one in agents if one.agent_id == session.agent_id), None)
        if ours is None or ours.revoked_at is not None:
            await session.close(REVOKED, "The token of this agent was revoked.")
            return
        connection = await self._store.connections.get(session.tenant, session.connection_id)
        if connection is not None:
            await _tighten(session, connection.policy)

    async def _patiently(self, work: Callable[[_T], Awaitable[None]], about: _T) -> None:
        """Do it when the store lets us: a notice that was not heeded is not said again."""
        while True:
            try:
                await work(about)
            except StoreUnavailable:
                await asyncio.sleep(_STORE_PAUSE_SECONDS)
            else:
                return

    async def drain(self, grace_seconds: float) -> None:
        """Tell every agent that this backend is about to stop, and leave the answering to other replicas.

        What runs here goes on being served: agents keep this socket until it is closed.
        """
        await self.replicas.leave()
        await asyncio.gather(*(_tell_drain(session, grace_seconds) for session in self._sessions))

    async def moved(self, seconds: float) -> None:
        """Wait, where there are other replicas, until every agent is attached to one of them too."""
        if self.replicas.roster.count == 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while any(self.seat(one.agent_id) is None for one in self._sessions):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)  # heard of from the roster, which knows no waiters

    async def close(self) -> None:
        """Stop what runs in the background."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.catalog.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _count(self) -> None:
        self.metrics.agents.set(len(self._sessions))


async def _tighten(session: AgentSession, policy: Policy | None) -> None:
    with suppress(SessionLost):
        await session.tighten(policy)


async def _tell_drain(session: AgentSession, grace_seconds: float) -> None:
    with suppress(SessionLost, TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            await session.tell(Drain(grace_seconds=grace_seconds))


async def _tell_count(session: AgentSession, count: int) -> None:
    with suppress(SessionLost):
        await session.welcome(count)
