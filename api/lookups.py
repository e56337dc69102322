"""Values looked up at the agent, for a question that waits: quick, or not at all."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from api.errors import ApiError
from api.relay import LookupRequest
from api.session import AgentError
from api.statement import SessionLost
from wire.values import Compared, Found

if TYPE_CHECKING:
    from api.gateway import Gateway

LOOKUP_SECONDS = 0.8
"""How long a question waits for values, wherever the agent is attached; it goes on without them."""

_log = structlog.get_logger("api.lookups")


async def look_up(
    gateway: "Gateway",
    connection_id: str,
    agent_id: str | None,
    text: str,
    compared: Sequence[Compared],
    most: int,
) -> Found | None:
    """As ``graph.ports.Database.lookup`` says, on an agent that is attached here or at another replica.

    Nobody is waited for: an agent that is away, too old, slow or in trouble has no values for this question.
    """
    request = LookupRequest(
        connection_id=connection_id, agent_id=agent_id, text=text, compared=list(compared), most=most
    )
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            if gateway.session(connection_id, agent_id) is not None:
                return await look_up_here(gateway, request)
            return await gateway.replicas.lookup(request, LOOKUP_SECONDS)
    except (TimeoutError, ApiError) as error:
        _log.info("no values in time", connection=connection_id, kind=type(error).__name__)
        return None


async def look_up_here(gateway: "Gateway", request: LookupRequest) -> Found | None:
    """Ask an agent that is attached here; None when there is none, or it cannot say."""
    session = gateway.session(request.connection_id, request.agent_id)
    if session is None or "lookup" not in session.capabilities:
        return None
    try:
        return await session.lookup(request.text, request.compared, request.most)
    except (SessionLost, AgentError):
        return None
