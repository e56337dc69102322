"""One statement from its text to its rows: gated, read-only, timed, capped, cancellable.

The order of what guards a statement here: the owner's rate and concurrency, the gate (``agent.sandbox``,
which decides what text runs), a read-only transaction with pinned settings, and a server-side cursor. The
cursor's ``DECLARE`` goes by the extended protocol, so it can hold only one statement, and PostgreSQL takes
only a SELECT or VALUES there. The transaction is always rolled back.

Every way to run a statement (the socket, ``custard-agent check``) goes through ``Sandbox.execute``.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, cast

import psycopg

from agent.admission import Admission
from agent.batches import Batcher, TextRow
from agent.database import CHECKOUT_SECONDS, Connection, Database, cancel_statement, cut_connection, literal
from agent.errors import DatabaseUnavailable, IntrospectionFailed, StatementTooWide
from agent.failures import from_database
from agent.stop import Stop, StopReason
from agent.typenames import TypeNames
from wire.frames import HEADER_BYTES
from wire.outcome import Failed, ResultColumn
from wire.policy import Limits, Policy

_log = logging.getLogger("agent.execution")
_T = TypeVar("_T")

CURSOR = "custard"
DECLARE_PREFIX = f'DECLARE "{CURSOR}" CURSOR FOR '
"""What psycopg puts before the statement; PostgreSQL counts error positions from its start."""

FIRST_FETCH_ROWS = 64
"""Rows of the first FETCH: small, so that the first rows are seen soon and their width is learned."""
FETCH_BYTES = 256 * 1024
"""Bytes that one FETCH aims at after that."""
FETCH_ROWS = 2_000
"""Rows of one FETCH at most."""
CHUNK_ROWS = 32
"""Rows that libpq holds at once at most; fewer when they are wide."""
GROUP_BYTES = 64 * 1024
"""Characters of cells that are turned into values before they are packed."""
CANCEL_AGAIN_SECONDS = 0.1
"""A cancel that arrives between two commands is lost on PostgreSQL, so it is sent again until it worked."""
DEAF_SECONDS = 2.0
"""After this long a statement that does not heed cancelling loses its connection."""
WORK_MEM = "16MB"
SEARCH_PATH = ("pg_catalog", "public", "pg_temp")
"""pg_catalog first and temporary objects last: nothing can take the place of what is PostgreSQL's own."""
MAX_FRAME_BYTES = 1024 * 1024


class Verdict(Protocol):
    """What the gate says of a statement."""

    @property
    def allowed(self) -> bool: ...
    @property
    def sql(self) -> str:
        """The text to run instead of the one that came; meaningless when not allowed."""
        ...

    @property
    def layer(self) -> str | None: ...
    @property
    def code(self) -> str | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def hint(self) -> str: ...


class Gate(Protocol):
    """Decides whether, and in what form, a statement runs: ``agent.sandbox.gate.Gate``."""

    async def check(self, sql: str) -> Verdict: ...


CostVerdict = Callable[[Connection, str], Awaitable[Failed | None]]
"""Looks at the plan of a statement that the gate has let through; a ``Failed`` when it is too costly."""


class Sink(Protocol):
    """Where a result goes while it is read. Its methods may wait: that is how a slow reader slows us."""

    async def columns(self, columns: list[ResultColumn]) -> None: ...
    async def rows(self, body: bytes, row_count: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """A statement to run. What it asks for can only tighten the policy's limits; None leaves them."""

    sql: str
    run_id: str = ""
    timeout_seconds: float | None = None
    max_rows: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Completed:
    """The statement ran to its end or to a cap. ``digest`` is SHA-256 (hex) over the bodies in order."""

    rows: int
    bytes: int
    digest: str
    truncated: Literal["rows", "bytes"] | None
    elapsed_ms: float
    policy_digest: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan: the planner's total cost and row estimate, and the shape as text without any name."""

    cost: float
    rows: float
    text: str


class Sandbox:
    """Runs statements of one database under one policy.

    Args:
        database: the pool.
        policy: its limits hold, and its digest travels with every result.
        gate: decides what runs.
        admission: shared with the sandboxes of earlier policies; None makes one from the policy.
        known_names: names that the policy shows, which error messages may mention.
        search_path: the whole of it, ``pg_catalog`` included, in order.
        max_frame_bytes: of one rows frame, header included.
        cost_verdict: the planner's gate; None when the policy sets no cost.
    """

    def __init__(
        self,
        database: Database,
        policy: Policy,
        gate: Gate,
        *,
        admission: Admission | None = None,
        known_names: Collection[str] = (),
        search_path: Collection[str] = SEARCH_PATH,
        max_frame_bytes: int = MAX_FRAME_BYTES,
        cost_verdict: CostVerdict | None = None,
        types: TypeNames | None = None,
    ) -> None:
        self.policy = policy
        self.gate = gate
        self.max_frame_bytes = max_frame_bytes
        self._database = database
        self._admission = admission or Admission(
            concurrent=policy.limits.concurrent, per_minute=policy.limits.per_minute
        )
        self._known_names = known_names
        self._search_path = tuple(search_path)
        self._cost_verdict = cost_verdict
        self._types = types or TypeNames()

    def learn(self, known_names: Collection[str], search_path: Collection[str]) -> None:
        """A new snapshot: which names error messages may mention, and the path to run under."""
        self._known_names = known_names
        self._search_path = tuple(search_path)

    async def execute(self, request: Request, sink: Sink, stop: Stop | None = None) -> Completed | Failed:
        """Run one statement and hand its rows to ``sink``.

        Never raises for what the statement or the database does. When ``stop`` is thrown the statement is
        gone from PostgreSQL before this returns.
        """
        return await self._guarded(request, stop or Stop(), lambda run: run.stream(sink))

    async def explain(self, sql: str, stop: Stop | None = None) -> Planned | Failed:
        """Plan one statement without running it."""
        return await self._guarded(Request(sql), stop or Stop(), lambda run: run.explain())

    async def _guarded(
        self, request: Request, stop: Stop, work: Callable[["_Run"], Awaitable[_T | Failed]]
    ) -> _T | Failed:
        started = time.monotonic()

        def failed(failure: Failed) -> Failed:
            return failure.model_copy(update={"elapsed_ms": _since(started)})

        limits = self.policy.limits
        seconds = _stricter(limits.statement_seconds, request.timeout_seconds)
        if seconds <= 0:
            return Failed(code="timeout", message="The statement's deadline had passed when it arrived.")
        reason = self._admission.over_limit()
        if reason is not None:
            return Failed(
                code="limit", layer="limits", message=reason, hint="Ask again in a moment.", retryable=True
            )
        timer = asyncio.get_running_loop().call_later(seconds, stop.throw, "timeout")
        try:
            async with self._admission.slot(stop) as admitted:
                if not admitted:
                    return failed(_stopped(stop.reason, seconds))
                verdict = await self.gate.check(request.sql)
                if not verdict.allowed:
                    return failed(_refused(verdict))
                run = _Run(self, request, verdict.sql, seconds, started, stop)
                return await run.guarded(work)
        except (DatabaseUnavailable, IntrospectionFailed) as error:
            return failed(
                Failed(code="database_unavailable", message=str(error), hint=error.hint, retryable=True)
            )
        except StatementTooWide as error:
            return failed(Failed(code="limit", layer="limits", message=str(error), hint=error.hint))
        finally:
            timer.cancel()


class _StoppedEarly(Exception):
    """The statement was stopped while PostgreSQL ran nothing of it: there is nothing to cancel."""


class _Run:
    """One statement that the gate has let through."""

    def __init__(
        self, sandbox: Sandbox, request: Request, executed: str, seconds: float, started: float, stop: Stop
    ) -> None:
        self._sandbox = sandbox
        self._request = request
        self._executed = executed
        self._seconds = seconds
        self._started = started
        self._stop = stop

    async def guarded(self, work: Callable[["_Run"], Awaitable[_T | Failed]]) -> _T | Failed:
        """Do ``work``; what the database says against it becomes a ``Failed``."""
        try:
            outcome = await work(self)
        except _StoppedEarly:
            return self._ended()
        except psycopg.Error as error:
            if self._stop.reason is not None:
                return self._ended()
            if error.sqlstate == "57014":
                return _stopped("timeout", self._seconds, _since(self._started))
            return from_database(
                error,
                submitted=self._request.sql,
                executed=self._executed,
                prefix=len(DECLARE_PREFIX),
                known_names=self._sandbox._known_names,
                elapsed_ms=_since(self._started),
            )
        return outcome

    async def stream(self, sink: Sink) -> Completed | Failed:
        """Read the result to its end or to a cap."""
        limits = self._sandbox.policy.limits
        max_rows = max(0, int(_stricter(limits.rows, self._request.max_rows)))
        max_bytes = max(2, int(_stricter(limits.bytes, self._request.max_bytes)))
        batcher = Batcher(
            max_rows=max_rows, max_bytes=max_bytes, max_body=self._sandbox.max_frame_bytes - HEADER_BYTES
        )
        digest, rows, size = hashlib.sha256(), 0, 0
        async with self._transaction() as conn:
            refused = await self._too_costly(conn)
            if refused is not None:
                return refused
            cursor = conn.cursor(name=CURSOR)
            try:
                await cursor.execute(self._executed.encode())
                assert cursor.pgresult is not None
                await sink.columns(await self._sandbox._types.columns(conn, cursor.pgresult))
                async with contextlib.aclosing(self._groups(conn, max_rows + 1)) as groups:
                    async for group in groups:
                        for body, count in batcher.add(group):
                            digest.update(body)
                            rows, size = rows + count, size + len(body)
                            if not await self._stop.unless_stopped(sink.rows(body, count)):
                                return self._ended()
                        if batcher.full:
                            break
                for body, count in batcher.rest():
                    digest.update(body)
                    rows, size = rows + count, size + len(body)
                    if not await self._stop.unless_stopped(sink.rows(body, count)):
                        return self._ended()
            finally:
                # The cursor ends with its transaction; this only tells psycopg so.
                with contextlib.suppress(psycopg.Error):
                    await conn.rollback()
                    await cursor.close()
        return Completed(
            rows,
            size,
            digest.hexdigest(),
            batcher.truncated,
            _since(self._started),
            self._sandbox.policy.digest,
        )

    async def explain(self) -> Planned | Failed:
        """The plan's cost, rows and shape."""
        async with self._transaction() as conn:
            text = await explain_json(conn, self._executed)
        plan = json.loads(text)[0]["Plan"]
        return Planned(float(plan["Total Cost"]), float(plan["Plan Rows"]), "\n".join(_shape(plan, 0)))

    def _ended(self) -> Failed:
        return _stopped(self._stop.reason, self._seconds, _since(self._started))

    async def _too_costly(self, conn: Connection) -> Failed | None:
        if self._sandbox._cost_verdict is None or self._sandbox.policy.limits.cost is None:
            return None
        return await self._sandbox._cost_verdict(conn, self._executed)

    async def _groups(self, conn: Connection, most: int) -> AsyncGenerator[list[TextRow], None]:
        """The cursor's rows, a few at a time, ``most`` altogether.

        libpq hands over a few rows at a time while a FETCH still runs, so that neither one wide row nor the
        jump from narrow rows to wide ones makes the agent hold more than ``CHUNK_ROWS`` of them.
        """
        fetch, chunk, seen, width = FIRST_FETCH_ROWS, CHUNK_ROWS // 2, 0, 1
        while seen < most:
            if self._stop.reason is not None:
                # A cancel that found nothing running has no error to show for it.
                raise _StoppedEarly
            wanted = min(fetch, most - seen)
            got, group, held, widest = 0, list[TextRow](), 0, 1
            async with _streaming(
                conn.cursor().stream(f'FETCH FORWARD {wanted} FROM "{CURSOR}"'.encode(), size=chunk)
            ) as stream:
                async for row in stream:
                    group.append(row)
                    got += 1
                    if got % 4 == 1:  # a sample: measuring every row costs half as much again as reading it
                        size = sum(map(len, filter(None, row)))
                        widest = max(widest, size)
                        held += 4 * size
                    if len(group) == CHUNK_ROWS or held >= GROUP_BYTES:
                        yield group
                        group, held = [], 0
            if group:
                yield group
            seen += got
            if got < wanted:
                return
            width = max(width // 2, widest)
            fetch = max(1, min(FETCH_ROWS, FETCH_BYTES // width))
            chunk = max(1, min(CHUNK_ROWS, FETCH_BYTES // width))

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        remaining = max(self._seconds - (time.monotonic() - self._started), 0.05)

        def begin(server_version: int) -> str:
            return begin_read_only(
                self._sandbox.policy.limits,
                remaining,
                run_id=self._request.run_id,
                search_path=self._sandbox._search_path,
                server_version=server_version,
            )

        database = self._sandbox._database
        held: list[Connection] = []

        async def take() -> None:
            held.append(await database.acquire(begin, timeout=min(remaining, CHECKOUT_SECONDS)))

        try:
            if not await self._stop.unless_stopped(take()):
                raise _StoppedEarly
            async with stopping(held[0], self._stop):
                yield held[0]
        finally:
            for conn in held:
                await database.release(conn)


@contextlib.asynccontextmanager
async def stopping(conn: Connection, stop: Stop) -> AsyncIterator[None]:
    """While inside, throwing ``stop`` cancels whatever ``conn`` runs, again and again until it has ended.

    Left only after the last cancel request has been answered: it cannot hit the connection's next statement.
    """
    over = asyncio.Event()

    async def watch() -> None:
        await stop.wait()
        thrown = time.monotonic()
        while not over.is_set():
            await cancel_statement(conn)
            if time.monotonic() - thrown > DEAF_SECONDS and not over.is_set():
                _log.warning("statement deaf to cancelling; connection cut", extra={"reason": stop.reason})
                cut_connection(conn)
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), CANCEL_AGAIN_SECONDS)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        over.set()
        if stop.reason is None:
            watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9_.-]")


def begin_read_only(
    limits: Limits,
    seconds: float,
    *,
    run_id: str = "",
    search_path: Collection[str] = SEARCH_PATH,
    server_version: int = 0,
) -> str:
    """``BEGIN`` and every setting that a statement runs under, for this transaction alone.

    Sent in one piece by the simple protocol; nothing in it comes from outside but ``run_id``, of which only
    letters, digits, ``_``, ``.`` and ``-`` are kept.
    """
    milliseconds = max(1, int(seconds * 1000))
    name = f"custard-agent/{_UNSAFE_NAME.sub('', run_id)[:40]}" if run_id else "custard-agent"
    path = ", ".join('"' + schema.replace('"', '""') + '"' for schema in search_path)
    settings = {
        "application_name": name,
        "search_path": path,
        "statement_timeout": str(milliseconds),
        "lock_timeout": str(max(1, int(min(limits.lock_seconds, seconds) * 1000))),
        "idle_in_transaction_session_timeout": str(milliseconds + 5_000),
        "work_mem": WORK_MEM,
        "max_parallel_workers_per_gather": "0",
        # The whole result is read, so the plan that is quickest to its end is wanted, not to its first row.
        "cursor_tuple_fraction": "1",
        "jit": "off",
        "row_security": "on",
        "standard_conforming_strings": "on",
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "bytea_output": "hex",
        "extra_float_digits": "1",
    }
    if server_version >= 140_000:
        # A client that was killed is noticed in the middle of its statement, not at the end.
        settings["client_connection_check_interval"] = "1000"
    if server_version >= 170_000:
        settings["transaction_timeout"] = str(milliseconds + 10_000)
    return "BEGIN READ ONLY; " + "; ".join(
        f"SET LOCAL {name} = {value if name == 'search_path' else literal(value)}"
        for name, value in settings.items()
    )


async def explain_json(conn: Connection, sql: str) -> str:
    """The plan of ``sql`` as PostgreSQL's JSON text; by the extended protocol, so of one statement only."""
    async with _streaming(conn.cursor().stream(b"EXPLAIN (FORMAT JSON) " + sql.encode())) as stream:
        return "".join([str(row[0]) async for row in stream])


def _streaming(
    rows: AsyncIterator[tuple[object, ...]],
) -> "contextlib.aclosing[AsyncGenerator[TextRow, None]]":
    """psycopg's ``stream`` is a generator that must be closed at once, though it is not typed as one."""
    return contextlib.aclosing(cast(AsyncGenerator[TextRow, None], rows))


def _shape(plan: dict[str, object], depth: int) -> list[str]:
    """The plan's nodes, indented. No names and no conditions: a view's plan names what the policy hides."""
    line = f"{'  ' * depth}{plan['Node Type']}  (cost={plan['Total Cost']} rows={plan['Plan Rows']})"
    below = plan.get("Plans")
    lines = [line]
    if isinstance(below, list):
        for child in below:
            lines.extend(_shape(child, depth + 1))
    return lines


def _stricter(limit: float, asked: float | None) -> float:
    return limit if asked is None else min(limit, asked)


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 3)


def _refused(verdict: Verdict) -> Failed:
    return Failed(
        code="limit" if verdict.code == "limit" else "policy",
        message=verdict.reason,
        hint=verdict.hint,
        layer=verdict.layer,
    )


def _stopped(reason: StopReason | None, seconds: float, elapsed_ms: float = 0.0) -> Failed:
    if reason == "timeout":
        return Failed(
            code="timeout",
            message=f"The statement ran longer than the {seconds:g} seconds it may.",
            hint="Narrow it: fewer rows, a shorter period, or an aggregate.",
            sqlstate="57014",
            elapsed_ms=elapsed_ms,
        )
    if reason == "policy":
        return Failed(
            code="policy",
            message="The owner's policy changed while the statement ran.",
            hint="Ask again: the new policy decides.",
            retryable=True,
            elapsed_ms=elapsed_ms,
        )
    if reason == "shutdown":
        return Failed(
            code="agent_lost", message="The agent was stopped.", retryable=True, elapsed_ms=elapsed_ms
        )
    return Failed(
        code="cancelled", message="The statement was stopped.", sqlstate="57014", elapsed_ms=elapsed_ms
    )
