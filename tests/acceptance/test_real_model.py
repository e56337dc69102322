"""Nothing here is a fake: the local model, a real PostgreSQL, a real agent process."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.chain import Chain
from cli.http import Backend

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600), pytest.mark.xdist_group("real-chain")]

QUESTION = "How many engineers are there?"
ENGINEERS = "SELECT count(*) FROM people.employees WHERE title LIKE '%Engineer%'"


def test_the_demos_question_is_answered_right(
    real_chain: Chain, look: Callable[[str], Any], artifacts: Path
) -> None:
    with Backend(real_chain.url) as backend:
        run = backend.post("/api/v1/query", {"connection_id": real_chain.connection_id, "question": QUESTION})
    (artifacts / "engineers.json").write_text(json.dumps(run, indent=2))
    count = look(ENGINEERS)
    assert run["status"] == "succeeded"
    assert run["answer"]["rows"][0][-1] == count
    assert f"{count:,}" in run["answer"]["text"] or str(count) in run["answer"]["text"]
    assert run["usage"]["output_tokens"] > 0


def test_a_second_question_joins_tables(real_chain: Chain, look: Callable[[str], Any]) -> None:
    with Backend(real_chain.url) as backend:
        run = backend.post(
            "/api/v1/query",
            {
                "connection_id": real_chain.connection_id,
                "question": "How many employees does each department have?",
            },
        )
    assert run["status"] == "succeeded"
    assert (
        run["answer"]["row_count"] >= look("SELECT count(DISTINCT department_id) FROM people.employees") - 1
    )


def test_one_command_answers_and_stops_everything(look: Callable[[str], Any]) -> None:
    asked = subprocess.run(
        [sys.executable, "-m", "cli", "demo", "--ask", QUESTION, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode == 0, asked.stderr
    run = json.loads(asked.stdout)
    assert run["answer"]["rows"][0][-1] == look(ENGINEERS)
