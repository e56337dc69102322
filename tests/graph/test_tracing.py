"""What arrives at LangSmith: names, parents and tags, and never a row of a result."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import langsmith.utils
import pytest
from langchain_core.tracers.langchain import wait_for_all_tracers

from graph import tracing
from tests.patience import HANG_SECONDS
from wire.outcome import Failed, ResultColumn, Rows
from wire.policy import Share

CANARY = "canary-8731"
SQL = "SELECT name FROM people.employees WHERE title = 'Engineer-4711'"
QUESTION = "Who is Engineer-4711?"
ROWS = Rows(
    columns=[ResultColumn(name="name", type="text")], preview=[[CANARY]], row_count=1, digest="d" * 64
)


pytestmark = pytest.mark.timeout(2 * HANG_SECONDS)


@dataclass
class Endpoint:
    """A LangSmith that keeps what it is sent."""

    url: str
    requests: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    @property
    def everything(self) -> str:
        return "\n".join(self.bodies)

    def runs(self) -> dict[str, dict[str, Any]]:
        """Every run with its last-told fields, by id."""
        runs: dict[str, dict[str, Any]] = {}
        for body in self.bodies:
            told = json.loads(body)
            for run in [*told.get("post", []), *told.get("patch", [])]:
                known = runs.setdefault(run["id"], {})
                known.update({key: value for key, value in run.items() if value is not None})
        return runs


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.requests.append(f"GET {self.path}")
            batches = {
                "use_multipart_endpoint": False,
                "size_limit": 100,
                "size_limit_bytes": 20_000_000,
                "scale_up_nthreads_limit": 1,
                "scale_up_qsize_trigger": 1000,
                "scale_down_nempty_trigger": 4,
            }
            self._say(json.dumps({"batch_ingest_config": batches}).encode())

        def do_POST(self) -> None:
            told.requests.append(f"POST {self.path}")
            told.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self._say(b"{}")

        def _say(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Endpoint(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def traced(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """Tracing switched on, at the fake endpoint."""
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "test")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", endpoint.url)
    monkeypatch.setenv("LANGSMITH_PROJECT", "custard-tests")
    langsmith.utils.get_env_var.cache_clear()
    tracing._client.cache_clear()
    yield endpoint
    langsmith.utils.get_env_var.cache_clear()
    tracing._client.cache_clear()


async def told(ask: Any, endpoint: Endpoint, share: str) -> dict[str, dict[str, Any]]:
    failed = Failed(
        code="database", message=f'invalid input syntax: "{CANARY}"', sqlstate="22P02", hint=CANARY
    )
    asking = await ask(
        ["SELECT id FROM people.employees", SQL, f"It is {CANARY}."],
        [failed, ROWS],
        question=QUESTION,
        share=Share(trace=share),
    )
    assert asking.last.type == "answered"
    tracing._client(share).flush()
    wait_for_all_tracers()
    return endpoint.runs()


async def test_names_parents_tags_and_project(ask, traced):
    runs = await told(ask, traced, "schema")
    by_name = {run["name"]: run for run in runs.values()}
    root = by_name["custard.run"]
    assert root["run_type"] == "chain"
    assert root["session_name"] == "custard-tests"
    assert "custard" in root["tags"]
    assert root["extra"]["metadata"]["custard_run_id"] == "r1"
    for step in ("load_schema", "ground", "draft_sql", "lint_sql", "execute_sql", "repair_sql", "summarize"):
        assert by_name[step]["parent_run_id"] == root["id"]
        assert "custard" in by_name[step]["tags"]
    for step in ("draft_sql", "repair_sql", "summarize"):
        model = by_name[f"{step}.model"]
        assert model["run_type"] == "llm"
        assert runs[model["parent_run_id"]]["name"] == step
        assert "model" in model["tags"]
    assert all(run.get("end_time") for run in runs.values())


@pytest.mark.parametrize("share", ["schema", "samples", "results"])
async def test_no_row_is_in_a_trace_whatever_the_policy_says(ask, traced, share):
    await told(ask, traced, share)
    assert traced.bodies
    assert CANARY not in traced.everything


async def test_question_and_sql_go_only_where_the_policy_lets_them(ask, traced):
    await told(ask, traced, "schema")
    assert "Engineer-4711" not in traced.everything
    assert '"sqlstate":"22P02"' in traced.everything.replace(" ", "")
    traced.bodies.clear()
    runs = await told(ask, traced, "samples")
    [root] = [run for run in runs.values() if run["name"] == "custard.run"]
    assert root["inputs"]["question"] == QUESTION
    assert root["outputs"]["attempts"][-1]["sql"] == SQL
    [draft] = [run for run in runs.values() if run["name"] == "draft_sql.model"]
    assert QUESTION in json.dumps(draft["inputs"])


async def test_a_bug_is_traced_by_its_class_only(ask, traced):
    await ask([SQL], [RuntimeError(CANARY)], share=Share(trace="results"))
    tracing._client("results").flush()
    wait_for_all_tracers()
    assert "RuntimeError" in traced.everything
    assert CANARY not in traced.everything


async def test_without_tracing_nothing_is_sent(ask, endpoint, monkeypatch):
    monkeypatch.setenv("LANGSMITH_ENDPOINT", endpoint.url)
    monkeypatch.delenv("LANGSMITH_TRACING", raising=False)
    langsmith.utils.get_env_var.cache_clear()
    await ask([SQL, f"It is {CANARY}."], [ROWS])
    wait_for_all_tracers()
    assert endpoint.requests == []


@pytest.mark.parametrize(
    ("environment", "on"),
    [
        ({}, False),
        ({"LANGSMITH_TRACING": "true"}, False),
        ({"LANGSMITH_API_KEY": "k"}, False),
        ({"LANGSMITH_TRACING": "false", "LANGSMITH_API_KEY": "k"}, False),
        ({"LANGSMITH_TRACING": "true", "LANGSMITH_API_KEY": "k"}, True),
        ({"LANGCHAIN_TRACING_V2": "true", "LANGCHAIN_API_KEY": "k"}, True),
    ],
)
def test_when_tracing_is_on(environment, on):
    assert tracing.tracing_is_on(environment) is on


_CHILD = """
import asyncio, os
from langchain_core.language_models import FakeListChatModel
from graph.build import run_events
from graph.ports import Ports
from wire.snapshot import Column, SchemaSnapshot, Table
from wire.outcome import Rows

class Database:
    async def snapshot(self, *, refresh=False):
        table = Table(schema_name="public", name="t", columns=[Column(name="n", type="integer")])
        return SchemaSnapshot(
            database="d", server_version=180000, tables=[table], taken_at="2026-01-01T00:00:00Z"
        )
    async def execute(self, sql, *, run_id, attempt):
        return Rows(columns=[], row_count=0)

async def main():
    model = FakeListChatModel(responses=["SELECT n FROM t", "Nothing."])
    async for event in run_events(Ports(Database(), model), run_id="r", question="n?", history=[]):
        last = event.type
    print(last)

asyncio.run(main())
"""


def test_asked_for_without_a_key_nothing_is_sent_and_the_exit_is_not_held(endpoint):
    environment = {"PATH": "", "LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": endpoint.url}
    child = subprocess.run(
        [sys.executable, "-c", _CHILD],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=True,
    )
    assert child.stdout.strip() == "answered", child.stderr
    assert "LangSmith" not in child.stderr
    assert endpoint.requests == []
