"""A question as it came in: what it belongs to, what was asked before it, and why nobody can answer it."""

import hashlib
from dataclasses import dataclass

from api.errors import AgentOffline, ThreadElsewhere, UnknownAgent, UnknownThread
from api.store.protocols import Store
from api.store.records import ConnectionRecord, IdempotencyKey
from graph.record import Turn

HISTORY_TURNS = 6
_TITLE_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Ask:
    """A question as it was asked."""

    tenant: str
    connection: ConnectionRecord
    question: str
    agent_id: str | None = None
    thread_id: str | None = None
    idempotency_key: str | None = None
    detached: bool = False
    """Whether the run goes on when those who listened to it have left."""

    @property
    def body_hash(self) -> str:
        """Tells whether a repeated key came with the same question."""
        parts = (self.connection.connection_id, self.question, self.agent_id or "", self.thread_id or "")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def key(self) -> IdempotencyKey | None:
        """What makes a repetition find this question's run."""
        return IdempotencyKey(self.idempotency_key, self.body_hash) if self.idempotency_key else None

    @property
    def title(self) -> str:
        """What a thread that begins with this question is called."""
        line = " ".join(self.question.split())
        return line if len(line) <= _TITLE_CHARACTERS else line[: _TITLE_CHARACTERS - 1].rstrip() + "…"


async def history_of(ask: Ask, store: Store) -> list[Turn]:
    """The turns before this one in its thread. Raises ``UnknownThread`` or ``ThreadElsewhere``."""
    if ask.thread_id is None:
        return []
    thread = await store.threads.get(ask.tenant, ask.thread_id)
    if thread is None:
        raise UnknownThread(
            f"There is no thread {ask.thread_id[:80]!r}.", "Leave thread_id out to begin a new one."
        )
    if thread.connection_id != ask.connection.connection_id:
        raise ThreadElsewhere(
            "The thread is about another connection.", "Leave thread_id out to begin a new one."
        )
    return await store.threads.turns(ask.thread_id, HISTORY_TURNS)


async def why_absent(ask: Ask, store: Store) -> UnknownAgent | AgentOffline:
    """Why no agent is there to serve this question."""
    known = await store.agents.of_connection(ask.tenant, ask.connection.connection_id)
    if ask.agent_id is not None and all(agent.agent_id != ask.agent_id for agent in known):
        return UnknownAgent(
            f"This connection has no agent {ask.agent_id[:80]!r}.",
            "Leave agent_id out to ask whichever is online.",
        )
    if all(agent.revoked_at is not None for agent in known):
        return AgentOffline(
            "No agent has joined this connection.",
            "Make a join code and run its command beside the database.",
        )
    return AgentOffline(
        "The agent of this connection is offline.",
        "Start it beside the database with `custard agent run`, then ask again.",
    )
