"""A backend of its own process whose model answers at once, or whose questions are SQL: ``python -m
evals.bench.backend``. Prints its address when it listens."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from api.app import create_app
from api.server import bind, make_server, url_of
from api.settings import Settings
from evals.bench.questions import PromptModel
from graph.events import Answered, Drafted, Executed, RunEvent, RunFailed
from graph.ports import Ports, SystemClock
from graph.record import Answer, Chart, Problem, Receipt, Turn
from graph.run import Run
from wire.outcome import Failed


async def question_is_sql(
    ports: Ports, *, run_id: str, question: str, history: list[Turn], resume: Run | None = None
) -> AsyncGenerator[RunEvent, None]:
    """A pipeline without a model: runs the question as the statement."""

    def fact() -> dict[str, Any]:
        return {"run_id": run_id, "at": SystemClock().now()}

    yield Drafted(**fact(), attempt=1, sql=question)
    started = time.perf_counter()
    outcome = await ports.database.execute(question, run_id=run_id, attempt=1)
    seconds = time.perf_counter() - started
    yield Executed(**fact(), attempt=1, outcome=outcome)
    if isinstance(outcome, Failed):
        yield RunFailed(**fact(), problem=Problem(code=outcome.code, message=outcome.message))
        return
    answer = Answer(
        text=f"{seconds:.9f}",  # what the statement took from here
        sql=question,
        columns=outcome.columns,
        rows=outcome.preview,
        row_count=outcome.row_count,
        truncated=outcome.truncated,
        chart=Chart(kind="none"),
    )
    receipt = Receipt(
        sql=question,
        snapshot_fingerprint="",
        policy_digest=outcome.policy_digest,
        result_digest=outcome.digest,
        row_count=outcome.row_count,
        executed_at=SystemClock().now(),
    )
    yield Answered(**fact(), answer=answer, receipt=receipt)


async def main(home: Path, *, as_sql: bool) -> None:
    """Serve until SIGTERM."""
    settings = Settings(
        home=home,
        port=0,
        frontend_dir=home / "no-frontend",
        log_level="error",
        max_running=512,
        max_running_per_connection=512,
        export_stall_seconds=3_600,
    )
    app = create_app(
        settings, pipeline=question_is_sql if as_sql else None, model=PromptModel(responses=["unused"])
    )
    listener = bind(settings)
    print(url_of(listener, settings), flush=True)
    await make_server(app, settings).serve(sockets=[listener])


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1]), as_sql="--sql" in sys.argv[2:]))
