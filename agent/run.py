"""The run of one statement that the gate has let through: its transaction, its rows, its ending."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import psycopg

from agent import plan
from agent.batches import Batcher
from agent.copying import CopyFormat, Copying
from agent.cursor import DECLARE_PREFIX, Cursor
from agent.database import CHECKOUT_SECONDS, Connection, Database
from agent.delivery import Delivery
from agent.endings import stopped
from agent.exporting import Truncated, copy_out, fetch_out
from agent.failures import from_database
from agent.masked import MaskCheck
from agent.request import Completed, Planned, Request, Sink
from agent.stop import Stop, StoppedEarly
from agent.stopping import stopping
from agent.terms import Terms, Verdict
from agent.transaction import begin_read_only
from agent.typenames import TypeNames
from wire.outcome import Failed

_T = TypeVar("_T")


class CatalogChanged(Exception):
    """A relation that the statement reads is not the one that was judged. Nothing of it has run."""


class _Refused(Exception):
    """The statement is not run, or not on."""

    def __init__(self, failure: Failed) -> None:
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Server:
    """What every statement of one sandbox runs on."""

    database: Database
    types: TypeNames
    max_body: int
    """Bytes of a body at most."""


@dataclass(eq=False, slots=True)
class Run:
    """One statement that the gate has let through.

    Args:
        seconds: it may take, counted from ``started``.
        started: when it came, monotonic.
    """

    server: Server
    terms: Terms
    request: Request
    verdict: Verdict
    seconds: float
    started: float
    stop: Stop

    @property
    def executed(self) -> str:
        """The text that runs."""
        return self.verdict.sql

    async def guarded(self, work: Callable[["Run"], Awaitable[_T | Failed]]) -> _T | Failed:
        """Do ``work``; what the database says against it becomes a ``Failed``.

        Raises:
            CatalogChanged: judge it again.
        """
        try:
            return await work(self)
        except _Refused as refused:
            return refused.failure
        except StoppedEarly:
            return self._ended()
        except psycopg.Error as error:
            if self.stop.reason is not None:
                return self._ended()
            if error.sqlstate == "57014":
                return stopped("timeout", self.seconds, self._elapsed())
            return from_database(
                error,
                submitted=self.request.sql,
                executed=self.executed,
                prefix=len(DECLARE_PREFIX),
                known_names=self.terms.known_names,
                elapsed_ms=self._elapsed(),
            )

    async def stream(self, sink: Sink) -> Completed | Failed:
        """Read the result to its end or to a cap."""
        limits = self.terms.policy.limits
        max_rows = max(0, int(stricter(limits.rows, self.request.max_rows)))
        max_bytes = max(2, int(stricter(limits.bytes, self.request.max_bytes)))
        batcher = Batcher(max_rows=max_rows, max_bytes=max_bytes, max_body=self.server.max_body)
        async with self._opened(sink, max_rows + 1, max_bytes) as (cursor, delivery):
            async with contextlib.aclosing(cursor.groups(self.stop)) as groups:
                async for group in groups:
                    delivery.check(group)
                    for body, count in batcher.add(group):
                        await self._send(delivery, body, count)
                    if batcher.full:
                        break
            for body, count in batcher.rest():
                await self._send(delivery, body, count)
        return self._completed(delivery, batcher.truncated)

    async def export(self, sink: Sink, format: CopyFormat) -> Completed | Failed:
        """Read the whole result to its end or to a cap, as ``COPY`` writes it.

        A cursor is declared first: it tells the columns, and it proves the text to be one SELECT before
        ``COPY`` puts brackets around it.
        """
        policy, most = self.terms.policy, self.server.max_body
        if policy.share.screen != "results":
            return Failed(
                code="policy",
                layer="share",
                message="The owner's policy lets no rows leave, so there is nothing to export.",
            )
        max_rows = int(stricter(policy.exports.rows or 0, self.request.max_rows))
        max_bytes = int(stricter(policy.exports.bytes or 0, self.request.max_bytes))
        if self.request.more_than >= max_rows:
            return Failed(
                code="limit",
                layer="limits",
                message=f"The owner's policy lets {max_rows:,} rows leave at once, and the result has more.",
                hint="Ask for less, or take the rows that were shown; the owner can raise exports.rows.",
            )
        masked = any(found for _, found in self.verdict.masks)
        async with self._opened(sink, max_rows + 1 if masked else 0, max_bytes) as (cursor, delivery):
            if masked:
                async with contextlib.aclosing(cursor.groups(self.stop)) as groups:
                    done, truncated = await fetch_out(
                        groups, format, delivery, max_body=most, max_rows=max_rows, max_bytes=max_bytes
                    )
            else:
                copying = Copying(
                    cursor.conn, self.executed, format, max_body=most, max_rows=max_rows, max_bytes=max_bytes
                )
                done, truncated = await copy_out(copying, delivery)
        if not done:
            return self._ended()
        return self._completed(delivery, truncated)

    async def explain(self) -> Planned | Failed:
        """The plan's cost, rows and shape; what is only too costly is planned all the same."""
        async with self._transaction() as conn:
            refused = await self._too_costly(conn)
            if refused is not None and refused.layer != "cost":
                # Planning computes what does not depend on rows, so it would call what may not be called.
                raise _Refused(refused)
            return await plan.planned(conn, self.executed)

    @contextlib.asynccontextmanager
    async def _opened(
        self, sink: Sink, max_rows: int, max_bytes: int
    ) -> AsyncIterator[tuple[Cursor, Delivery]]:
        """The cursor declared, its columns told, and what leads its rows to the sink."""
        async with self._transaction() as conn:
            refused = await self._too_costly(conn)
            if refused is not None:
                raise _Refused(refused)
            async with Cursor(conn, self.executed, max_rows) as cursor:
                if not self.server.types.know(cursor.described):
                    await cursor.pause(max_bytes)
                columns = await self.server.types.columns(conn, cursor.described)
                masks = MaskCheck(self.verdict.masks, [column.name for column in columns])
                await sink.columns(columns)
                yield cursor, Delivery(sink.rows, self.stop, self.terms.policy.share.screen, masks)

    async def _send(self, delivery: Delivery, body: bytes, count: int) -> None:
        if not await delivery.send(body, count):
            raise StoppedEarly

    def _completed(self, delivery: Delivery, truncated: Truncated | None) -> Completed:
        return Completed(
            delivery.rows,
            delivery.size,
            delivery.digest,
            truncated,
            self._elapsed(),
            self.terms.policy.digest,
            delivery.withheld,
        )

    def _ended(self) -> Failed:
        return stopped(self.stop.reason, self.seconds, self._elapsed())

    def _elapsed(self) -> float:
        return since(self.started)

    async def _too_costly(self, conn: Connection) -> Failed | None:
        if self.terms.cost_verdict is None:
            return None
        return await self.terms.cost_verdict(conn, self.verdict)

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        remaining = max(self.seconds - (time.monotonic() - self.started), 0.05)

        def begin(server_version: int) -> str:
            return begin_read_only(
                self.terms.policy.limits,
                remaining,
                run_id=self.request.run_id,
                search_path=self.terms.search_path,
                server_version=server_version,
                guard=self.verdict.guard,
            )

        database = self.server.database
        held: list[Connection] = []

        async def take() -> None:
            try:
                held.append(await database.acquire(begin, timeout=min(remaining, CHECKOUT_SECONDS)))
            except psycopg.errors.DivisionByZero as error:
                raise CatalogChanged from error

        try:
            if not await self.stop.unless_stopped(take()):
                raise StoppedEarly
            async with stopping(held[0], self.stop):
                yield held[0]
        finally:
            for conn in held:
                await database.release(conn)


def stricter(limit: float, asked: float | None) -> float:
    """The tighter of the policy's limit and what was asked for, if anything."""
    return limit if asked is None else min(limit, asked)


def since(started: float) -> float:
    """Milliseconds since a moment of the monotonic clock."""
    return round((time.monotonic() - started) * 1000, 3)
