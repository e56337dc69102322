"""What a question may be to a bench's backend besides a question: a statement, or so many events.

Each is a pipeline as ``api.driver`` takes them; ``PIPELINES`` names them for a command line.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

from api.driver import Pipeline
from api.recorder import GATHER_SECONDS
from graph.events import Answered, Drafted, Executed, Refused, RunEvent, RunFailed, SqlDelta
from graph.ports import Ports, SystemClock
from graph.record import Answer, Chart, Problem, Receipt, Refusal, Turn
from graph.run import Run
from wire.outcome import Failed

GO = "go"
"""The question that lets all runs of ``question_is_count`` begin."""
TIMES = " times "
_PAUSE_SECONDS = GATHER_SECONDS * 1.25
_PIECE = "SELECT id, name, amount FROM bench.items"

_may_begin = asyncio.Event()


async def question_is_sql(
    ports: Ports, *, run_id: str, question: str, history: list[Turn], resume: Run | None = None
) -> AsyncGenerator[RunEvent, None]:
    """A pipeline without a model: runs the question as the statement, ``20 times SELECT …`` that often.

    The answer's text holds the seconds that each took from here.
    """
    often, times, sql = question.partition(TIMES)
    count, sql = (int(often), sql) if times and often.isdecimal() else (1, question)

    def fact() -> dict[str, Any]:
        return {"run_id": run_id, "at": SystemClock().now()}

    yield Drafted(**fact(), attempt=1, sql=sql)
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        outcome = await ports.database.execute(sql, run_id=run_id, attempt=1)
        taken.append(time.perf_counter() - started)
        if isinstance(outcome, Failed):
            break
    yield Executed(**fact(), attempt=1, outcome=outcome)
    if isinstance(outcome, Failed):
        yield RunFailed(**fact(), problem=Problem(code=outcome.code, message=outcome.message))
        return
    answer = Answer(
        text=" ".join(f"{seconds:.9f}" for seconds in taken),
        sql=sql,
        columns=outcome.columns,
        rows=outcome.preview,
        row_count=outcome.row_count,
        truncated=outcome.truncated,
        chart=Chart(kind="none"),
    )
    receipt = Receipt(
        sql=sql,
        snapshot_fingerprint="",
        policy_digest=outcome.policy_digest,
        result_digest=outcome.digest,
        row_count=outcome.row_count,
        executed_at=SystemClock().now(),
    )
    yield Answered(**fact(), answer=answer, receipt=receipt)


async def question_is_count(
    ports: Ports, *, run_id: str, question: str, history: list[Turn], resume: Run | None = None
) -> AsyncGenerator[RunEvent, None]:
    """A pipeline that tells as many events as the question says: ``2000`` as fast as they are taken, ``400 by
    5`` with a pause after each five, in which they are written.

    It waits for somebody to ask ``GO``, so that its listeners are there. Those who wait then begin; who comes
    later waits for the next.
    """
    global _may_begin
    if question == GO:
        _may_begin.set()
        _may_begin = asyncio.Event()
    else:
        await _may_begin.wait()
        events, _, at_once = question.partition(" by ")
        for number in range(int(events)):
            if at_once and number and number % int(at_once) == 0:
                await asyncio.sleep(_PAUSE_SECONDS)
            # Of another attempt than the one before, or they would be written as one.
            piece = _PIECE[: 8 + number % 32]
            yield SqlDelta(
                run_id=run_id, at=SystemClock().now(), step="draft_sql", attempt=number % 2, text=piece
            )
    refusal = Refusal(reason="not_a_question", message="It was a number.")
    yield Refused(run_id=run_id, at=SystemClock().now(), refusal=refusal)


PIPELINES: dict[str, Pipeline] = {"sql": question_is_sql, "count": question_is_count}
