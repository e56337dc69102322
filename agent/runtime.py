"""What a running agent is and knows: policy, database, catalog, snapshot, and the sandbox made of them."""

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from agent import __version__
from agent.admission import Admission
from agent.database import Database
from agent.errors import AgentError, DatabaseUnavailable, IntrospectionFailed
from agent.execution import MAX_FRAME_BYTES, Sandbox
from agent.gatekeeper import Gatekeeper
from agent.introspect import changes, introspect, names_shown
from agent.judges import Judges
from agent.policy_file import PolicyFile
from agent.policy_trial import objection
from agent.typenames import TypeNames
from wire.messages import Delta, Hello, InFlight, Introspect, Snapshot, Unchanged
from wire.policy import Policy
from wire.snapshot import SchemaSnapshot

_log = logging.getLogger("agent.runtime")

CAPABILITIES = ["resume", "explain", "delta"]
SNAPSHOTS_KEPT = 3
"""Snapshots kept to tell a backend only what changed since."""


class SnapshotTooLarge(AgentError):
    """The snapshot does not fit into a frame."""

    code = "snapshot_too_large"


class Runtime:
    """Everything behind the socket.

    Args:
        database: open.
        policy_file: the policy and its file.
        judges: makes the gate; the default is the sandbox's own.
    """

    def __init__(
        self,
        database: Database,
        policy_file: PolicyFile,
        *,
        judges: Callable[[Database, Policy], Judges] = Gatekeeper,
    ) -> None:
        self.database = database
        self.instance = secrets.token_hex(8)
        self.greeted = False
        self.on_policy_change: Callable[[], None] = lambda: None
        self._policy_file = policy_file
        self._make_judges = judges
        self._types = TypeNames()
        self._snapshots: OrderedDict[str, SchemaSnapshot] = OrderedDict()
        self._latest: SchemaSnapshot | None = None
        self._changed = asyncio.Condition()
        self._introspecting = asyncio.Lock()
        self._max_frame_bytes = MAX_FRAME_BYTES
        self._install(policy_file.current)

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.sandbox.policy

    def _install(self, policy: Policy) -> None:
        self._judges = self._make_judges(self.database, policy)
        known = names_shown(self._latest) if self._latest is not None else frozenset[str]()
        self.sandbox = Sandbox(
            self.database,
            policy,
            self._judges,
            admission=Admission(concurrent=policy.limits.concurrent, per_minute=policy.limits.per_minute),
            known_names=known,
            search_path=self._judges.search_path,
            max_frame_bytes=self._max_frame_bytes,
            cost_verdict=self._judges.cost,
            types=self._types,
        )

    def limit_frames(self, max_frame_bytes: int) -> None:
        """The backend takes no larger frames than this."""
        self._max_frame_bytes = max(4096, min(MAX_FRAME_BYTES, max_frame_bytes))
        self.sandbox.max_frame_bytes = self._max_frame_bytes

    def hello(self, in_flight: list[InFlight]) -> Hello:
        """The first frame, with what is known now; nothing is asked of the database for it."""
        latest = self._latest
        return Hello(
            agent_version=__version__,
            instance=self.instance,
            policy_digest=self.policy.digest,
            policy_name=self.policy.name,
            limits=self.policy.limits,
            share=self.policy.share,
            server_version=self.database.server_version,
            database=latest.database if latest else "",
            fingerprint=latest.fingerprint if latest else None,
            in_flight=in_flight,
            capabilities=CAPABILITIES,
        )

    async def start(self) -> None:
        """Look at the database once, so that hello can speak of it; one that is away is no obstacle."""
        try:
            await self.refresh()
        except (DatabaseUnavailable, IntrospectionFailed) as error:
            _log.warning("database not read yet", extra={"reason": str(error)})

    async def refresh(self) -> SchemaSnapshot:
        """Read the catalog anew.

        Raises:
            DatabaseUnavailable: no connection could be had.
            IntrospectionFailed: a catalog query failed.
        """
        async with self._introspecting:
            started = time.monotonic()
            judges, policy = self._judges, self.policy
            await judges.reload()
            snapshot = await introspect(self.database, policy, functions=judges.functions, shown=judges.shown)
            if policy is not self.policy:
                # The policy changed meanwhile: what was read under the old one must not be told.
                judges, policy = self._judges, self.policy
                await judges.reload()
                snapshot = await introspect(
                    self.database, policy, functions=judges.functions, shown=judges.shown
                )
            self._latest = snapshot
            self.sandbox.learn(names_shown(snapshot), judges.search_path)
            fingerprint = await asyncio.to_thread(lambda: snapshot.fingerprint)
            self._snapshots[fingerprint] = snapshot
            self._snapshots.move_to_end(fingerprint)
            while len(self._snapshots) > SNAPSHOTS_KEPT:
                self._snapshots.popitem(last=False)
            _log.info(
                "introspected",
                extra={
                    "tables": len(snapshot.tables),
                    "fingerprint": fingerprint,
                    "elapsed_ms": round((time.monotonic() - started) * 1000),
                },
            )
            return snapshot

    async def describe(self, message: Introspect, *, max_bytes: int) -> list[str]:
        """The frame that answers ``introspect``: unchanged, what changed, or the whole snapshot.

        Raises:
            DatabaseUnavailable, IntrospectionFailed: as ``refresh``.
            SnapshotTooLarge: it takes more than ``max_bytes``.
        """
        snapshot = await self.refresh()
        if message.known == snapshot.fingerprint:
            return [
                Unchanged(request_id=message.request_id, fingerprint=snapshot.fingerprint).model_dump_json()
            ]
        base = self._snapshots.get(message.known or "")
        frame = await asyncio.to_thread(self._frame, message, base, snapshot)
        if len(frame) > max_bytes:
            raise SnapshotTooLarge(
                f"The snapshot takes {len(frame):,} bytes and the backend takes {max_bytes:,} in one frame.",
                "Let the policy show fewer schemas or tables.",
            )
        return [frame]

    @staticmethod
    def _frame(message: Introspect, base: SchemaSnapshot | None, snapshot: SchemaSnapshot) -> str:
        if base is None:
            return _compact(Snapshot(request_id=message.request_id, snapshot=snapshot))
        changed, removed = changes(base, snapshot)
        return _compact(
            Delta(
                request_id=message.request_id,
                base=base.fingerprint,
                tables=changed,
                removed=removed,
                snapshot_head=snapshot.model_copy(update={"tables": []}),
                fingerprint=snapshot.fingerprint,
            )
        )

    async def close(self) -> None:
        """End what the sandbox keeps running."""
        await self._judges.close()

    async def watch_policy(self) -> None:
        """Take over every policy that the file comes to hold; never returns."""
        async for policy in self._policy_file.changes(self._objection):
            former = self._judges
            self._latest = None
            self._install(policy)
            self._snapshots.clear()
            self.on_policy_change()
            await self.database.resize(policy.limits.concurrent + 1)
            await self.start()
            await former.close()
            async with self._changed:
                self._changed.notify_all()

    async def _objection(self, policy: Policy) -> str:
        return await objection(self.database, policy)

    async def changed(self, digest: str) -> None:
        """Wait until another policy than the one of this digest is in force."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.policy.digest != digest)


def _compact(message: Snapshot | Delta) -> str:
    """The frame without fields at their defaults, which the reader fills in again: a third of the size."""
    body = message.model_dump_json(exclude_defaults=True)
    return f'{{"type":"{message.type}",{body[1:]}'
