"""Where an agent joins: a code for a token, once."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request

from api.audit import audited
from api.auth import StateOf
from api.bodies import Join, Joined
from api.describe import base_url
from api.errors import BadJoinCode
from api.ids import new_id
from api.problem import problems
from api.tokens import digest, new_agent_token, normal_code

router = APIRouter(prefix="/api/v1", tags=["agents"])


@router.post(
    "/agents/join",
    status_code=201,
    operation_id="join_agent",
    responses=problems(403, 413, 415, 422, 429, 503),
)
async def join_agent(body: Join, request: Request, state: StateOf) -> Joined:
    """Change a join code into an agent's token. The code itself is the credential."""
    state.joins.take(request.client.host if request.client else "unknown")
    token = new_agent_token()
    agent = await state.store.agents.redeem(
        digest(normal_code(body.join_code)), new_id("agt"), body.name, digest(token), datetime.now(UTC)
    )
    if agent is None:
        raise BadJoinCode(
            "The join code is unknown, was used already, or has expired.",
            "Make a new one on the connection's page, or with POST /api/v1/connections/{id}/join-code.",
        )
    audited("agent joined", tenant=agent.tenant, connection=agent.connection_id, agent=agent.agent_id)
    base = base_url(request, state.settings)
    return Joined(
        agent_id=agent.agent_id,
        connection_id=agent.connection_id,
        token=token,
        websocket_url="ws" + base.removeprefix("http") + "/ws",
    )
