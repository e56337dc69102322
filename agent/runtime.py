"""What a running agent is and knows: policy, database, catalog, snapshot, and the sandbox made of them."""

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from agent import __version__
from agent.casebook import Casebook, verdict_of, withholding
from agent.database import Database
from agent.errors import AgentError, DatabaseUnavailable, IntrospectionFailed
from agent.execution import MAX_FRAME_BYTES, Sandbox
from agent.gatekeeper import Gatekeeper
from agent.introspect import catalog_state, changes, introspect, names_shown
from agent.inward import inward_sandbox
from agent.judges import Judges
from agent.policy_file import PolicyFile
from agent.policy_trial import objection
from agent.role import RoleWatch
from agent.terms import Terms
from agent.values.keeper import RENEW_SECONDS, ValueKeeper
from wire.cases import CaseList
from wire.errors import PolicyError
from wire.messages import (
    Cases,
    Delta,
    Hello,
    InFlight,
    Introspect,
    Lookup,
    Score,
    Snapshot,
    Suite,
    Unchanged,
    Values,
    Verdict,
)
from wire.outcome import Failed
from wire.packing import MOST_BYTES, WORTH_BYTES, pack
from wire.policy import Policy, PolicyStack, policy_of
from wire.snapshot import SchemaSnapshot

_log = logging.getLogger("agent.runtime")

CAPABILITIES = ["resume", "explain", "delta", "export"]
UNREADABLE = Policy(name="a policy of the backend's that this agent cannot read")
"""Stands for one: it denies everything."""
MAX_SCORES_WAITING = 64
"""Queries that may wait to be scored: as many as an eval asks at a time."""
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
        role: looks whether the database's role may do no more than it should; None trusts it.
        casebook: cases of an eval; with them no row leaves, see ``agent.casebook``. None has none.
        values_seconds: how old the index of values may become; 0 keeps none.
    """

    def __init__(
        self,
        database: Database,
        policy_file: PolicyFile,
        *,
        judges: Callable[[Database, PolicyStack], Judges] = Gatekeeper,
        role: RoleWatch | None = None,
        casebook: Casebook | None = None,
        values_seconds: float = RENEW_SECONDS,
    ) -> None:
        self.database = database
        self.instance = secrets.token_hex(8)
        self.role = role
        self._policy_file = policy_file
        self._make_judges = judges
        self._snapshots: OrderedDict[str, SchemaSnapshot] = OrderedDict()
        self._latest: SchemaSnapshot | None = None
        self._state: tuple[str, str] | None = None
        """Policy and catalog that it was made of."""
        self._changed = asyncio.Condition()
        self._introspecting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._warned: tuple[str, list[str]] = ("", [])
        self._casebook = casebook
        self._scoring = asyncio.Lock()
        self._waiting = 0
        stack = PolicyStack(owner=self._own(policy_file.current))
        self._judges = judges(database, stack)
        self._values = ValueKeeper(database, renew_seconds=values_seconds, objection=self._objection_of_role)
        self._values.adopt(stack, self._judges, self._path_of(self._judges))
        self.sandbox = Sandbox(
            database,
            stack,
            self._judges,
            search_path=self._judges.search_path,
            cost_verdict=self._judges.cost,
            objection=self._objection_of_role,
        )

    @property
    def policy(self) -> PolicyStack:
        """The policy in force: the owner's, with what the backend tightens of it."""
        return self.sandbox.policy

    def _own(self, policy: Policy) -> Policy:
        return policy if self._casebook is None else withholding(policy)

    def _objection_of_role(self) -> Failed | None:
        return self.role.refusal(self._shown_names()) if self.role is not None else None

    @staticmethod
    def _path_of(judges: Judges) -> Callable[[], tuple[str, ...]]:
        return lambda: judges.search_path

    def _shown_names(self) -> frozenset[str]:
        return names_shown(self._latest) if self._latest is not None else frozenset()

    def tighten(self, said: dict[str, Any] | None) -> PolicyError | None:
        """Take over the backend's own policy for this connection, before this returns; None takes it away.

        It can only tighten the owner's. One that cannot be read denies everything, since nobody knows what it
        was to forbid; the error is returned for the backend to hear.
        """
        error: PolicyError | None = None
        tighteners: tuple[Policy, ...] = ()
        if said is not None:
            try:
                tighteners = (policy_of(said),)
            except PolicyError as problem:
                error = problem
                tighteners = (UNREADABLE,)
                _log.error(
                    "the backend's policy cannot be read; nothing may be", extra={"reason": str(error)}
                )
        self._adopt(PolicyStack(owner=self.policy.owner, tighteners=tighteners))
        return error

    def _adopt(self, stack: PolicyStack) -> None:
        """Hold statements to another policy from now on; what that entails goes on beside."""
        if stack == self.policy:
            return
        former_judges, self._judges = self._judges, self._make_judges(self.database, stack)
        self._latest = None
        self._snapshots.clear()
        self._values.adopt(stack, self._judges, self._path_of(self._judges))
        former = self.sandbox.adopt(
            stack, self._judges, search_path=self._judges.search_path, cost_verdict=self._judges.cost
        )
        if self.role is not None:
            self.role.outdated()
        _log.info("policy in force", extra={"digest": stack.digest, "tightened": bool(stack.tighteners)})
        task = asyncio.create_task(self._settle(former, former_judges))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, former: Terms, former_judges: Judges) -> None:
        """What follows a change of policy."""
        await self.database.resize(self.policy.limits.concurrent + 1)
        await self.sandbox.stop_denied(former)
        await self.start()
        async with self._changed:
            self._changed.notify_all()
        await former.unused()
        await former_judges.close()

    def limit_frames(self, max_frame_bytes: int) -> None:
        """The backend takes no larger frames than this."""
        self.sandbox.limit_frames(max(4096, min(MAX_FRAME_BYTES, max_frame_bytes)))

    def hello(self, in_flight: list[InFlight]) -> Hello:
        """The first frame, with what is known now; nothing is asked of the database for it."""
        latest = self._latest
        return Hello(
            agent_version=__version__,
            instance=self.instance,
            policy_digest=self.policy.digest,
            policy_name=self.policy.owner.name,
            limits=self.policy.limits,
            share=self.policy.share,
            server_version=self.database.server_version,
            database=latest.database if latest else "",
            fingerprint=latest.fingerprint if latest else None,
            in_flight=in_flight,
            capabilities=[
                *CAPABILITIES,
                *(["lookup"] if self._values.enabled else []),
                *(["score"] if self._casebook is not None else []),
            ],
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
            state = self.policy.digest, await catalog_state(self.database)
            if self._latest is not None and state == self._state:
                return self._latest
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
            self._values.heed(snapshot)
            # What changed while it was read is found by the next look: the state is the one from before.
            self._state = policy.digest, state[1]
            await self._warn_of_names(judges)
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

    async def _warn_of_names(self, judges: Judges) -> None:
        """Log, once for each policy, what it names and the server does not have."""
        unknown = await asyncio.to_thread(judges.unknown_names)
        if self._warned != (self.policy.digest, unknown):
            self._warned = self.policy.digest, unknown
            for line in unknown:
                _log.warning("the policy names what is not there", extra={"reason": line})

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
        if "zlib" in message.accepts and WORTH_BYTES <= len(frame) <= MOST_BYTES:
            frame = (await asyncio.to_thread(pack, message.request_id, frame)).model_dump_json()
        if len(frame) > max_bytes:
            raise SnapshotTooLarge(
                f"The snapshot takes {len(frame):,} bytes and the backend takes {max_bytes:,} in one frame.",
                "Let the policy show fewer schemas or tables.",
            )
        return [frame]

    async def lookup(self, message: Lookup) -> Values:
        """What the index of values knows, at once; see ``agent.values``."""
        return await self._values.lookup(message)

    def suite(self, message: Cases) -> Suite:
        """The cases beside this agent, without what they accept."""
        none = CaseList(suite="", digest="", cases=[])
        listed = self._casebook.listed() if self._casebook is not None else none
        return Suite(request_id=message.request_id, **dict(listed))

    async def score(self, message: Score) -> Verdict:
        """Hold a query against a case; one at a time, beside what else runs."""
        if self._casebook is None:
            return Verdict(request_id=message.request_id, problem="unknown_case")
        if self._waiting >= MAX_SCORES_WAITING:
            return Verdict(request_id=message.request_id, problem="unavailable")
        self._waiting += 1
        try:
            return await self._scored(self._casebook, message)
        finally:
            self._waiting -= 1

    async def _scored(self, book: Casebook, message: Score) -> Verdict:
        async with self._scoring:
            sandbox = inward_sandbox(
                self.database,
                self.policy,
                self._judges,
                limits=self.policy.limits,
                concurrent=1,
                search_path=self._judges.search_path,
                cost_verdict=self._judges.cost,
                objection=self._objection_of_role,
            )
            verdict = await verdict_of(book, message.case_id, message.sql, sandbox)
        return Verdict(request_id=message.request_id, **dict(verdict))

    async def watch_values(self) -> None:
        """Keep the index of values fresh; never returns."""
        await self._values.watch()

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
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._judges.close()

    async def watch_policy(self) -> None:
        """Take over every policy that the file comes to hold; never returns."""
        async for policy in self._policy_file.changes(self._objection):
            self._adopt(PolicyStack(owner=self._own(policy), tighteners=self.policy.tighteners))

    async def watch_role(self) -> None:
        """Look again and again whether the database's role may do no more than it should; never returns."""
        if self.role is not None:
            await self.role.watch(lambda: self.policy)

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
