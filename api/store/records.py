"""What the store keeps, a row each. Secrets are here only as hashes; runs are kept as their events."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from api.errors import StoreUnavailable
from graph.record import RunStatus
from graph.run import Run
from wire.policy import Limits, Policy, Share
from wire.snapshot import SchemaSnapshot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """A registered customer database."""

    connection_id: str
    tenant: str
    name: str
    description: str
    instructions: str
    created_at: datetime
    policy: Policy | None = None
    """What this side forbids on top of the owner's policy; None adds nothing."""


@dataclass(frozen=True, slots=True)
class JoinCodeRecord:
    """A way in for one agent, once."""

    code_hash: str
    tenant: str
    connection_id: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What an agent said of itself in its last hello."""

    version: str = ""
    database: str = ""
    server_version: int = 0
    policy_name: str = ""
    policy_digest: str = ""
    limits: Limits = field(default_factory=Limits)
    share: Share = field(default_factory=Share)


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An enrolled agent."""

    agent_id: str
    tenant: str
    connection_id: str
    name: str
    token_hash: str
    created_at: datetime
    revoked_at: datetime | None = None
    last_seen_at: datetime | None = None
    epoch: int = 0
    facts: AgentFacts | None = None
    """None until it has said hello once."""


@dataclass(frozen=True, slots=True)
class Attached:
    """What a hello was noted as."""

    epoch: int
    """Of the new session: one more than the last."""
    policy: Policy | None
    """What this side forbids on top of the owner's policy."""


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """The last snapshot of a connection, and the policy under which it was taken."""

    snapshot: SchemaSnapshot
    policy_digest: str


@dataclass(frozen=True, slots=True)
class SnapshotMark:
    """What tells whether a snapshot is still what an agent would say."""

    fingerprint: str
    policy_digest: str


@dataclass(frozen=True, slots=True)
class ThreadRecord:
    """A conversation."""

    thread_id: str
    tenant: str
    connection_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    turns: int = 0


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run's row: what lists need. The run itself is its events."""

    run_id: str
    tenant: str
    connection_id: str
    thread_id: str
    status: RunStatus
    question: str
    created_at: datetime
    finished_at: datetime | None = None
    detached: bool = False
    """Whether it goes on when those who listened to it have left."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that drives runs, and for how long one beat of its heart speaks for it."""

    owner: str
    seconds: float


IMPLAUSIBLE_LEASES = 12
"""A lease that ends further ahead than so many leases last was written by a clock that was wrong since."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A run held by a process. Only events of the current ``epoch`` are taken."""

    run_id: str
    epoch: int
    stop_reason: str | None = None
    """Set when another process was asked to stop the run."""
    listened: bool = False
    """Whether somebody listens to the run through another process."""
    left_seconds: float = 0.0
    """Of a run that was taken: how long ago its last lease had run out, by the store's clock."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it was appended: its position from 1, its type, and its JSON."""

    position: int
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one run that are written together, or not at all."""

    run_id: str
    events: tuple[StoredEvent, ...]
    """At least one; their positions follow each other."""
    ended: Run | None = None
    """The finished run, when the last of the events is its end."""
    epoch: int | None = None
    """That under which the run is driven; None asks for none."""


Fate = bool | StoreUnavailable
"""What became of a batch: see ``protocols.Runs.append``."""


KEPT_MANIFESTS = 24 * 3600.0
"""Seconds for which it is known what became of an export."""


@dataclass(frozen=True, slots=True)
class ExportRecord:
    """What became of a fresh export of a run."""

    export_id: str
    run_id: str
    replica: str
    """That serves it: when it is gone, the export is over."""
    started_at: datetime
    manifest: str
    """JSON of ``api.bodies.ExportManifest``."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """Makes a repeated request find the run that the first one started."""

    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list."""

    items: list[T]
    next: str | None
    """Pass as ``before`` to get what follows; None at the end."""
