"""The repositories that the backend needs: narrow, and held to one contract-test suite per implementation.

Every method may raise ``StoreUnavailable``. Whatever belongs to a tenant is found only with that tenant's
name, so that a forgotten check ends in "not found" rather than in somebody else's row.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from api.store.records import (
    AgentFacts,
    AgentRecord,
    Attached,
    Batch,
    ConnectionRecord,
    ExportRecord,
    Fate,
    Holder,
    IdempotencyKey,
    JoinCodeRecord,
    Lease,
    Page,
    RunRecord,
    SnapshotMark,
    StoredEvent,
    StoredSnapshot,
    ThreadRecord,
)
from graph.record import RunStatus, Turn
from graph.run import Run
from wire.snapshot import SchemaSnapshot


class Connections(Protocol):
    """Registered databases."""

    async def add(self, record: ConnectionRecord) -> None: ...

    async def all(self, tenant: str) -> list[ConnectionRecord]:
        """Oldest first."""
        ...

    async def get(self, tenant: str, connection_id: str) -> ConnectionRecord | None: ...

    async def update(self, record: ConnectionRecord) -> bool:
        """Write name, description, instructions and policy. False when the row is gone."""
        ...

    async def delete(self, tenant: str, connection_id: str) -> bool:
        """Delete it with its codes, agents, snapshot, threads, runs and events."""
        ...


class Agents(Protocol):
    """Enrolled agents and the codes by which they join."""

    async def add_code(self, code: JoinCodeRecord) -> None:
        """Keep it. Raises ``UnknownConnection`` when that was deleted meanwhile."""
        ...

    async def redeem(
        self, code_hash: str, agent_id: str, name: str, token_hash: str, now: datetime
    ) -> AgentRecord | None:
        """Use a code up and enrol the agent, in one transaction; None when the code does not work."""
        ...

    async def of_connection(self, tenant: str, connection_id: str) -> list[AgentRecord]:
        """Newest first, revoked ones too."""
        ...

    async def by_token(self, token_hash: str) -> AgentRecord | None:
        """The agent with this token, revoked or not."""
        ...

    async def attached(self, agent_id: str, facts: AgentFacts, now: datetime) -> Attached | None:
        """Note a hello; None when the agent is gone, or its token was revoked meanwhile."""
        ...

    async def heard(self, agent_id: str, facts: AgentFacts | None, now: datetime) -> None:
        """Note that the agent was there, with new facts when it told some."""
        ...

    async def revoke(self, tenant: str, connection_id: str, agent_id: str, now: datetime) -> bool:
        """False when there is no such agent; revoking twice is fine."""
        ...


class Snapshots(Protocol):
    """The last snapshot of each connection."""

    async def get(self, connection_id: str) -> StoredSnapshot | None: ...

    async def mark(self, connection_id: str) -> SnapshotMark | None:
        """What tells the snapshot from another one, without reading it. Those of a herd go together."""
        ...

    async def put(self, connection_id: str, snapshot: SchemaSnapshot, policy_digest: str) -> None: ...


class Threads(Protocol):
    """Conversations."""

    async def get(self, tenant: str, thread_id: str) -> ThreadRecord | None: ...

    async def page(
        self, tenant: str, *, connection_id: str | None, limit: int, before: str | None
    ) -> Page[ThreadRecord]:
        """Last used first. Raises ``BadCursor`` for a ``before`` that is not one of ours."""
        ...

    async def rename(self, tenant: str, thread_id: str, title: str) -> bool: ...

    async def delete(self, tenant: str, thread_id: str) -> bool:
        """Delete it with its runs and events."""
        ...

    async def turns(self, thread_id: str, limit: int) -> list[Turn]:
        """The last ``limit`` turns that came to an end worth remembering, oldest first."""
        ...


class Runs(Protocol):
    """Runs as event logs. An event is appended once, at the position after the last."""

    async def earlier(self, tenant: str, key: IdempotencyKey) -> str | None:
        """The run that this key started in the last 24 hours. Raises ``KeyReused`` as ``start`` does."""
        ...

    async def start(
        self,
        run: RunRecord,
        first: StoredEvent,
        *,
        thread_title: str,
        key: IdempotencyKey | None,
        holder: Holder | None = None,
    ) -> str | None:
        """Write the run, its first event and, where it is new, its thread, in one transaction.

        With a ``holder``, the run is leased to it as epoch 1; without, to nobody.

        Returns:
            None when written; the id of the earlier run when ``key`` was seen in the last 24 hours.

        Raises:
            KeyReused: the key was seen with another body.
            UnknownConnection: it was deleted meanwhile.
        """
        ...

    async def append(self, batches: Sequence[Batch]) -> list[Fate]:
        """Append what several runs have to tell, together, each of them whole or not at all.

        Args:
            batches: of different runs.

        Returns:
            For each, in order, False when its first position is not the next one, or the run has ended, is
            gone or is driven under another epoch; an error when the store would not take this one. Of neither
            was anything written, and the others are none the worse.

        Raises:
            StoreUnavailable: nothing of any was written, as far as is known.
        """
        ...

    async def events(self, run_id: str, after: int) -> list[StoredEvent]:
        """Those after a position, in order."""
        ...

    async def get(self, tenant: str, run_id: str) -> RunRecord | None: ...

    async def load(self, run_id: str) -> Run | None:
        """The run: as it was written when it ended, else the fold of its events so far."""
        ...

    async def page(
        self,
        tenant: str,
        *,
        connection_id: str | None,
        thread_id: str | None,
        status: RunStatus | None,
        limit: int,
        before: str | None,
    ) -> Page[RunRecord]:
        """Newest first; ``before`` is a run's id."""
        ...

    async def of_thread(self, thread_id: str, *, limit: int, before: str | None) -> Page[Run]:
        """The newest, whole, oldest first; ``before`` is a run's id, and older ones follow on ``next``."""
        ...

    async def results_of_thread(self, thread_id: str) -> list[str]:
        """References of the results that its runs tell of."""
        ...

    async def unfinished(self) -> list[RunRecord]:
        """Every tenant's runs without an end, oldest first."""
        ...


class Leases(Protocol):
    """Who drives which run. Where processes may disagree about the time, the store's clock decides."""

    async def renew(self, holder: Holder, run_ids: Sequence[str]) -> list[Lease]:
        """Lengthen the leases of these runs; those of them that this owner still has."""
        ...

    async def take(
        self, holder: Holder, *, dead: Sequence[str], online: Sequence[str], overdue_seconds: float
    ) -> list[tuple[RunRecord, Lease]]:
        """Take over runs that nobody drives any more, each with its next epoch.

        Free is a run without an owner, with a lease that ran out or was written by a wrong clock
        (``IMPLAUSIBLE_LEASES``), or of one of the ``dead`` owners. Taken
        are those whose connection is ``online`` here, and any whose lease ran out ``overdue_seconds`` ago.
        """
        ...

    async def owners(self) -> set[str]:
        """Who holds unfinished runs, lease run out or not."""
        ...

    async def release(self, owner: str) -> None:
        """Give every lease back: whoever takes the runs need not wait."""
        ...

    async def ask_stop(self, run_id: str, reason: str) -> None:
        """Leave word for the process that drives the run."""
        ...

    async def heard(self, run_id: str, seconds: float) -> bool:
        """Note that somebody listens here, for so long at least. False when the run has ended or is gone."""
        ...


class Exports(Protocol):
    """What became of fresh exports, for ``KEPT_MANIFESTS`` seconds: any replica may be asked."""

    async def note(self, record: ExportRecord) -> None:
        """Keep it in place of its former state; of a run that is deleted nothing is kept."""
        ...

    async def get(self, run_id: str, export_id: str) -> ExportRecord | None: ...


class Store(Protocol):
    """All repositories over one place."""

    @property
    def connections(self) -> Connections: ...

    @property
    def agents(self) -> Agents: ...

    @property
    def snapshots(self) -> Snapshots: ...

    @property
    def threads(self) -> Threads: ...

    @property
    def runs(self) -> Runs: ...

    @property
    def leases(self) -> Leases: ...

    @property
    def exports(self) -> Exports: ...

    async def open(self) -> None:
        """Create or migrate what is needed."""
        ...

    async def check(self) -> None:
        """Write and read something small; raises ``StoreUnavailable`` when that fails."""
        ...

    async def close(self) -> None: ...
