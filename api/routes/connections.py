"""Connections: registered databases, their agents, tables and suggested questions."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.audit import audited
from api.auth import StateOf, TenantOf
from api.bodies import (
    AgentList,
    Connection,
    ConnectionChange,
    ConnectionCreate,
    ConnectionList,
    JoinCode,
    SchemaDocument,
    SchemaRefresh,
    Suggestions,
)
from api.describe import agent_status, base_url, connection_body
from api.errors import NoSnapshot, UnknownAgent, connection_gone
from api.ids import new_id
from api.problem import problems
from api.snapshots import excerpt, without_samples
from api.state import State
from api.store.records import ConnectionRecord, JoinCodeRecord, StoredSnapshot
from api.suggestions import suggest
from api.tokens import digest, new_join_code, normal_code
from wire.policy import Share
from wire.snapshot import SchemaSnapshot

router = APIRouter(prefix="/api/v1", tags=["connections"])

ConnectionId = Annotated[str, Path(max_length=100)]


@router.post(
    "", status_code=201, responses=problems(413, 415, 422, 503), operation_id="create_connection_short"
)
@router.post(
    "/connections", status_code=201, responses=problems(413, 415, 422, 503), operation_id="create_connection"
)
async def create_connection(
    body: ConnectionCreate, request: Request, response: Response, state: StateOf, tenant: TenantOf
) -> JoinCode:
    """Register a database and get the code with which its agent joins."""
    record = ConnectionRecord(
        connection_id=new_id("conn"),
        tenant=tenant,
        name=body.name,
        description=body.description,
        instructions=body.instructions,
        created_at=datetime.now(UTC),
    )
    await state.store.connections.add(record)
    response.headers["Location"] = f"/api/v1/connections/{record.connection_id}"
    return await _join_code(state, record, base_url(request, state.settings))


@router.get("/connections", operation_id="list_connections", responses=problems(401, 503))
async def list_connections(state: StateOf, tenant: TenantOf) -> ConnectionList:
    """Every connection, with the state of its agent, oldest first."""
    records = await state.store.connections.all(tenant)
    return ConnectionList(connections=[await connection_body(state, record) for record in records])


@router.get("/connections/{connection_id}", operation_id="get_connection", responses=problems(404, 503))
async def get_connection(connection_id: ConnectionId, state: StateOf, tenant: TenantOf) -> Connection:
    """One connection."""
    return await connection_body(state, await state.connection(tenant, connection_id))


@router.patch(
    "/connections/{connection_id}", operation_id="change_connection", responses=problems(404, 422, 503)
)
async def change_connection(
    connection_id: ConnectionId, body: ConnectionChange, state: StateOf, tenant: TenantOf
) -> Connection:
    """Change name, description, instructions or policy. The agent holds to a new policy at once."""
    record = await state.connection(tenant, connection_id)
    changed = ConnectionRecord(
        connection_id=record.connection_id,
        tenant=record.tenant,
        name=record.name if body.name is None else body.name,
        description=record.description if body.description is None else body.description,
        instructions=record.instructions if body.instructions is None else body.instructions,
        created_at=record.created_at,
        policy=body.policy if "policy" in body.model_fields_set else record.policy,
    )
    if not await state.store.connections.update(changed):
        raise connection_gone()
    if "policy" in body.model_fields_set:
        audited("policy changed", tenant=tenant, connection=connection_id)
        await state.gateway.policy_changed(changed)
    return await connection_body(state, changed)


@router.delete(
    "/connections/{connection_id}",
    status_code=204,
    operation_id="delete_connection",
    responses=problems(404, 503),
)
async def delete_connection(connection_id: ConnectionId, state: StateOf, tenant: TenantOf) -> None:
    """Delete it with its agents, threads and runs. What runs is stopped first."""
    await state.connection(tenant, connection_id)
    await state.runs.cancel_all(connection_id, "The connection was deleted.")
    async for thread_id in _threads(state, tenant, connection_id):
        await state.gateway.drop_results(await state.store.runs.results_of_thread(thread_id))
    await state.store.connections.delete(tenant, connection_id)
    audited("connection deleted", tenant=tenant, connection=connection_id)
    await state.gateway.forget(connection_id)


@router.post(
    "/connections/{connection_id}/join-code",
    status_code=201,
    operation_id="create_join_code",
    responses=problems(404, 503),
)
async def create_join_code(
    connection_id: ConnectionId, request: Request, state: StateOf, tenant: TenantOf
) -> JoinCode:
    """A further code, for a further agent or because the first one expired."""
    record = await state.connection(tenant, connection_id)
    return await _join_code(state, record, base_url(request, state.settings))


@router.get("/connections/{connection_id}/agents", operation_id="list_agents", responses=problems(404, 503))
async def list_agents(connection_id: ConnectionId, state: StateOf, tenant: TenantOf) -> AgentList:
    """Every agent that ever joined, newest first."""
    await state.connection(tenant, connection_id)
    records = await state.store.agents.of_connection(tenant, connection_id)
    return AgentList(agents=[agent_status(state.gateway, record) for record in records])


@router.delete(
    "/connections/{connection_id}/agents/{agent_id}",
    status_code=204,
    operation_id="revoke_agent",
    responses=problems(404, 503),
)
async def revoke_agent(
    connection_id: ConnectionId, agent_id: ConnectionId, state: StateOf, tenant: TenantOf
) -> None:
    """Make the agent's token worthless and close its socket."""
    await state.connection(tenant, connection_id)
    if not await state.store.agents.revoke(tenant, connection_id, agent_id, datetime.now(UTC)):
        raise UnknownAgent(
            f"This connection has no agent {agent_id[:80]!r}.",
            "GET /api/v1/connections/{connection_id}/agents lists those there are.",
        )
    audited("token revoked", tenant=tenant, connection=connection_id, agent=agent_id)
    await state.gateway.revoke(agent_id)


@router.get(
    "/connections/{connection_id}/schema",
    operation_id="get_schema",
    response_model=SchemaDocument,
    responses=problems(404, 422, 503),
)
async def get_schema(
    connection_id: ConnectionId,
    state: StateOf,
    tenant: TenantOf,
    search: Annotated[
        str, Query(max_length=200, description="Only tables with this in their name, comment or columns.")
    ] = "",
    limit: Annotated[int | None, Query(ge=1, le=10_000, description="Tables; all by default.")] = None,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """The last snapshot of the database, or a part of it."""
    record = await state.connection(tenant, connection_id)
    stored = await _snapshot(state, connection_id)
    if stored is None:
        raise NoSnapshot(
            "The agent of this connection has not told its tables yet.",
            "Start the agent with the join command, or refresh the schema when it is online.",
        )
    # Told as the snapshot's own text: validating ten thousand tables once more would take seconds.
    share = await state.gateway.share(record)

    def told() -> bytes:
        return excerpt(_shown(stored.snapshot, share), search, offset, limit)

    return Response(await asyncio.to_thread(told), media_type="application/json")


@router.post(
    "/{connection_id}/refresh-schema", operation_id="refresh_schema", responses=problems(404, 502, 503)
)
async def refresh_schema(connection_id: ConnectionId, state: StateOf, tenant: TenantOf) -> SchemaRefresh:
    """Introspect again and tell what changed."""
    await state.connection(tenant, connection_id)
    change = await state.gateway.catalog.refresh(connection_id)
    return SchemaRefresh(
        fingerprint=change.fingerprint,
        tables=change.tables,
        changed=change.changed,
        added=change.added,
        removed=change.removed,
    )


@router.get(
    "/connections/{connection_id}/suggestions", operation_id="get_suggestions", responses=problems(404, 503)
)
async def get_suggestions(connection_id: ConnectionId, state: StateOf, tenant: TenantOf) -> Suggestions:
    """Up to six questions that this database could answer, made from its tables."""
    record = await state.connection(tenant, connection_id)
    stored = await _snapshot(state, connection_id)
    if stored is None:
        return Suggestions(questions=[])
    share = await state.gateway.share(record)

    def asked() -> list[str]:
        return suggest(_shown(stored.snapshot, share))

    # Ten thousand tables take a while to look through, and everybody else would wait for it.
    return Suggestions(questions=await asyncio.to_thread(asked))


def _shown(snapshot: SchemaSnapshot, share: Share) -> SchemaSnapshot:
    """What a screen may show of it."""
    return without_samples(snapshot) if share.screen == "schema" else snapshot


async def _threads(state: State, tenant: str, connection_id: str) -> AsyncIterator[str]:
    before = None
    while True:
        page = await state.store.threads.page(tenant, connection_id=connection_id, limit=100, before=before)
        for thread in page.items:
            yield thread.thread_id
        before = page.next
        if before is None:
            return


async def _snapshot(state: State, connection_id: str) -> StoredSnapshot | None:
    return await state.gateway.catalog.cached(connection_id)


async def _join_code(state: State, record: ConnectionRecord, base: str) -> JoinCode:
    code = new_join_code()
    now = datetime.now(UTC)
    expires = now + timedelta(minutes=state.settings.join_code_minutes)
    await state.store.agents.add_code(
        JoinCodeRecord(digest(normal_code(code)), record.tenant, record.connection_id, now, expires)
    )
    audited("join code made", tenant=record.tenant, connection=record.connection_id)
    return JoinCode(
        connection_id=record.connection_id,
        name=record.name,
        join_code=code,
        join_command=f"custard agent join {base} {code}",
        expires_at=expires,
    )
