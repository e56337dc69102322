"""Asking: one endpoint, three ways to hear the answer."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from api.ask import Ask
from api.auth import StateOf, TenantOf
from api.bodies import Query
from api.problem import problems
from api.question import clean_question
from api.tail import event_stream
from graph.run import Run

router = APIRouter(prefix="/api/v1", tags=["runs"])


@router.post(
    "/query",
    operation_id="query",
    response_model=Run,
    responses={
        202: {"model": Run, "description": "Started; follow `Location`. With `Prefer: respond-async`."},
        **problems(401, 404, 409, 413, 415, 422, 503),
    },
)
async def query(
    body: Query,
    state: StateOf,
    tenant: TenantOf,
    accept: Annotated[str, Header()] = "",
    prefer: Annotated[str, Header()] = "",
) -> Response:
    """Ask a question. Answers with the finished run, or with its events as they happen, or at once."""
    ask = Ask(
        tenant=tenant,
        connection=await state.connection(tenant, body.connection_id),
        question=clean_question(body.question),
        agent_id=body.agent_id,
        thread_id=body.thread_id,
        idempotency_key=body.idempotency_key,
        detached=_prefers(prefer, "detached"),
    )
    run_id = await state.runs.start(ask)
    headers = {"Location": f"/api/v1/runs/{run_id}", "X-Run-Id": run_id}
    if "text/event-stream" in accept:
        return event_stream(state.runs, run_id, 0, headers)
    if _prefers(prefer, "respond-async"):
        run = await state.runs.load(tenant, run_id)
        headers["Preference-Applied"] = ", ".join(
            word for word in ("respond-async", "detached") if _prefers(prefer, word)
        )
        return Response(run.model_dump_json(), 202, headers, "application/json")
    run = await state.runs.wait(tenant, run_id)
    return Response(run.model_dump_json(), 200, headers, "application/json")


def _prefers(header: str, preference: str) -> bool:
    """Whether a ``Prefer`` header (RFC 7240) names a preference."""
    return preference in (part.partition(";")[0].strip().lower() for part in header.split(","))
