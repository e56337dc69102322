"""What the connections' databases hold: the last snapshot of each, renewed when an agent says otherwise."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, Protocol

import structlog

from api.database import unavailable
from api.errors import AgentOffline, AgentTrouble, ApiError
from api.relay import RefreshRequest, SnapshotNotice
from api.replicas import Replicas
from api.session import INTROSPECT_SECONDS, AgentError, AgentSession
from api.snapshots import Change, compare, merged
from api.statement import SessionLost
from api.store.protocols import Store
from api.store.records import SnapshotMark, StoredSnapshot
from wire.messages import Snapshot
from wire.snapshot import SchemaSnapshot

_TRIES = 3
"""How often a snapshot is asked for when the agent goes away meanwhile; reading it twice changes nothing."""

_log = structlog.get_logger("api.catalog")


class Sessions(Protocol):
    """Where an agent is found that can be asked: the gateway."""

    @property
    def replicas(self) -> Replicas: ...

    def session(self, connection_id: str, agent_id: str | None = None) -> AgentSession | None: ...

    async def wait_for(
        self, connection_id: str, agent_id: str | None = None, *, seconds: float | None = None
    ) -> AgentSession | None: ...


class Catalog:
    """The snapshots that this process knows. All methods run on its event loop."""

    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions
        self._snapshots: dict[str, StoredSnapshot] = {}
        self._introspecting: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._behind: dict[str, AgentSession] = {}
        """By agent, the session whose catching up has yet to begin."""
        self._due: set[str] = set()
        """Connections whose next introspection has yet to begin."""
        self._tasks: set[asyncio.Task[Any]] = set()

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
        session = self._sessions.session(connection_id, agent_id)
        outdated = session is not None and known is not None and _outdated(_mark(known), session)
        if known is not None and not refresh and not outdated:
            return known.snapshot
        for _ in range(_TRIES):
            session = self._sessions.session(connection_id, agent_id)
            try:
                if session is None and await self._refresh_elsewhere(connection_id, agent_id) is not None:
                    fresh = await self.cached(connection_id)
                    if fresh is not None:
                        return fresh.snapshot
                session = session or await self._sessions.wait_for(connection_id, agent_id)
                if session is None:
                    break
                return (await self._introspect(session)).snapshot
            except SessionLost:
                continue  # it may be back in a moment, here or at another replica
            except (ApiError, AgentError, TimeoutError) as error:
                raise unavailable() from error
        raise unavailable()

    async def refresh(self, connection_id: str, agent_id: str | None = None) -> Change:
        """Introspect now and compare; where another replica has the agent, it does that.

        Raises:
            AgentOffline: nobody is there to ask.
            AgentTrouble: the agent could not do it.
        """
        before = await self.cached(connection_id)
        session = self._sessions.session(connection_id, agent_id)
        if session is None:
            elsewhere = await self._refresh_elsewhere(connection_id, agent_id)
            if elsewhere is not None:
                return elsewhere
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
        # Of ten thousand tables that takes seconds, in which everybody else would wait.
        return await asyncio.to_thread(compare, before.snapshot if before else None, after.snapshot)

    async def _refresh_elsewhere(self, connection_id: str, agent_id: str | None) -> Change | None:
        request = RefreshRequest(connection_id=connection_id, agent_id=agent_id)
        done = await self._sessions.replicas.refresh(request, 2 * INTROSPECT_SECONDS)
        if done is None:
            return None
        self._snapshots.pop(connection_id, None)
        return done.change()

    def heed(self, notice: SnapshotNotice) -> None:
        """Another replica has written a snapshot: ours is read anew when it is another one."""
        known = self._snapshots.get(notice.connection_id)
        if known is None:
            return
        if (known.snapshot.fingerprint, known.policy_digest) != (notice.fingerprint, notice.policy_digest):
            del self._snapshots[notice.connection_id]

    def refresh_soon(self, connection_id: str) -> None:
        """Introspect in the background: the snapshot shows a statement's writer what the database lacks.

        One that has yet to begin serves every caller until it does.
        """
        session = self._sessions.session(connection_id)
        if session is not None and connection_id not in self._due:
            self._due.add(connection_id)
            self._spawn(self._introspect_due(session))

    def catch_up(self, session: AgentSession) -> None:
        """In the background, see that the snapshot is what this agent says.

        One that has yet to begin serves every hello that comes until it does.
        """
        waiting = session.agent_id in self._behind
        self._behind[session.agent_id] = session
        if not waiting:
            self._spawn(self._catch_up(session.connection_id, session.agent_id))

    def forget(self, connection_id: str) -> None:
        """The connection was deleted."""
        self._snapshots.pop(connection_id, None)
        self._introspecting.pop(connection_id, None)

    async def close(self) -> None:
        """Stop what runs in the background."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _catch_up(self, connection_id: str, agent_id: str) -> None:
        """Reads what tells snapshots apart, and no snapshot: a restart finds every agent's at once."""
        async with self._introspecting[connection_id]:
            session = self._behind.pop(agent_id)
            known = self._snapshots.get(connection_id)
            mark = _mark(known) if known else await self._store.snapshots.mark(connection_id)
            if not session.lost and (mark is None or _outdated(mark, session)):
                await self._introspect_alone(session)

    async def _introspect_due(self, session: AgentSession) -> None:
        async with self._introspecting[session.connection_id]:
            self._due.discard(session.connection_id)
            await self._introspect_alone(session)

    async def _introspect(self, session: AgentSession) -> StoredSnapshot:
        async with self._introspecting[session.connection_id]:
            return await self._introspect_alone(session)

    async def _introspect_alone(self, session: AgentSession) -> StoredSnapshot:
        """Under the connection's lock."""
        known = await self.cached(session.connection_id)
        digest = session.facts.policy_digest
        answer = await session.introspect(known.snapshot.fingerprint if known else None)
        fresh = await asyncio.to_thread(merged, known.snapshot if known else None, answer)
        if fresh is None:
            whole = await session.introspect(None)
            if not isinstance(whole, Snapshot):
                raise AgentError("It sent no whole snapshot although it was asked for one.")
            fresh = whole.snapshot
        stored = StoredSnapshot(fresh, digest)
        if known is None or known.policy_digest != digest or known.snapshot is not fresh:
            await self._store.snapshots.put(session.connection_id, fresh, digest)
            await self._tell(session.connection_id, stored)
        self._snapshots[session.connection_id] = stored
        session.fingerprint = fresh.fingerprint
        return stored

    async def _tell(self, connection_id: str, stored: StoredSnapshot) -> None:
        await self._sessions.replicas.notify(
            SnapshotNotice(
                connection_id=connection_id,
                fingerprint=stored.snapshot.fingerprint,
                policy_digest=stored.policy_digest,
            )
        )

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


def _mark(known: StoredSnapshot) -> SnapshotMark:
    return SnapshotMark(known.snapshot.fingerprint, known.policy_digest)


def _outdated(mark: SnapshotMark, session: AgentSession) -> bool:
    if mark.policy_digest != session.facts.policy_digest:
        return True
    return session.fingerprint is not None and session.fingerprint != mark.fingerprint
