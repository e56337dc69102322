"""Ask a question and follow it to its end: shared by ``custard ask`` and ``custard demo --ask``."""

import sys
from contextlib import suppress

from cli.console import err, print_json
from cli.errors import CommandError, run_exit_code
from cli.http import Backend, Json, run_path
from cli.transcript import Steps, show_ending


def ask(
    backend: Backend,
    connection_id: str,
    question: str,
    *,
    thread_id: str | None = None,
    as_json: bool = False,
    sql: bool = False,
) -> tuple[Json, int]:
    """Run a question, show its steps and its ending; returns the run and the exit code.

    Ctrl-C stops the statement in PostgreSQL, says so, and goes on as ``KeyboardInterrupt``.
    """
    body: Json = {"connection_id": connection_id, "question": question}
    if thread_id is not None:
        body["thread_id"] = thread_id
    run_id = str(backend.post("/api/v1/query", body, prefer="respond-async")["run_id"])
    steps = Steps()
    try:
        for event in backend.events(run_id):
            steps.show(event)
    except KeyboardInterrupt:
        _stop(backend, run_id)
        raise
    run = backend.get(run_path(run_id))
    if as_json:
        print_json(run)
    else:
        show_ending(run, sql=sql)
    sys.stdout.flush()
    return run, run_exit_code(run)


def _stop(backend: Backend, run_id: str) -> None:
    with suppress(CommandError):
        backend.post(run_path(run_id, "/cancel"))
        for event in backend.events(run_id):
            if event["type"] == "run_cancelled" and event.get("database_ms") is not None:
                err.print(f"Cancelled in Postgres after {event['database_ms'] / 1000:.1f} s")
