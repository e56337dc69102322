"""A run's whole result as a file: the one that is kept, or, where a cap cut it, a fresh one from the agent.

A kept result is a file of known length: it has its hash in the header and can be resumed by range. A fresh
one streams through and is kept nowhere; it starts over when it breaks, as the same statement need not give
the same rows twice. Either is whole or visibly broken: docs/decisions/0020-exports.md.

Whichever replica is asked, the answer is the same: what is kept elsewhere is fetched, and a fresh export is
served by the replica that has the agent and handed on.
"""

import asyncio
import base64
import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import structlog
from fastapi.responses import Response

from api.bodies import ExportManifest
from api.errors import (
    AgentOffline,
    AgentTrouble,
    ApiError,
    Busy,
    ExportUnfit,
    NoResult,
    ResultGone,
    StoreUnavailable,
)
from api.file_answer import FileAnswer
from api.formats import MEDIA_TYPES, Format, Told, Unfit, Writer, available, make_writer
from api.formats.text import csv_lines, text_lines
from api.ids import new_id
from api.results import KeptResult, Results
from api.store.protocols import Store
from api.store.records import ExportRecord
from api.turns import Bounds, Turns
from graph.record import Attempt
from graph.run import Run
from wire.errors import MalformedFrame
from wire.frames import TextRow
from wire.outcome import Rows

if TYPE_CHECKING:
    from api.gateway import Gateway
    from api.session import AgentSession

Source = Literal["auto", "kept", "live"]
REMEMBERED = 1_000
"""Manifests of the latest fresh exports of this process, should the store not have them."""
_BATCH_ROWS = 1_000
_THREADS = 2
"""Of their own: what exports compute never stands before what a question waits for."""
_WAIT_SECONDS = 30.0
"""How long an export may wait for its turn, its reader looking at nothing."""
_OVERDUE_SECONDS = 60.0

_log = structlog.get_logger("api.export")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a caller asks for."""

    format: Format
    source: Source = "auto"
    safe: bool = False
    """CSV in which no cell acts as a formula."""
    plain: bool = False
    """Every column as text, in formats that have types."""


@dataclass(frozen=True, slots=True)
class ExportLimits:
    """What the backend grants exports; the owner's policy holds where it is stricter."""

    seconds: float
    stall_seconds: float
    """How long a reader may take nothing before its export is given up."""
    at_once: int
    per_tenant: int


class Exports:
    """The exports of this process."""

    def __init__(self, results: Results, gateway: "Gateway", store: Store, limits: ExportLimits) -> None:
        self.results = results
        self.limits = limits
        self.threads = ThreadPoolExecutor(_THREADS, "export")
        self.replicas = gateway.replicas
        self._gateway = gateway
        self._store = store
        self._manifests: OrderedDict[str, ExportManifest] = OrderedDict()
        self._turns = Turns(
            Bounds(
                running=limits.at_once,
                # One database's agent runs few at once, and another's shall not wait for it.
                per_connection=max(1, limits.at_once // 2),
                per_tenant=limits.per_tenant,
                waiting=4 * limits.at_once,
                waiting_per_tenant=2 * limits.at_once,
            )
        )

    @asynccontextmanager
    async def turn(self, tenant: str, connection_id: str) -> AsyncIterator[None]:
        """Wait for one of the places that exports have, and hold it.

        Raises:
            Busy: too many wait already, or it was waited for too long.
        """
        if (why := self._turns.why_full(tenant)) is not None:
            raise Busy(f"Of exports {why}", "Export again in a minute.")
        called = False
        try:
            async with self._turns.turn(tenant, connection_id, patience=_WAIT_SECONDS):
                called = True
                yield
        except TimeoutError:
            if called:
                raise
            raise Busy(
                f"No place among the exports became free within {_WAIT_SECONDS:g} seconds.",
                "Export again in a minute.",
            ) from None

    async def answer(
        self, tenant: str, run: Run, sql: str, rows: Rows, wanted: Wanted, headers: list[tuple[str, str]]
    ) -> Response:
        """The answer that is the file.

        Args:
            headers: of the request, those that ask for a part of it.

        Raises:
            FormatUnavailable: the format needs a package that is not installed.
            ResultGone, AgentOffline: neither a kept result nor an agent is there to give it.
            ExportUnfit: it has no exact form in this format.
            AgentTrouble: the agent sent something that is no row.
            Busy: as many exports wait as may.
        """
        available(wanted.format)
        gone: ResultGone | None = None
        if wanted.source == "kept" or (wanted.source == "auto" and rows.truncated is None):
            try:
                kept = await self.results.get(rows)
            except ResultGone as error:
                if wanted.source == "kept":
                    raise
                gone = error
            else:
                async with self.turn(tenant, run.connection_id):
                    return await self._kept(run, kept, wanted)
        if self._gateway.session(run.connection_id, run.agent_id) is None and self.replicas.shared:
            from api.relayed_answer import RelayedAnswer

            stall = self.limits.stall_seconds
            return RelayedAnswer(self.replicas, tenant, run, wanted, headers, stall, gone or _offline())
        return await self.live(tenant, run, sql, rows, wanted, gone)

    async def live(
        self, tenant: str, run: Run, sql: str, rows: Rows, wanted: Wanted, gone: ResultGone | None = None
    ) -> Response:
        """A fresh export, by an agent that is attached here.

        Raises:
            AgentOffline, AgentTrouble: it is not, or is too old; ``gone`` instead where that is given.
        """
        from api.live_answer import LiveAnswer

        session = self._session(run, gone)
        # The notice of a policy may have been lost; nothing is exported under an older one.
        await self._gateway.renew_policy(run.connection_id)
        more_than = rows.row_count if rows.truncated == "rows" else 0
        return LiveAnswer(self, session, tenant, run, sql, wanted, more_than)

    async def manifest(self, run_id: str, export_id: str) -> ExportManifest | None:
        """What is known of a fresh export, of whichever replica."""
        found = self._manifests.get(export_id)
        if found is not None:
            return found if found.run_id == run_id else None
        record = await self._store.exports.get(run_id, export_id)
        if record is None:
            return None
        manifest = ExportManifest.model_validate_json(record.manifest)
        if manifest.state != "running" or not self._over(record):
            return manifest
        return manifest.model_copy(
            update={"state": "failed", "problem": "The backend that served it has ended; export again."}
        )

    def _over(self, record: ExportRecord) -> bool:
        """Whether an export cannot be running any more, whatever was noted last."""
        if self.replicas.shared:
            return not self.replicas.roster.knows(record.replica)
        age = (datetime.now(UTC) - record.started_at).total_seconds()
        return age > self.limits.seconds + _OVERDUE_SECONDS

    def begin(self, run_id: str, format: Format) -> ExportManifest:
        """The manifest of an export that begins."""
        return ExportManifest(
            export_id=new_id("exp"),
            run_id=run_id,
            format=format,
            state="running",
            started_at=datetime.now(UTC),
            finished_at=None,
            rows=0,
            bytes=0,
            sha256=None,
            truncated=None,
            problem=None,
        )

    async def note(self, manifest: ExportManifest) -> None:
        """Keep a manifest in place of its former state, for whichever replica is asked for it."""
        self._manifests[manifest.export_id] = manifest
        while len(self._manifests) > REMEMBERED:
            self._manifests.popitem(last=False)
        record = ExportRecord(
            manifest.export_id,
            manifest.run_id,
            self.replicas.roster.replica,
            manifest.started_at,
            manifest.model_dump_json(),
        )
        try:
            await self._store.exports.note(record)
        except StoreUnavailable:
            # The file is none the worse for it, and this replica knows.
            _log.warning("a manifest could not be stored", run=manifest.run_id)

    def close(self) -> None:
        """Let the threads go."""
        self.threads.shutdown(wait=False)

    def _session(self, run: Run, gone: ResultGone | None) -> "AgentSession":
        session = self._gateway.session(run.connection_id, run.agent_id)
        if session is not None and "export" in session.capabilities:
            return session
        if gone is not None:
            raise gone
        if session is not None:
            raise AgentTrouble(
                "The agent is older than exports.",
                "Update it, or take the rows that were shown with source=kept.",
            )
        raise _offline()

    async def _kept(self, run: Run, kept: KeptResult, wanted: Wanted) -> Response:
        try:
            path, digest = await asyncio.get_running_loop().run_in_executor(
                self.threads, _written, kept, wanted, self.results
            )
        except Unfit as error:
            raise ExportUnfit(str(error)) from error
        except (MalformedFrame, ValueError, TypeError, AttributeError) as error:
            # Only the previewed rows were looked at when they came; the agent is answerable for the others.
            raise AgentTrouble(
                "A row of the result is not one.", "Ask again; if it stays, update the agent."
            ) from error
        headers = {
            **file_headers(run.run_id, wanted.format),
            "ETag": f'"{digest.hex()}"',
            "Repr-Digest": f"sha-256=:{base64.b64encode(digest).decode()}:",
            "X-Custard-Rows": str(kept.row_count),
            "X-Custard-Truncated": kept.truncated or "no",
        }
        return FileAnswer(path, headers, MEDIA_TYPES[wanted.format], ranges=True, temporary=True)


def file_headers(run_id: str, format: Format) -> dict[str, str]:
    """Headers of any file of a result."""
    return {
        "Content-Disposition": f'attachment; filename="{run_id}.{format}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }


def last_rows(run: Run) -> tuple[Attempt, Rows]:
    """The run's last attempt that gave rows, with those.

    Raises:
        NoResult: none did, or its owner lets none of them out.
    """
    for attempt in reversed(run.attempts):
        if isinstance(attempt.outcome, Rows):
            if attempt.outcome.withheld:
                raise NoResult(
                    "The owner's policy lets no value of this result out.",
                    "GET /api/v1/runs/{run_id} tells its columns and how many rows it has.",
                )
            return attempt, attempt.outcome
    raise NoResult("No statement of this run gave rows.", "Only runs with status succeeded have a result.")


def _offline() -> ApiError:
    return AgentOffline(
        "The whole result comes from the agent, and it is not online.",
        "Start it with `custard agent run`, or take the rows that were shown with source=kept.",
    )


def _written(kept: KeptResult, wanted: Wanted, results: Results) -> tuple[Path, bytes]:
    """The kept result in a temporary file, and the SHA-256 of that."""
    folder = results.work.folder()
    writer = _writer(kept, wanted, folder)
    whole = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=folder, prefix="file_", suffix=".part", delete=False) as file:
        path = Path(file.name)
        try:
            for piece in _pieces(kept, writer):
                whole.update(piece)
                file.write(piece)
            if writer.path is not None:
                writer.path.replace(path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            writer.close()
    return path, file_digest(path)[0] if writer.path is not None else whole.digest()


def file_digest(path: Path) -> tuple[bytes, int]:
    """SHA-256 and length of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest(), path.stat().st_size


def _pieces(kept: KeptResult, writer: Writer) -> Iterator[bytes]:
    yield writer.begin(kept.columns)
    for body in _bodies(kept, writer.takes):
        yield writer.add(body)
    yield writer.end(Told(kept.row_count, kept.truncated))


def _bodies(kept: KeptResult, takes: Literal["csv", "text"]) -> Iterator[bytes]:
    write = csv_lines if takes == "csv" else text_lines
    rows = kept.text_rows()
    while batch := list[TextRow](islice(rows, _BATCH_ROWS)):
        if any(len(row) != len(kept.columns) for row in batch):
            raise MalformedFrame("A row has another number of cells than there are columns.")
        yield write(batch)


def _writer(kept: KeptResult, wanted: Wanted, folder: Path) -> Writer:
    """A writer that has been told which columns hold what their types cannot: a kept result can be looked
    through beforehand."""
    text: frozenset[int] = frozenset()
    if wanted.format in ("parquet", "arrow") and not wanted.plain and kept.columns:
        from api.formats.columnar import ArrowWriter

        probe = ArrowWriter(plain=False, text=text)
        probe.begin(kept.columns)
        for body in _bodies(kept, "csv"):
            text |= probe.misfits(body)
    return make_writer(wanted.format, safe=wanted.safe, plain=wanted.plain, folder=folder, text=text)
