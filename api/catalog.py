"""What the connections' databases hold: the last snapshot of each, renewed when an agent says otherwise."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, Protocol

import structlog

from api.database import unavailable
from api.errors import AgentOffline, AgentTrouble
from api.session import AgentError, AgentSession
from api.snapshots import Change, compare, merged
from api.statement import SessionLost
from api.store.protocols import Store
from api.store.records import StoredSnapshot
from wire.messages import Snapshot
from wire.snapshot import SchemaSnapshot

_log = structlog.get_logger("api.catalog")


class Sessions(Protocol):
    """Where an agent is found that can be asked: the gateway."""

    def session(self, connection_id: str, agent_id: str | None = None) -> AgentSession | None: ...

    async def wait_for(self, connection_id: str, agent_id: str | None = None) -> AgentSession | None: ...


class Catalog:
    """The snapshots that this process knows. All methods run on its event loop."""

    def __init__(self, store: Store, sessions: Sessions) -> None:
        self._store = store
        self._sessions = sessions
        self._snapshots: dict[str, StoredSnapshot] = {}
        self._introspecting: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
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
        outdated = session is not None and known is not None and _outdated(known, session)
        if known is not None and not refresh and not outdated:
            return known.snapshot
        session = session or await self._sessions.wait_for(connection_id, agent_id)
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
        session = self._sessions.session(connection_id)
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
        session = self._sessions.session(connection_id)
        if session is not None:
            self._spawn(self._introspect(session))

    def catch_up(self, session: AgentSession) -> None:
        """In the background, see that the snapshot is what this agent says."""
        self._spawn(self._catch_up(session))

    def forget(self, connection_id: str) -> None:
        """The connection was deleted."""
        self._snapshots.pop(connection_id, None)
        self._introspecting.pop(connection_id, None)

    async def close(self) -> None:
        """Stop what runs in the background."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

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
