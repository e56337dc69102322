"""The graph with the real local model, replayed from what its server said.

Recorded from llama.cpp serving Qwen2.5-Coder-1.5B-Instruct (Q4_K_M) on port 8089 of loopback; never written
by hand. A changed prompt needs a new recording, with that server running:
``pytest tests/graph/test_local_model.py --record-mode=rewrite``.
"""

from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from graph.build import run_events
from graph.ports import Ports, Settings
from wire.outcome import Failed, ResultColumn, Rows

BASE_URL = "http://127.0.0.1:8089/v1"
# Pruning and rules have tests of their own; without them a recording lives as long as the prompts do.
SETTINGS = Settings(without=frozenset({"ground", "autofix", "check_answerable", "check_result"}))

pytestmark = [pytest.mark.vcr, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return {
        "match_on": ["method", "path", "body"],
        "filter_headers": ["authorization", "user-agent", "cookie"],
        "before_record_request": _neutral,
        "before_record_response": _content_only,
        "decode_compressed_response": True,
    }


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    return str(Path(__file__).parent / "cassettes")


def _neutral(request: Any) -> Any:
    """Drop what names the recording client's machine."""
    for name in [name for name in request.headers if name.lower().startswith("x-stainless")]:
        del request.headers[name]
    return request


def _content_only(response: Any) -> Any:
    kept = {"content-type", "content-length", "transfer-encoding"}
    response["headers"] = {name: value for name, value in response["headers"].items() if name.lower() in kept}
    return response


@pytest.fixture
def answered(ports_of):
    """Ask the recorded model; give every event."""

    async def run(question: str, outcomes: list[Any]) -> list[Any]:
        fakes, _, _ = ports_of([], outcomes)
        model = ChatOpenAI(
            base_url=BASE_URL,
            api_key=SecretStr("none"),
            model="qwen2.5-coder-1.5b-instruct",
            temperature=0,
            seed=1,
            stream_usage=True,
            max_retries=0,
        )
        ports = Ports(fakes.database, model, clock=fakes.clock, settings=SETTINGS)
        stream = run_events(ports, run_id="r1", question=question, history=[])
        return [event async for event in stream]

    return run


async def test_a_count_is_drafted_linted_and_told(answered, count_of_34):
    events = await answered("How many engineers are there?", [count_of_34])
    assert events[-1].type == "answered"
    assert "34" in events[-1].answer.text
    assert "people.employees" in events[-1].answer.sql
    [drafting] = [event for event in events if event.type == "step_finished" and event.step == "draft_sql"]
    assert drafting.usage.input_tokens > 100
    assert drafting.usage.output_tokens > 5
    shown = "".join(event.text for event in events if event.type == "sql_delta")
    assert shown.strip() == events[-1].answer.sql


async def test_a_join_with_a_top_n(answered):
    rows = Rows(
        columns=[ResultColumn(name="country", type="text"), ResultColumn(name="total", type="numeric")],
        preview=[["France", 1250.5], ["Japan", 990], ["Peru", 12]],
        row_count=3,
    )
    events = await answered("Which three countries have the highest total order amount?", [rows])
    assert events[-1].type == "answered"
    assert "LIMIT 3" in events[-1].answer.sql
    assert "France" in events[-1].answer.text
    assert events[-1].answer.chart.kind == "bar"


async def test_a_refused_query_is_repaired(answered, count_of_34):
    refused = Failed(
        code="database",
        message="function round(double precision, integer) does not exist",
        hint="No function matches the given name and argument types. "
        "You might need to add explicit type casts.",
        sqlstate="42883",
    )
    events = await answered("How many employees were hired in 2025?", [refused, count_of_34])
    assert [event.type for event in events if event.type in ("drafted", "repaired")] == [
        "drafted",
        "repaired",
    ]
    assert events[-1].type == "answered"
    first, second = (event.sql for event in events if event.type in ("drafted", "repaired"))
    assert first != second
