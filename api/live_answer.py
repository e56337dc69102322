"""The answer that streams a fresh export: headers with its first row, then as fast as its reader reads.

It ends well only when the whole result has come and was counted and hashed alike at both ends. Otherwise the
connection is closed in the middle of a chunked body, which no HTTP client takes for an end; a manifest says
why.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from api.bodies import ExportManifest
from api.errors import AgentOffline, ApiError, Busy, ExportFailed, ExportRefused, ExportUnfit
from api.export import Exports, Wanted, file_digest, file_headers
from api.file_answer import FileAnswer
from api.formats import MEDIA_TYPES, Told, Unfit, Writer, make_writer
from api.live_export import Body, ExportBroken, LiveExport
from api.problem import api_problem
from api.session import AgentSession
from graph.run import Run
from wire.errors import MalformedFrame
from wire.outcome import Failed

WIDEST_ROW_BYTES = 40 * 1024 * 1024
"""An agent takes in no row of more than some 32 MB for an export (docs/security/memory.md)."""

_log = structlog.get_logger("api.export")
_CUT = Failed(
    code="limit",
    message="A limit of the owner's cut the result, and this format has no place to say so.",
    hint="Ask for less, or for format=json, parquet or xlsx, which say that they were cut.",
)


class LiveAnswer(Response):
    """One fresh export. When the caller goes away, its statement goes too."""

    def __init__(
        self,
        exports: Exports,
        session: AgentSession,
        tenant: str,
        run: Run,
        sql: str,
        wanted: Wanted,
        more_than: int,
    ) -> None:
        super().__init__()
        self._exports = exports
        self._session = session
        self._tenant = tenant
        self._run_id = run.run_id
        self._connection_id = run.connection_id
        self._sql = sql
        self._wanted = wanted
        self._more_than = more_than
        self._manifest: ExportManifest = exports.begin(run.run_id, wanted.format)
        self._whole = hashlib.sha256()
        self._sent = 0
        self._started = False
        self._noted = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await while_read(self._serve(scope, receive, send), receive)
        finally:
            if self._noted and self._manifest.state == "running":
                await asyncio.shield(self._note("abandoned", problem="The reader went away."))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._exports.turn(self._tenant, self._connection_id):
                await self._export(scope, receive, send)
        except Busy as error:
            await api_problem(error, self._run_id)(scope, receive, send)

    async def _export(self, scope: Scope, receive: Receive, send: Send) -> None:
        writer: Writer | None = None
        answer: Response | None = None
        self._noted = True
        await self._exports.note(self._manifest)
        try:
            folder = await asyncio.to_thread(self._exports.results.work.folder)
            writer = make_writer(
                self._wanted.format,
                safe=self._wanted.safe,
                plain=self._wanted.plain,
                folder=folder,
                text=frozenset(),
            )
            async with self._live(writer) as live:
                answer = await self._stream(live, writer, send)
            if answer is not None:
                await answer(scope, receive, send)
        except (ExportBroken, Unfit, MalformedFrame, TimeoutError) as error:
            problem = _problem(error)
            await self._note("failed", problem=str(problem))
            if not self._started:
                await api_problem(problem, self._run_id)(scope, receive, send)
            else:
                # Returning without an end makes the server close the connection: the reader sees it broken.
                _log.warning("an export broke", run=self._run_id, code=problem.code)
        finally:
            if writer is not None:
                await self._in_thread(writer.close)

    def _live(self, writer: Writer) -> LiveExport:
        return LiveExport(
            self._session,
            self._sql,
            self._run_id,
            writer.takes,
            seconds=self._exports.limits.seconds,
            more_than=self._more_than,
        )

    async def _stream(self, live: LiveExport, writer: Writer, send: Send) -> Response | None:
        """Send the file, or return the answer that will, where it must be whole before it can begin."""
        columns = await live.columns()
        first = await self._worked(writer, writer.begin, columns)
        if writer.streams:
            await self._begin(send)
        await self._send(send, first)
        async for body in _aligned(live.bodies(), whole_rows=not writer.verbatim):
            await self._send(send, await self._worked(writer, writer.add, body))
        if live.truncated is not None and not writer.tells_cut:
            raise ExportBroken(_CUT)
        await self._send(send, await self._worked(writer, writer.end, Told(live.rows, live.truncated)))
        told: dict[str, Any] = {"rows": live.rows, "truncated": live.truncated}
        if writer.path is not None:
            digest, size = await asyncio.to_thread(file_digest, writer.path)
            await self._note("complete", **told, bytes=size, sha256=digest.hex())
            self._started = True
            media_type = MEDIA_TYPES[self._wanted.format]
            return FileAnswer(writer.path, self._described(), media_type, ranges=False, temporary=False)
        # Before the file's end: whoever has that may ask any replica for the hash.
        await self._note("complete", **told, sha256=self._whole.hexdigest())
        async with asyncio.timeout(self._exports.limits.stall_seconds):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        return None

    async def _begin(self, send: Send) -> None:
        headers = {**self._described(), "Content-Type": MEDIA_TYPES[self._wanted.format]}
        self._started = True
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            }
        )

    async def _send(self, send: Send, piece: bytes) -> None:
        if not piece:
            return
        self._whole.update(piece)
        self._sent += len(piece)
        async with asyncio.timeout(self._exports.limits.stall_seconds):
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    def _described(self) -> dict[str, str]:
        export_id = self._manifest.export_id
        return {
            **file_headers(self._run_id, self._wanted.format),
            "ETag": f'"{export_id}"',
            "Accept-Ranges": "none",
            "X-Custard-Export": export_id,
            "Link": f'</api/v1/runs/{self._run_id}/exports/{export_id}>; rel="describedby"',
        }

    async def _worked(self, writer: Writer, step: Any, given: Any) -> bytes:
        """One step of a writer, off the event loop where it computes."""
        piece: bytes = step(given) if writer.verbatim else await self._in_thread(step, given)
        return piece

    async def _in_thread(self, step: Callable[..., Any], *given: Any) -> Any:
        return await in_thread(self._exports.threads, step, *given)

    async def _note(self, state: str, **values: Any) -> None:
        self._manifest = self._manifest.model_copy(
            update={
                "state": state,
                "finished_at": datetime.now(UTC),
                "bytes": self._sent,
                **values,
            }
        )
        await self._exports.note(self._manifest)


async def while_read(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Do it as long as there is a caller: one that goes away ends it."""
    gone = asyncio.ensure_future(_gone(receive))
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait({gone, working}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        gone.cancel()
        working.cancel()
        await asyncio.gather(gone, working, return_exceptions=True)
    if not working.cancelled():
        working.result()


async def _gone(receive: Receive) -> None:
    """Wait until the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        continue


async def in_thread(threads: Executor, step: Callable[..., Any], *given: Any) -> Any:
    """What it returns. Cancelled, it is seen to its end all the same.

    The server takes an answer that is sent for a caller that has gone, and cancels the rest: a step that was
    still to begin would not be done, and one under way would write where its file has been removed.
    """
    working = asyncio.get_running_loop().run_in_executor(threads, step, *given)
    cancelled: asyncio.CancelledError | None = None
    while not working.done():
        try:
            await asyncio.wait({working})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        working.exception()  # looked at, so that the loop does not complain of it
        raise cancelled
    return working.result()


async def _aligned(bodies: AsyncIterator[Body], *, whole_rows: bool) -> AsyncIterator[bytes]:
    """Raises ``MalformedFrame`` where pieces of one row come on and on."""
    held: list[bytes] = []
    size = 0
    async for body, rows in bodies:
        held.append(body)
        size += len(body)
        if rows or not whole_rows:
            yield b"".join(held) if len(held) > 1 else body
            held, size = [], 0
        elif size > WIDEST_ROW_BYTES:
            raise MalformedFrame("A row is wider than an agent sends one.")


def _problem(error: Exception) -> ApiError:
    """What the caller is told, by why there is no whole result."""
    if isinstance(error, Unfit):
        return ExportUnfit(str(error))
    if isinstance(error, TimeoutError):
        return ExportFailed("The reader took nothing for too long.", "Export again, and read on.")
    if isinstance(error, MalformedFrame):
        return ExportFailed("The agent sent something that is no row.", "If it stays, update the agent.")
    assert isinstance(error, ExportBroken)
    failure = error.failure
    if failure.code in ("agent_lost", "agent_offline"):
        return AgentOffline(failure.message, failure.hint)
    if failure.code in ("policy", "limit"):
        kind: type[ApiError] = Busy if failure.retryable else ExportRefused
        return kind(failure.message, failure.hint)
    return ExportFailed(failure.message, failure.hint)
