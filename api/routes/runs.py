"""Runs: one, many, their events, their end, their rows."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response

from api.auth import StateOf, TenantOf
from api.bodies import ExportManifest, ResultDocument, RunList
from api.describe import run_summary
from api.errors import NoResult
from api.export import Source, Wanted, last_rows
from api.formats import MEDIA_TYPES, Format
from api.problem import problems
from api.tail import event_stream, position
from graph.record import RunStatus
from graph.run import Run

router = APIRouter(prefix="/api/v1/runs", tags=["runs"])

RunId = Annotated[str, Path(max_length=100)]


@router.get("", operation_id="list_runs", responses=problems(401, 422, 503))
async def list_runs(
    state: StateOf,
    tenant: TenantOf,
    connection_id: str | None = None,
    thread_id: str | None = None,
    status: RunStatus | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(max_length=100)] = None,
) -> RunList:
    """Runs, newest first."""
    page = await state.store.runs.page(
        tenant, connection_id=connection_id, thread_id=thread_id, status=status, limit=limit, before=before
    )
    return RunList(runs=[run_summary(record) for record in page.items], next=page.next)


@router.get("/{run_id}", operation_id="get_run", responses=problems(404, 503))
async def get_run(run_id: RunId, state: StateOf, tenant: TenantOf) -> Run:
    """A run as far as it has come: the fold of its events."""
    return await state.runs.load(tenant, run_id)


@router.get(
    "/{run_id}/events", operation_id="tail_run", response_class=Response, responses=problems(404, 422, 503)
)
async def tail_run(
    run_id: RunId,
    state: StateOf,
    tenant: TenantOf,
    last_event_id: Annotated[str | None, Header()] = None,
    last_event_id_query: Annotated[str | None, Query(alias="last_event_id")] = None,
) -> Response:
    """The run's events as server-sent events, from the start or after ``Last-Event-ID``, until its end."""
    await state.runs.find(tenant, run_id)
    after = position(last_event_id if last_event_id is not None else last_event_id_query)
    return event_stream(state.runs, run_id, after, {"X-Run-Id": run_id})


@router.post(
    "/{run_id}/cancel", operation_id="cancel_run", responses={202: {"model": Run}, **problems(404, 503)}
)
async def cancel_run(run_id: RunId, state: StateOf, tenant: TenantOf, response: Response) -> Run:
    """Stop the run and its statement in the database; once it has ended, nothing changes."""
    await state.runs.find(tenant, run_id)
    run = await state.runs.cancel(tenant, run_id)
    response.status_code = 200 if run.finished_at is not None else 202
    return run


@router.get(
    "/{run_id}/result",
    operation_id="get_result",
    response_class=Response,
    responses={
        200: {
            "model": ResultDocument,
            "content": {kind: {} for kind in MEDIA_TYPES.values() if kind != MEDIA_TYPES["json"]},
        },
        206: {"description": "A range of a kept result's file."},
        **problems(403, 404, 410, 416, 422, 501, 502, 503),
    },
)
async def get_result(
    run_id: RunId,
    request: Request,
    state: StateOf,
    tenant: TenantOf,
    format: Annotated[Format, Query()] = "json",
    source: Annotated[
        Source,
        Query(
            description="kept: the rows that were answered with; live: the statement run again, whole; "
            "auto: kept where that is whole, live where a cap cut it."
        ),
    ] = "auto",
    safe: Annotated[
        Literal["0", "1"], Query(description="CSV for spreadsheets: no cell acts as a formula.")
    ] = "0",
    plain: Annotated[
        Literal["0", "1"], Query(description="Every column as text, in Parquet, Arrow and XLSX.")
    ] = "0",
) -> Response:
    """The whole result of the run's last statement, as a file. What comes to its end is whole."""
    run = await state.runs.load(tenant, run_id)
    attempt, rows = last_rows(run)
    wanted = Wanted(format, source, safe == "1", plain == "1")
    part = [(name, value) for name in ("range", "if-range") if (value := request.headers.get(name))]
    return await state.exports.answer(tenant, run, attempt.sql, rows, wanted, part)


@router.get("/{run_id}/exports/{export_id}", operation_id="get_export", responses=problems(404, 503))
async def get_export(run_id: RunId, export_id: RunId, state: StateOf, tenant: TenantOf) -> ExportManifest:
    """What became of an export that was streamed: rows, bytes and hash, to compare a file with.

    It is known for a day.
    """
    await state.runs.find(tenant, run_id)
    manifest = await state.exports.manifest(run_id, export_id)
    if manifest is None:
        raise NoResult("No such export is known.", "Export again: an export is known for a day only.")
    return manifest
