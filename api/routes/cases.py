"""Evals over a connection: the cases beside its agent, and what they say of a run's query."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.auth import StateOf, TenantOf
from api.bodies import CaseScore
from api.errors import UnknownRun
from api.problem import problems
from api.scoring import cases_of, score
from wire.cases import CaseList, CaseVerdict

router = APIRouter(prefix="/api/v1/connections/{connection_id}/cases", tags=["evals"])

ConnectionId = Annotated[str, Path(max_length=100)]
CaseId = Annotated[str, Path(max_length=200)]


@router.get("", operation_id="list_cases", responses=problems(401, 404, 502, 503))
async def list_cases(connection_id: ConnectionId, state: StateOf, tenant: TenantOf) -> CaseList:
    """The questions of the cases that lie beside the agent; what they accept stays there."""
    await state.connection(tenant, connection_id)
    return await cases_of(state.gateway, connection_id)


@router.post("/{case_id:path}/score", operation_id="score_case", responses=problems(401, 404, 422, 502, 503))
async def score_case(
    connection_id: ConnectionId, case_id: CaseId, body: CaseScore, state: StateOf, tenant: TenantOf
) -> CaseVerdict:
    """Have the agent compare what a run's last query gives with what the case accepts.

    A run rather than a query: whoever may ask questions shall not try queries of his own on accepted ones.
    """
    await state.connection(tenant, connection_id)
    run = await state.runs.load(tenant, body.run_id)
    if run.connection_id != connection_id:
        raise UnknownRun(f"The connection has no run {body.run_id[:80]!r}.", "Name a run of this connection.")
    if not run.attempts:
        return CaseVerdict()
    return await score(state.gateway, connection_id, case_id, run.attempts[-1].sql)
