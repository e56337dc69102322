"""LangGraph's Studio server, offline: it shows the graph, and a real agent serves a run made there.

The server lives in an environment of its own (``.venv-studio``, made by ``make setup-studio``).
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from embedded.ports import free_port
from embedded.postgres import temporary_postgres

ROOT = Path(__file__).parents[2]
LANGGRAPH = ROOT / ".venv-studio" / "bin" / "langgraph"
PATIENCE_SECONDS = 90
POLICY = """
version = 1
default = "deny"
[tables."public.engineers"]
allow = true
"""

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not LANGGRAPH.exists(), reason="to have it: make .venv-studio/.ready"),
]


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    """An OpenAI-compatible server that knows two lines."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            writes = "You write one PostgreSQL query" in asked["messages"][0]["content"]
            text = "```sql\nSELECT count(*) FROM engineers;\n```" if writes else "There are 3 engineers."
            pieces = [
                {"choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]},
                {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}},
            ]
            head = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
            body = (
                "".join(f"data: {json.dumps({**head, **piece})}\n\n" for piece in pieces) + "data: [DONE]\n\n"
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with temporary_postgres() as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("CREATE TABLE engineers AS SELECT n AS id FROM generate_series(1, 3) n; ANALYZE")
            conn.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT SELECT ON engineers TO reader")
        yield server.dsn(user="reader", password="reader")


def ended(process: "subprocess.Popen[bytes]") -> None:
    """End a child and what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def waited(what: str, log: Path, ready: Any) -> Any:
    """The first true answer of ``ready``."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            if answer := ready():
                return answer
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"{what} did not come: {log.read_text()[-3000:]}")


@pytest.fixture(scope="module")
def studio(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx2.Client]:
    """The Studio server, with the API in it."""
    folder = tmp_path_factory.mktemp("studio")
    port = free_port()
    environment = {
        "PATH": f"{LANGGRAPH.parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "CUSTARD_HOME": str(folder),
        "CUSTARD_MODEL_BASE_URL": model,
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "LANGGRAPH_NO_VERSION_CHECK": "1",
        "LANGGRAPH_DISABLE_FILE_PERSISTENCE": "true",
        "LANGSMITH_TRACING": "false",
        # Nothing may be fetched from outside while it boots and runs.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    log = folder / "studio.log"
    command = [str(LANGGRAPH), "dev", "--no-browser", "--no-reload", "--port", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            waited("The Studio server", log, lambda: client.get("/ok").status_code == 200)
            yield client
    finally:
        ended(process)


@pytest.fixture(scope="module")
def connection(studio: httpx2.Client, dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A connection with a real agent attached, through the Studio server's own socket."""
    folder = tmp_path_factory.mktemp("agent")
    made = studio.post("/api/v1/connections", json={"name": "Engineers"}).json()
    (folder / "policy.toml").write_text(POLICY)
    server = str(studio.base_url)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "CUSTARD_AGENT_HOME": str(folder),
        "CUSTARD_AGENT_SERVER": server,
        "CUSTARD_AGENT_DSN": dsn,
        "CUSTARD_AGENT_POLICY": str(folder / "policy.toml"),
        "CUSTARD_AGENT_HEALTH_FILE": str(folder / "health"),
    }
    agent = [sys.executable, "-m", "agent"]
    join = [*agent, "join", server, made["join_code"], "--json"]
    subprocess.run(join, cwd=ROOT, env=environment, timeout=60, check=True, capture_output=True)
    log = folder / "agent.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*agent, "run"], cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True
        )
    connection_id = made["connection_id"]

    def attached() -> bool:
        shown = studio.get(f"/api/v1/connections/{connection_id}").json()
        return shown["agent"] is not None and shown["agent"]["status"] == "online" and shown["tables"] == 1

    try:
        waited("The agent", log, attached)
        yield connection_id
    finally:
        ended(process)


def test_the_server_shows_every_node_of_the_card(studio):
    [assistant] = studio.post("/assistants/search", json={"graph_id": "custard"}).json()
    drawn = studio.get(f"/assistants/{assistant['assistant_id']}/graph").json()
    nodes = {node["id"] for node in drawn["nodes"]}
    assert nodes >= {"load_schema", "draft_sql", "lint_sql", "execute_sql", "repair_sql", "summarize"}
    assert drawn["edges"]


def test_its_schemas_are_there(studio):
    [assistant] = studio.post("/assistants/search", json={"graph_id": "custard"}).json()
    schemas = studio.get(f"/assistants/{assistant['assistant_id']}/schemas").json()
    assert schemas["input_schema"]["required"] == ["question"]
    assert "connection_id" in schemas["context_schema"]["properties"]
    assert "answer" in schemas["output_schema"]["properties"]


def test_a_real_agent_serves_a_run(studio, connection):
    asked = {
        "assistant_id": "custard",
        "input": {"question": "How many engineers are there?"},
        "context": {"connection_id": connection},
    }
    told = studio.post("/runs/wait", json=asked).json()
    assert told["answer"]["text"] == "There are 3 engineers."
    assert told["answer"]["rows"] == [[3]]
    assert told["receipt"]["result_digest"]


def test_the_only_connection_need_not_be_named_and_events_stream(studio, connection):
    asked = {
        "assistant_id": "custard",
        "input": {"question": "How many engineers are there?"},
        "stream_mode": ["custom"],
    }
    with studio.stream("POST", "/runs/stream", json=asked) as stream:
        lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
    told = [json.loads(line.removeprefix("data: ")) for line in lines]
    types = [event["type"] for event in told if isinstance(event, dict) and "type" in event]
    assert types[0] == "step_started"
    assert types[-1] == "answered"
