"""Threads: conversations about one database."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.auth import StateOf, TenantOf
from api.bodies import Thread, ThreadChange, ThreadDetail, ThreadList
from api.describe import thread_body
from api.errors import UnknownThread
from api.problem import problems
from api.state import State
from api.store.records import ThreadRecord

router = APIRouter(prefix="/api/v1/threads", tags=["threads"])

ThreadId = Annotated[str, Path(max_length=100)]


@router.get("", operation_id="list_threads", responses=problems(401, 422, 503))
async def list_threads(
    state: StateOf,
    tenant: TenantOf,
    connection_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(max_length=200)] = None,
) -> ThreadList:
    """Threads, last used first."""
    page = await state.store.threads.page(tenant, connection_id=connection_id, limit=limit, before=before)
    return ThreadList(threads=[thread_body(record) for record in page.items], next=page.next)


@router.get("/{thread_id}", operation_id="get_thread", responses=problems(404, 422, 503))
async def get_thread(
    thread_id: ThreadId,
    state: StateOf,
    tenant: TenantOf,
    limit: Annotated[int, Query(ge=1, le=200, description="Runs, the newest ones.")] = 200,
    before: Annotated[str | None, Query(max_length=100)] = None,
) -> ThreadDetail:
    """A thread with its runs."""
    record = await _thread(state, tenant, thread_id)
    page = await state.runs.of_thread(thread_id, limit=limit, before=before)
    return ThreadDetail(**thread_body(record).model_dump(), runs=page.items, next=page.next)


@router.patch("/{thread_id}", operation_id="rename_thread", responses=problems(404, 422, 503))
async def rename_thread(thread_id: ThreadId, body: ThreadChange, state: StateOf, tenant: TenantOf) -> Thread:
    """Give a thread another title."""
    if not await state.store.threads.rename(tenant, thread_id, body.title):
        raise _unknown(thread_id)
    return thread_body(await _thread(state, tenant, thread_id))


@router.delete("/{thread_id}", status_code=204, operation_id="delete_thread", responses=problems(404, 503))
async def delete_thread(thread_id: ThreadId, state: StateOf, tenant: TenantOf) -> None:
    """Delete a thread with its runs. What still runs is stopped first."""
    await _thread(state, tenant, thread_id)
    await state.runs.cancel_thread(thread_id, "The thread was deleted.")
    await state.gateway.drop_results(await state.store.runs.results_of_thread(thread_id))
    await state.store.threads.delete(tenant, thread_id)


async def _thread(state: State, tenant: str, thread_id: str) -> ThreadRecord:
    record = await state.store.threads.get(tenant, thread_id)
    if record is None:
        raise _unknown(thread_id)
    return record


def _unknown(thread_id: str) -> UnknownThread:
    return UnknownThread(
        f"There is no thread {thread_id[:80]!r}.", "GET /api/v1/threads lists those there are."
    )
