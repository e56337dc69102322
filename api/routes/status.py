"""How the backend is: for people, load balancers and Prometheus."""

import os

from fastapi import APIRouter
from fastapi.responses import Response

from api import VERSION
from api.auth import StateOf, TenantOf
from api.bodies import Check, Health, Info, ModelInfo, Readiness
from api.errors import StoreUnavailable
from api.state import State

router = APIRouter(tags=["status"])


@router.get("/api/v1/info", operation_id="get_info")
async def get_info(state: StateOf) -> Info:
    """What a client needs to know before it asks anything; needs no key."""
    settings = state.settings
    return Info(
        version=VERSION,
        model=ModelInfo(name=settings.model_label, local=settings.model_is_local),
        tracing=os.environ.get("LANGSMITH_TRACING", "").lower() == "true",
        auth="none" if settings.single_user else "key",
    )


@router.get("/health", operation_id="get_health")
async def get_health() -> Health:
    """The process lives."""
    return Health(version=VERSION)


@router.get("/health/ready", operation_id="get_readiness", responses={503: {"model": Readiness}})
async def get_readiness(state: StateOf, response: Response) -> Readiness:
    """Whether questions can be taken: 503 when the store is out or the backend is stopping.

    A model that is down leaves history and settings usable, so it degrades the backend without taking it
    out of service; so do a bus that is down, since the agents that are attached here are served, and having
    no agent.
    """
    checks = {"store": await _store(state)}
    healthy = checks["store"].ok and not state.runs.closing
    checks["bus"] = _bus(state)
    checks["model"] = await state.models.check()
    online = state.gateway.online
    checks["agents"] = Check(ok=online > 0, detail=f"{online} online")
    if not healthy:
        response.status_code = 503
        return Readiness(status="unavailable", checks=checks)
    return Readiness(status="ok" if all(check.ok for check in checks.values()) else "degraded", checks=checks)


@router.get("/metrics", operation_id="get_metrics", response_class=Response, include_in_schema=False)
async def get_metrics(state: StateOf, _: TenantOf) -> Response:
    """Prometheus's text format."""
    return Response(state.metrics.render(), media_type=state.metrics.content_type)


def _bus(state: State) -> Check:
    if state.runs.closing:
        return Check(ok=False, detail="stopping")
    replicas = state.gateway.replicas
    if not replicas.shared:
        return Check(ok=True, detail="in-process")
    trouble = replicas.bus.trouble
    return Check(ok=trouble is None, detail=trouble or f"{replicas.roster.count} replicas")


async def _store(state: StateOf) -> Check:
    try:
        await state.store.check()
    except StoreUnavailable as error:
        return Check(ok=False, detail=str(error))
    return Check(ok=True)
