"""Who goes first: small statements before the bodies of an export, and an export in the end all the same."""

import asyncio
from collections.abc import Callable
from typing import Any

from agent.database import Database
from agent.execution import Sandbox
from agent.precedence import Precedence
from agent.request import Request
from wire.policy import Exports, Limits, Policy

HANG_SECONDS = 20.0


async def test_a_body_waits_until_the_last_statement_is_over() -> None:
    precedence = Precedence(seconds=HANG_SECONDS)
    with precedence.taken():
        with precedence.taken():
            body = asyncio.ensure_future(precedence.given())
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        assert not body.done()
    await asyncio.wait_for(body, HANG_SECONDS / 2)


async def test_a_statement_that_has_run_for_some_time_is_not_waited_for() -> None:
    now = 100.0
    precedence = Precedence(seconds=HANG_SECONDS, clock=lambda: now)
    with precedence.taken():
        now += HANG_SECONDS
        await asyncio.wait_for(precedence.given(), HANG_SECONDS / 2)


async def test_an_endless_row_of_statements_does_not_stop_an_export() -> None:
    precedence = Precedence(seconds=0.02)
    over = asyncio.Event()

    async def ask_and_ask() -> None:
        with precedence.taken():
            while not over.is_set():
                with precedence.taken():
                    await asyncio.sleep(0.001)

    asking = asyncio.ensure_future(ask_and_ask())
    await asyncio.sleep(0.005)
    await asyncio.wait_for(precedence.given(), HANG_SECONDS)
    over.set()
    await asking


async def test_who_is_cancelled_while_waiting_leaves_nothing() -> None:
    precedence = Precedence(seconds=HANG_SECONDS)
    with precedence.taken():
        body = asyncio.ensure_future(precedence.given())
        await asyncio.sleep(0.01)
        body.cancel()
        await asyncio.wait({body})
    await asyncio.wait_for(precedence.given(), HANG_SECONDS / 2)


class _Sink:
    """Counts bodies, and does something at each."""

    def __init__(self, at_each: Callable[[], Any]) -> None:
        self.bodies = 0
        self.size = 0
        self._at_each = at_each

    async def columns(self, columns: Any) -> None:
        """Nothing is made of them."""

    async def rows(self, body: bytes, row_count: int) -> None:
        self.bodies += 1
        self.size += len(body)
        await self._at_each()


async def test_an_export_lets_a_statement_pass_and_comes_whole(database: Database, judges: Any) -> None:
    policy = Policy(
        default="allow", limits=Limits(concurrent=4), exports=Exports(rows=10**9, bytes=10**12, seconds=60)
    )
    sandbox = Sandbox(database, policy, judges())
    sandbox._precedence = Precedence(seconds=HANG_SECONDS)
    begun = asyncio.Event()

    async def going() -> None:
        begun.set()
        await asyncio.sleep(0)

    export = _Sink(going)
    exporting = asyncio.ensure_future(
        sandbox.export(Request("SELECT repeat('x', 100) FROM generate_series(1, 50000)"), "csv", export)
    )
    await asyncio.wait_for(begun.wait(), HANG_SECONDS)
    seen: list[int] = []

    async def look() -> None:
        for _ in range(2):
            seen.append(export.bodies)
            await asyncio.sleep(0.1)

    small = await sandbox.execute(Request("SELECT 1"), _Sink(look))
    assert small.rows == 1  # type: ignore[union-attr]
    assert seen[0] == seen[1], "the export went on while the statement was young"
    whole = await asyncio.wait_for(exporting, HANG_SECONDS * 2)
    assert (whole.rows, export.size) == (50_000, 50_000 * 101)  # type: ignore[union-attr]
