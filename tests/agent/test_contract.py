"""docs/contract.md on the agent's side, under schedules drawn by seeds."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from agent.database import Database
from agent.execution import Sandbox
from agent.statements import Statements
from wire.frames import RowsFrame, decode_frame
from wire.messages import (
    Cancel,
    Cancelled,
    Credit,
    End,
    EndAck,
    Execute,
    StatementFailed,
    parse_from_agent,
)
from wire.policy import Limits, Policy

STATEMENTS = (
    "SELECT g FROM generate_series(1, 10) AS g",
    "SELECT g, repeat('x', 200) FROM generate_series(1, 3000) AS g",
    "SELECT 1 / (g - 500) FROM generate_series(1, 1000) AS g",
    "SELECT pg_sleep(0.05)",
    "SELEKT",
)
ENDINGS = (End, StatementFailed, Cancelled)


class Backend:
    """The far end of one socket after another: hears frames, and counts endings by socket and attempt."""

    def __init__(self) -> None:
        self.endings: Counter[tuple[int, str, int]] = Counter()
        self.rows: Counter[tuple[int, str, int]] = Counter()
        self.whole = 0
        self.socket = 0
        self.statements: Statements

    @property
    def told(self) -> set[tuple[str, int]]:
        """Attempts whose end has been heard."""
        return {(statement, attempt) for _, statement, attempt in self.endings}

    def sender(self) -> Any:
        self.socket += 1
        mine = self.socket

        async def send(data: str | bytes) -> None:
            await asyncio.sleep(0)
            if mine != self.socket:
                raise ConnectionResetError
            self._hear(mine, decode_frame(data) if isinstance(data, bytes) else parse_from_agent(data))

        return send

    def _hear(self, socket: int, message: Any) -> None:
        if isinstance(message, RowsFrame):
            key = (socket, message.statement_id, message.attempt)
            if message.sequence == 0:
                self.rows[key] = 0
            self.rows[key] += message.row_count
            self.statements.credit(_ref(message), len(message.body))
        elif isinstance(message, ENDINGS):
            key = (socket, message.statement_id, message.attempt)
            self.endings[key] += 1
            if isinstance(message, End):
                assert self.rows[key] == message.rows
                self.whole += 1
                self.statements.end_ack(EndAck(statement_id=message.statement_id, attempt=message.attempt))


def _ref(message: Any) -> Credit:
    return Credit(statement_id=message.statement_id, attempt=message.attempt, bytes=1)


@pytest.fixture
async def hand(database: Database, judges: Any) -> AsyncIterator[tuple[Statements, Backend, Any]]:
    gate = judges()
    limits = Limits(per_minute=10**6, concurrent=4)
    sandbox = Sandbox(database, Policy(default="allow", limits=limits), gate)
    statements = Statements(lambda: sandbox, detached_seconds=30)
    backend = Backend()
    backend.statements = statements
    yield statements, backend, gate
    await statements.close()


@pytest.mark.parametrize("seed", range(6))
async def test_no_attempt_runs_twice_however_often_it_is_asked_for(hand: Any, until: Any, seed: int) -> None:
    """Asking, asking again, stopping, losing the socket and coming back, in any order."""
    statements, backend, gate = hand
    draw = random.Random(seed)
    asked: dict[tuple[str, int], Execute] = {}
    door = statements.attach(backend.sender())
    for step in range(60):
        act = draw.random()
        if act < 0.4 or not asked:
            # A comment tells executions of one text apart where the gate counts them.
            number = UUID(int=seed * 1000 + step).hex
            message = Execute(
                statement_id=number, sql=f"{draw.choice(STATEMENTS)} -- {number}", credit_bytes=64 * 1024
            )
            asked[number, 1] = message
            statements.execute(message, door)
        elif act < 0.6:
            statements.execute(draw.choice(list(asked.values())), door)
        elif act < 0.75:
            message = draw.choice(list(asked.values()))
            statements.cancel(Cancel(statement_id=message.statement_id, attempt=message.attempt), door)
        elif act < 0.9:
            statements.detach(door)
            backend.socket += 1
            await asyncio.sleep(draw.random() * 0.02)
            door = statements.attach(backend.sender())
            for held in statements.in_flight():
                statements.execute(asked[held.statement_id, held.attempt], door)
        else:
            await asyncio.sleep(draw.random() * 0.05)
    await until(lambda: not statements.running and set(asked) <= backend.told)
    assert not statements.running
    executed = Counter(sql.rpartition(" -- ")[2] for sql in gate.seen)
    assert set(executed.values()) <= {1}
    # Stopped, failed or finished: every attempt was told its end on some socket. Asking for one again, or
    # stopping what is over, is answered again; a whole result is not told twice.
    assert backend.told == set(asked)
    assert backend.whole <= len(asked)
