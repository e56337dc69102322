"""The chain with a scripted model: what the steps, the store and PostgreSQL do is real."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cli.chain import Chain
from cli.errors import ApiProblem, ApiUnreachable
from cli.http import Backend, Json
from graph.events import RUN_EVENT
from graph.fold import fold

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("chain")]

SLOW = "SELECT count(*) FROM web.events a CROSS JOIN web.events b CROSS JOIN web.events c"
"""Work that would take hours, with nothing in it that a policy could refuse."""


def start(backend: Backend, chain: Chain, question: str, **more: object) -> str:
    body = {"connection_id": chain.connection_id, "question": question, **more}
    return str(backend.post("/api/v1/query", body, prefer="respond-async")["run_id"])


def finish(backend: Backend, run_id: str) -> tuple[list[Json], Json]:
    events = list(backend.events(run_id))
    return events, backend.get(f"/api/v1/runs/{run_id}")


def test_a_question_is_answered_out_of_the_database(
    backend: Backend, chain: Chain, script: Any, look: Callable[[str], Any]
) -> None:
    script.says(
        "How many departments?", "SELECT count(*) AS departments FROM people.departments", "There are some."
    )
    run = backend.post(
        "/api/v1/query", {"connection_id": chain.connection_id, "question": "How many departments?"}
    )
    assert run["status"] == "succeeded"
    assert run["answer"]["rows"] == [[look("SELECT count(*) FROM people.departments")]]
    assert run["receipt"]["result_digest"]


def test_a_question_that_names_nothing_is_asked_back_and_a_reading_answers_it(
    backend: Backend, chain: Chain, script: Any, look: Callable[[str], Any]
) -> None:
    asked = backend.post(
        "/api/v1/query", {"connection_id": chain.connection_id, "question": "How many are there?"}
    )
    assert asked["status"] == "clarify"
    reading = "How many customers are there?"
    assert reading in asked["clarification"]["options"]
    script.says(reading, "SELECT count(*) AS customers FROM sales.customers", "There are some.")
    run = backend.post(
        "/api/v1/query",
        {"connection_id": chain.connection_id, "question": reading, "thread_id": asked["thread_id"]},
    )
    assert run["status"] == "succeeded"
    assert run["answer"]["rows"] == [[look("SELECT count(*) FROM sales.customers")]]


def test_folding_the_events_gives_the_run(backend: Backend, chain: Chain, script: Any) -> None:
    script.says(
        "Name the departments",
        "SELECT department_name FROM people.departments ORDER BY department_name",
        "Here they are.",
    )
    events, run = finish(backend, start(backend, chain, "Name the departments"))
    folded = fold(RUN_EVENT.validate_python(event) for event in events)
    assert folded is not None
    assert json.loads(folded.model_dump_json()) == run


def test_a_draft_that_fails_in_postgres_is_repaired(backend: Backend, chain: Chain, script: Any) -> None:
    script.says(
        "Departments by initial",
        "SELECT sum(department_name::integer) FROM people.departments",
        "SELECT left(department_name, 1) AS initial, count(*) FROM people.departments GROUP BY 1 ORDER BY 1",
        "They are spread over the alphabet.",
    )
    events, run = finish(backend, start(backend, chain, "Departments by initial"))
    assert run["status"] == "succeeded"
    assert run["attempts"][0]["outcome"]["sqlstate"] == "22P02"
    assert run["attempts"][-1]["outcome"]["kind"] == "rows"
    assert "repaired" in [event["type"] for event in events]


def test_sql_that_fails_thrice_ends_with_the_databases_own_words(
    backend: Backend, chain: Chain, script: Any
) -> None:
    replies = [f"SELECT sum(department_name::integer + {n}) FROM people.departments" for n in range(1, 9)]
    script.says("Add up the names", *replies)
    _, run = finish(backend, start(backend, chain, "Add up the names"))
    assert run["status"] == "failed"
    assert run["attempts"][-1]["outcome"]["sqlstate"] == "22P02"
    assert run["problem"]["message"]
    assert run["problem"]["hint"]
    assert 2 <= len(run["attempts"]) <= 4


def test_a_writing_draft_never_runs(backend: Backend, chain: Chain, script: Any, look: Any) -> None:
    before = look("SELECT count(*) FROM people.departments")
    script.says("Remove everything", "DELETE FROM people.departments", "DROP TABLE people.departments")
    _, run = finish(backend, start(backend, chain, "Remove everything"))
    assert run["status"] in ("refused", "failed")
    assert look("SELECT count(*) FROM people.departments") == before


def test_denied_columns_are_not_even_named(backend: Backend, chain: Chain) -> None:
    schema = json.dumps(backend.get(f"/api/v1/connections/{chain.connection_id}/schema"))
    assert "people" in schema
    assert "salar" not in schema


def test_stop_ends_the_statement_in_postgres(
    backend: Backend, chain: Chain, script: Any, look: Callable[[str], Any]
) -> None:
    busy = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE state = 'active' AND usename = 'custard_agent' AND query ~ '(FETCH|CROSS JOIN)'"
    )
    script.says("Count events beside events beside events", SLOW)
    for _ in range(20):
        run_id = start(backend, chain, "Count events beside events beside events")
        _await(lambda: look(busy) == 1, "the statement to run")
        backend.post(f"/api/v1/runs/{run_id}/cancel")
        stopped = time.monotonic()
        _await(lambda: look(busy) == 0, "the statement to end")
        took = time.monotonic() - stopped
        events, run = finish(backend, run_id)
        assert run["status"] == "cancelled"
        assert events[-1]["type"] == "run_cancelled"
        # A hang limit; the promise of one second is measured by hand, not asserted on a busy machine.
        assert took < 60


def test_a_stream_that_is_cut_goes_on_where_it_was(backend: Backend, chain: Chain, script: Any) -> None:
    script.says(
        "List departments twice", "SELECT department_name FROM people.departments ORDER BY 1", "Listed."
    )
    run_id = start(backend, chain, "List departments twice")
    whole, _ = finish(backend, run_id)
    rest = list(backend.events(run_id, after=3))
    assert rest == whole[3:]


def test_an_answer_asked_twice_with_one_key_runs_once(backend: Backend, chain: Chain, script: Any) -> None:
    script.says("How many plans, asked once only?", "SELECT 1 AS one", "One.")
    first = start(backend, chain, "How many plans, asked once only?", idempotency_key="once")
    assert start(backend, chain, "How many plans, asked once only?", idempotency_key="once") == first
    with pytest.raises(ApiProblem):
        start(backend, chain, "Something else", idempotency_key="once")


@pytest.mark.parametrize(
    "question",
    ["", "   \n\t ", "x" * 100_000, "How\x00 many?", "How\x1b[2J many?"],
    ids=["empty", "blank", "100 kB", "NUL", "control characters"],
)
def test_a_question_that_is_none_is_refused_with_what_to_do(
    backend: Backend, chain: Chain, question: str
) -> None:
    with pytest.raises(ApiProblem) as caught:
        start(backend, chain, question)
    assert str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "Sorry, I cannot do that.", '{"sql": ', "```sql\n```"])
def test_a_model_that_gives_no_sql_is_named(backend: Backend, chain: Chain, script: Any, text: str) -> None:
    question = f"How many plans cost {len(text)}?"
    script.says(question, text)
    _, run = finish(backend, start(backend, chain, question))
    assert run["status"] in ("failed", "refused")
    ending = run["problem"] or run["refusal"]
    assert ending["message"]
    assert ending["hint"]


def test_an_unknown_connection_is_not_found(backend: Backend) -> None:
    with pytest.raises(ApiProblem) as caught:
        backend.post("/api/v1/query", {"connection_id": "conn_nobody", "question": "How many?"})
    assert caught.value.code == "unknown_connection"


@pytest.mark.parametrize(
    ("sql", "rows", "cells"),
    [
        ("SELECT 1 WHERE false", 0, []),
        ("SELECT NULL AS nothing", 1, [[None]]),
        ("SELECT 'NaN'::float8, 'Infinity'::float8", 1, [["NaN", "Infinity"]]),
        ("SELECT 1e99::numeric + 1", 1, [["1" + "0" * 98 + "1"]]),
        ("SELECT '{\"a\": [1, null]}'::jsonb", 1, [['{"a": [1, null]}']]),
        ("SELECT ARRAY[1, NULL, 3]", 1, [["{1,NULL,3}"]]),
        ("SELECT '\\xdeadbeef'::bytea", 1, [["\\xdeadbeef"]]),
        ("SELECT int4range(1, 5)", 1, [["[1,5)"]]),
        ("SELECT interval '1 year 2 days'", 1, [["1 year 2 days"]]),
        ("SELECT date '0044-03-15 BC'", 1, [["0044-03-15 BC"]]),
        ("SELECT 9007199254740993::bigint, 7::bigint, true", 1, [["9007199254740993", 7, True]]),
    ],
    ids=["none", "null", "nan", "numeric", "json", "array", "bytea", "range", "interval", "bc", "bigint"],
)
def test_every_value_arrives_as_it_was(
    backend: Backend,
    chain: Chain,
    script: Any,
    request: pytest.FixtureRequest,
    sql: str,
    rows: int,
    cells: list[Any],
) -> None:
    question = f"Show me the plans exactly, {request.node.callspec.id}"
    script.says(question, sql, "Shown.")
    _, run = finish(backend, start(backend, chain, question))
    assert run["status"] == "succeeded", run["problem"] or run["refusal"]
    assert run["answer"]["row_count"] == rows
    assert run["answer"]["rows"] == cells


def test_ten_million_rows_are_cut_and_said_to_be(backend: Backend, chain: Chain, script: Any) -> None:
    sql = "SELECT a.event_id FROM web.events a CROSS JOIN (VALUES (1), (2), (3), (4), (5)) AS five(n)"
    script.says("All events at once", sql, "A lot.")
    _, run = finish(backend, start(backend, chain, "All events at once"))
    assert run["status"] == "succeeded"
    assert run["answer"]["truncated"] == "rows"
    assert run["answer"]["row_count"] == 10_000
    assert len(run["answer"]["rows"]) <= 50


def test_the_command_line_answers_in_json(chain: Chain, script: Any) -> None:
    script.says("Count by command", "SELECT count(*) AS n FROM people.departments", "So many.")
    asked = custard(chain, "ask", "Count by command", "--json")
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout)["status"] == "succeeded"


def test_the_command_line_names_an_unreachable_backend() -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "cli", "ask", "Anyone?", "--url", "http://127.0.0.1:9"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 1
    assert "custard demo" in asked.stderr


def test_an_agent_that_goes_and_comes_back(backend: Backend, chain: Chain, script: Any) -> None:
    """Stopped (not killed) in the middle: the socket stays up, and nobody answers."""
    agent = next(child for child in chain._children if child.name == "agent")
    script.says("How many employees are still there?", "SELECT 1 AS here", "Yes.")
    os.kill(agent.process.pid, signal.SIGSTOP)
    try:
        _await(lambda: _status(backend, chain) == "offline", "the agent to be seen as offline")
        with pytest.raises(ApiProblem) as caught:
            start(backend, chain, "How many employees are still there?")
        assert caught.value.code == "agent_offline"
        asked = custard(chain, "ask", "How many employees are still there?")
        assert asked.returncode == 4
    finally:
        os.kill(agent.process.pid, signal.SIGCONT)
    _await(lambda: _status(backend, chain) == "online", "the agent to come back", seconds=60)
    _, run = finish(backend, start(backend, chain, "How many employees are still there?"))
    assert run["status"] == "succeeded"


AGAIN = "How many offices are there once more?"


def test_a_killed_agent_and_a_killed_backend_cost_seconds(
    backend: Backend, chain: Chain, script: Any
) -> None:
    for name in ("agent", "backend"):
        script.says(AGAIN, "SELECT count(*) FROM people.offices", "So many.")
        child = next(child for child in chain._children if child.name == name)
        child.process.kill()
        child.process.wait()
        chain.tend()
        _await(lambda: _answers(chain) and _status(backend, chain) == "online", f"the {name}", seconds=60)
        _, run = finish(backend, start(backend, chain, AGAIN))
        assert run["status"] == "succeeded"


def test_many_questions_at_once(backend: Backend, chain: Chain, script: Any) -> None:
    questions = [f"How many employees are in office {n}?" for n in range(12)]
    for n, question in enumerate(questions):
        script.says(question, f"SELECT {n} AS n", f"It is {n}.")
    runs: dict[int, Json] = {}

    def ask(n: int) -> None:
        with Backend(chain.url) as client:
            runs[n] = client.post(
                "/api/v1/query", {"connection_id": chain.connection_id, "question": questions[n]}
            )

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert {n: run["answer"]["rows"] for n, run in runs.items()} == {n: [[n]] for n in range(12)}


def custard(chain: Chain, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments, "--url", chain.url],
        capture_output=True,
        text=True,
        check=False,
    )


def _status(backend: Backend, chain: Chain) -> str:
    return str(backend.get(f"/api/v1/connections/{chain.connection_id}")["agent"]["status"])


def _answers(chain: Chain) -> bool:
    try:
        with Backend(chain.url) as client:
            client.get("/health")
    except (ApiProblem, ApiUnreachable):
        return False
    return True


def _await(true: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)
