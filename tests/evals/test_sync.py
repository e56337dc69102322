"""LangSmith gets what it may have, once, and only when it is asked to."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from evals.__main__ import main
from evals.record import CaseResult, Sample, SuiteRun
from evals.store import ResultStore

Make = Callable[..., CaseResult]
SECRET = "Robin Transport"


class FakeLangSmith(ThreadingHTTPServer):
    """Keeps what is posted, and answers as the real one would."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, Any]] = []
        self.datasets: dict[str, dict[str, Any]] = {}
        self.examples: list[dict[str, Any]] = []
        self.fail = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def posted(self, path: str) -> list[Any]:
        return [body for method, where, body in self.seen if method == "POST" and where == path]


class _Handler(BaseHTTPRequestHandler):
    server: FakeLangSmith

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = urlsplit(self.path).path
        try:
            body = json.loads(raw)
        except ValueError:
            body = raw.decode("utf-8", "replace")
        self.server.seen.append((self.command, path, body))
        status, told = (401, {"detail": "no such key"}) if self.server.fail else self._told(path, body)
        text = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 (as the base class names them)

    def _told(self, path: str, body: Any) -> tuple[int, Any]:
        now = datetime.now(UTC).isoformat()
        if path == "/datasets" and self.command == "GET":
            return 200, list(self.server.datasets.values())
        if path == "/datasets":
            made = {"id": str(uuid.uuid4()), "name": body["name"], "created_at": now, "data_type": "kv"}
            self.server.datasets[body["name"]] = made
            return 200, made
        if path == "/examples" and self.command == "GET":
            return 200, self.server.examples
        if path == "/examples/bulk":
            return 200, body
        if path == "/sessions" and self.command == "GET":
            return 200, []
        if path == "/sessions" and self.command == "POST":
            return 200, {
                "id": str(uuid.uuid4()),
                "name": body["name"],
                "reference_dataset_id": body["reference_dataset_id"],
                "start_time": now,
                "tenant_id": str(uuid.uuid4()),
            }
        return 200, {}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLangSmith]:
    fake = FakeLangSmith()
    thread = Thread(target=fake.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("LANGSMITH_ENDPOINT", fake.url)
    monkeypatch.setenv("LANGSMITH_API_KEY", "test-key")
    yield fake
    fake.shutdown()
    fake.server_close()
    thread.join(10)


@pytest.fixture
def kept(tmp_path: Path, make_result: Make) -> Path:
    """A folder with a run of two results."""
    run = SuiteRun(
        run_id="20261123-1", suite="pets", digest="x", model="m", started_at=datetime.now(UTC), cases=2
    )
    rows = Sample(columns=["name"], rows=[[SECRET]], row_count=1)
    with ResultStore(tmp_path) as store:
        store.begin(run)
        store.add(
            run.run_id, make_result("a", accepted="SELECT gold", accepted_result=rows, predicted_result=rows)
        )
        store.add(run.run_id, make_result("b", "wrong", predicted="SELECT 2"))
    return tmp_path


def test_a_run_becomes_a_dataset_and_an_experiment(
    server: FakeLangSmith, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", "--dataset", "mine", "--out", str(kept), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dataset"], told["examples"], told["runs"]) == ("mine", 2, 2)
    runs = server.posted("/runs")
    assert [one["outputs"]["verdict"] for one in runs] == ["correct", "wrong"]
    assert all(one["reference_example_id"] for one in runs)
    scores = {(one["run_id"], one["key"]): one["score"] for one in server.posted("/feedback")}
    assert scores[runs[0]["id"], "correct"] == 1
    assert scores[runs[1]["id"], "silent_wrong"] == 1
    everything = json.dumps(server.seen)
    assert "Question a?" in everything
    assert SECRET not in everything
    assert "SELECT gold" not in everything

    # Sent again, the same ids go out: nothing is there twice.
    before = {one["id"] for one in runs}
    server.seen.clear()
    assert main(["sync", "--dataset", "mine", "--out", str(kept), "--with-gold"]) == 0
    assert {one["id"] for one in server.posted("/runs")} == before
    assert "SELECT gold" in json.dumps(server.seen)


def test_without_a_key_nothing_is_sent(
    server: FakeLangSmith, kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LANGSMITH_API_KEY")
    assert main(["sync", "--dataset", "mine", "--out", str(kept)]) == 1
    assert "LANGSMITH_API_KEY" in capsys.readouterr().err
    assert main(["report", "--out", str(kept)]) == 0
    assert server.seen == []


def test_a_server_that_says_no_is_told(
    server: FakeLangSmith, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.fail = True
    assert main(["sync", "--dataset", "mine", "--out", str(kept)]) == 1
    said = capsys.readouterr().err
    assert "LangSmith does not take the run" in said
    assert "test-key" not in said


def test_a_server_that_is_not_there_is_told(
    kept: Path, free_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANGSMITH_ENDPOINT", f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("LANGSMITH_API_KEY", "test-key")
    assert main(["sync", "--dataset", "mine", "--out", str(kept)]) == 1
    assert "LangSmith does not take the run" in capsys.readouterr().err
