"""How rows and live sessions are told to a client."""

from datetime import UTC, datetime

from starlette.requests import HTTPConnection

from api.bodies import AgentStatus, Connection, RunSummary, Thread
from api.gateway import Gateway
from api.settings import Settings
from api.state import State
from api.store.records import AgentFacts, AgentRecord, ConnectionRecord, RunRecord, ThreadRecord


def base_url(request: HTTPConnection, settings: Settings) -> str:
    """Where this backend is reached, without a slash at the end."""
    if settings.public_url is not None:
        return settings.public_url.rstrip("/")
    return str(request.base_url).rstrip("/")


async def connection_body(state: State, record: ConnectionRecord) -> Connection:
    """The connection with its agent's state and the size of its snapshot."""
    agents = await state.store.agents.of_connection(record.tenant, record.connection_id)
    stored = await state.gateway.catalog.cached(record.connection_id)
    return Connection(
        connection_id=record.connection_id,
        name=record.name,
        description=record.description,
        instructions=record.instructions,
        policy=record.policy,
        created_at=record.created_at,
        agent=_speaker(state.gateway, agents),
        tables=len(stored.snapshot.listed) if stored else None,
        fingerprint=stored.snapshot.fingerprint if stored else None,
    )


def agent_status(gateway: Gateway, record: AgentRecord) -> AgentStatus:
    """One agent's state."""
    session = gateway.session(record.connection_id, record.agent_id)
    facts = session.facts if session else record.facts
    common = {"agent_id": record.agent_id, "name": record.name or None, **_facts(facts)}
    if record.revoked_at is not None:
        return AgentStatus(
            status="revoked", since=record.revoked_at, last_seen_at=record.last_seen_at, **common
        )
    if session is not None:
        return AgentStatus(status="online", since=session.since, last_seen_at=session.last_heard, **common)
    if (seat := gateway.seat(record.agent_id)) is not None:
        return AgentStatus(status="online", since=seat.since, last_seen_at=datetime.now(UTC), **common)
    if record.last_seen_at is None:
        return AgentStatus(status="waiting", since=record.created_at, **common)
    return AgentStatus(
        status="offline", since=record.last_seen_at, last_seen_at=record.last_seen_at, **common
    )


def run_summary(record: RunRecord) -> RunSummary:
    """A run as lists show it."""
    return RunSummary(
        run_id=record.run_id,
        thread_id=record.thread_id,
        connection_id=record.connection_id,
        status=record.status,
        question=record.question,
        created_at=record.created_at,
        finished_at=record.finished_at,
    )


def thread_body(record: ThreadRecord) -> Thread:
    """A thread as lists show it."""
    return Thread(
        thread_id=record.thread_id,
        connection_id=record.connection_id,
        title=record.title,
        created_at=record.created_at,
        updated_at=record.updated_at,
        turns=record.turns,
    )


def _speaker(gateway: Gateway, agents: list[AgentRecord]) -> AgentStatus:
    """The state that stands for the connection: an online agent's, else the best of the others."""
    if not agents:
        return AgentStatus(status="waiting")
    order = ("online", "offline", "waiting", "revoked")
    return min(
        (agent_status(gateway, agent) for agent in agents), key=lambda agent: order.index(agent.status)
    )


def _facts(facts: AgentFacts | None) -> dict[str, object]:
    if facts is None:
        return {}
    return {
        "version": facts.version,
        "database": facts.database,
        "server_version": facts.server_version,
        "policy_name": facts.policy_name,
        "policy_digest": facts.policy_digest,
        "share": facts.share,
        "limits": facts.limits,
    }
