"""A run that is killed, whose model goes away, or whose disk is full: a clear word, and nothing lost."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

import evals.run
import evals.suite
from evals.__main__ import main
from evals.databases import SuiteServer
from evals.errors import StoreError, SystemDown
from evals.model import ModelChoice
from evals.options import SuiteOptions
from evals.run import run_suite
from evals.store import ResultStore

HANG_SECONDS = 180
SECRET = "Rex"
"""A value of a row, which must not leave."""


class FakeModel(ThreadingHTTPServer):
    """An OpenAI-compatible server that counts the pets, as often as it is let."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[str] = []
        self.answers = 1_000_000
        """How many requests are answered before the server fails."""
        self.holds = 1_000_000
        """After so many requests the next one waits until ``go`` is set."""
        self.go = Event()
        self.sql = "SELECT COUNT(*) FROM pet"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: FakeModel

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._send("application/json", json.dumps({"data": [{"id": "fake"}]}))

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])).decode())
        if len(self.server.bodies) > self.server.answers:
            self.send_error(503)
            return
        if len(self.server.bodies) > self.server.holds:
            self.server.go.wait(HANG_SECONDS)
        choice = {"index": 0, "delta": {"role": "assistant", "content": f"```sql\n{self.server.sql};\n```"}}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        events = [
            chunk | {"choices": [choice]},
            chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            chunk | {"choices": [], "usage": usage},
        ]
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        self._send("text/event-stream", text)

    def _send(self, kind: str, text: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def model() -> Iterator[FakeModel]:
    fake = FakeModel()
    thread = Thread(target=fake.serve_forever, daemon=True)
    thread.start()
    yield fake
    fake.shutdown()
    fake.server_close()
    thread.join(10)


@pytest.fixture
def cases(write_cases: Callable[..., Path]) -> Path:
    return write_cases(
        *(
            {
                "id": f"c{n}",
                "db": "pets",
                "question": f"How many pets, {n}?",
                "gold": "SELECT COUNT(*) FROM pet",
            }
            for n in range(6)
        )
    )


def _kept(out: Path) -> int:
    """Results that a run which is under way has kept."""
    found = out / "results.db"
    if not found.exists():
        return 0
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"file:{found}?mode=ro", uri=True)) as db,
    ):
        return int(db.execute("SELECT count(*) FROM results").fetchone()[0])
    return 0


def test_a_killed_run_goes_on_where_it_stood(
    model: FakeModel, cases: Path, databases: Path, tmp_path: Path
) -> None:
    model.holds = 2
    out = tmp_path / "out"
    command = [sys.executable, "-m", "evals", "run", "--cases", str(cases), "--databases", str(databases)]
    command += ["--out", str(out), "--no-cache", "--json"]
    environment = os.environ | {"CUSTARD_MODEL_BASE_URL": model.url, "CUSTARD_MODEL_NAME": "fake"}
    child = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + HANG_SECONDS
        while (_kept(out) < 2 or len(model.bodies) < 3) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=HANG_SECONDS)
        model.holds = 1_000_000
        model.go.set()
    with ResultStore(out) as store:
        (stopped,) = store.runs()
        kept = len(store.results(stopped.run_id))
    asked = len(model.bodies)
    assert (kept, asked) == (2, 3)
    finished = subprocess.run(
        command, env=environment, capture_output=True, timeout=HANG_SECONDS, check=True, text=True
    )
    told = json.loads(finished.stdout)
    assert told["run"]["run_id"] == stopped.run_id
    assert told["summary"]["correct"]["count"] == 6
    # What was answered before is not asked again.
    assert len(model.bodies) == asked + 6 - kept


def test_a_model_that_goes_away_stops_the_run_and_not_its_results(
    model: FakeModel, cases: Path, databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evals.suite, "PATIENCE_SECONDS", 0.0)
    # Somebody may commit while this runs, and then the second run would be of other code.
    monkeypatch.setattr(evals.run, "commit", lambda: "same")
    options = SuiteOptions(model=ModelChoice("fake", model.url), cached=False)
    model.answers = 2
    with pytest.raises(SystemDown, match="Stopped at c2") as told:
        run_suite(cases, databases, tmp_path, options)
    assert "goes on where it stood" in told.value.hint
    with ResultStore(tmp_path) as store:
        (run,) = store.runs()
        assert [one.verdict for one in store.results(run.run_id)] == ["correct", "correct"]
    model.answers = 1_000_000
    finished, results = run_suite(cases, databases, tmp_path, options)
    assert finished.run_id == run.run_id
    assert [one.verdict for one in results] == ["correct"] * 6


def test_a_full_disk_is_told_and_what_is_there_stays(
    model: FakeModel, cases: Path, databases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = SuiteOptions(model=ModelChoice("fake", model.url), cached=False)
    real = ResultStore.add

    def full(self: ResultStore, run_id: str, result: Any) -> None:
        if result.id == "c3":
            # As far as SQLite is concerned, the disk ends here.
            pages = self._file.conn.execute("PRAGMA page_count").fetchone()[0]
            self._file.conn.execute(f"PRAGMA max_page_count = {pages}")
            result = result.model_copy(update={"error": "x" * 100_000})
        real(self, run_id, result)

    monkeypatch.setattr(ResultStore, "add", full)
    with pytest.raises(StoreError, match="full") as told:
        run_suite(cases, databases, tmp_path, options)
    assert "Make room" in told.value.hint
    monkeypatch.setattr(ResultStore, "add", real)
    with ResultStore(tmp_path) as store:
        (run,) = store.runs()
        assert [one.id for one in store.results(run.run_id)] == ["c0", "c1", "c2"]


def test_a_folder_that_is_a_file_is_told(
    cases: Path, databases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    given = ["run", "--cases", str(cases), "--databases", str(databases), "--out", str(tmp_path / "file")]
    assert main(given) == 1
    assert "Results cannot be kept" in capsys.readouterr().err


def test_gold_that_fails_leaves_a_case_unscored(
    model: FakeModel, databases: Path, tmp_path: Path, write_cases: Callable[..., Path]
) -> None:
    path = write_cases(
        {"id": "bad", "db": "pets", "question": "How many pets?", "gold": "SELECT nothing FROM nowhere"},
        {"id": "good", "db": "pets", "question": "How many pets?", "gold": "SELECT COUNT(*) FROM pet"},
    )
    options = SuiteOptions(model=ModelChoice("fake", model.url), cached=False)
    _, (bad, good) = run_suite(path, databases, tmp_path, options)
    assert (bad.verdict, good.verdict) == ("unscored", "correct")
    assert "No accepted query runs" in bad.error


def test_beside_the_owners_database_gold_and_rows_stay_here(
    model: FakeModel,
    cases: Path,
    server: SuiteServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('version = 1\nname = "own"\ndefault = "allow"\n[share]\nmodel = "schema"\n')
    monkeypatch.setenv("CUSTARD_MODEL_BASE_URL", model.url)
    monkeypatch.setenv("CUSTARD_EVAL_DSN", server.database("pets").reader_dsn)
    model.sql = "SELECT name FROM pet ORDER BY pet_id"
    out = tmp_path / "out"
    path = tmp_path / "own.jsonl"
    gold = "SELECT name FROM pet WHERE species IS NOT NULL"
    path.write_text(json.dumps({"id": "names", "question": "What are the names of the pets?", "gold": gold}))
    given = ["run", "--cases", str(path), "--policy", str(policy), "--out", str(out), "--worded"]
    assert main([*given, "--json"]) == 0
    told = capsys.readouterr().out
    assert json.loads(told)["summary"]["correct"]["count"] == 1
    # The model is all that anything was sent to.
    sent = "\n".join(model.bodies)
    assert model.bodies
    assert SECRET not in sent
    assert "IS NOT NULL" not in sent
    kept = b"".join(file.read_bytes() for file in out.iterdir())
    assert SECRET.encode() not in kept
    assert SECRET not in told
    assert main(["run", "--cases", str(path), "--dsn", "postgresql:///x"]) == 2
    bad = ["run", "--cases", str(path), "--out", str(out), "--policy", str(policy)]
    assert main([*bad, "--dsn", "host=127.0.0.1 port=1 dbname=x"]) == 1
    assert "cannot be reached" in capsys.readouterr().err


def test_over_a_live_connection_no_gold_goes_out(
    server: SuiteServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    backend = _Backend()
    thread = Thread(target=backend.serve_forever, daemon=True)
    thread.start()
    path = tmp_path / "live.jsonl"
    case = {"id": "names", "question": "Names?", "gold": "SELECT name FROM pet WHERE species IS NOT NULL"}
    follow = {"id": "next", "question": "And now?", "gold": "SELECT 1", "history": [{"question": "First?"}]}
    path.write_text(f"{json.dumps(case)}\n{json.dumps(follow)}\n")
    out = tmp_path / "out"
    given = ["run", "--cases", str(path), "--connection", "c1", "--backend", backend.url, "--out", str(out)]
    try:
        assert main([*given, "--json"]) == 0
        unscored = json.loads(capsys.readouterr().out)["cases"]
        assert [one["verdict"] for one in unscored] == ["unscored", "unscored"]
        monkeypatch.setenv("CUSTARD_EVAL_DSN", server.database("pets").owner_dsn)
        assert main([*given, "--json", "--fresh"]) == 0
        scored = json.loads(capsys.readouterr().out)["cases"]
        assert [one["verdict"] for one in scored] == ["correct", "wrong"], scored
        assert scored[0]["trace"] == f"{backend.url}/t/t1"
    finally:
        backend.shutdown()
        backend.server_close()
        thread.join(10)
    sent = "\n".join(backend.bodies)
    assert "IS NOT NULL" not in sent
    # A follow-up's earlier turn is asked first, in the same thread.
    assert [json.loads(body)["question"] for body in backend.bodies[:3]] == ["Names?", "First?", "And now?"]
    assert json.loads(backend.bodies[2])["thread_id"] == "t1"
    # Rows came back in the answer, as to anybody; none of them is kept.
    kept = b"".join(file.read_bytes() for file in out.iterdir())
    assert SECRET.encode() not in kept


class _Backend(ThreadingHTTPServer):
    """Answers every question with the same query and its rows."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _BackendHandler)
        self.bodies: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _BackendHandler(_Handler):
    server: _Backend  # type: ignore[assignment]  # the other server of the same shape

    def do_GET(self) -> None:
        self._send("application/json", json.dumps({"search_path": ["public"]}))

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])).decode())
        sql = "SELECT name FROM pet ORDER BY pet_id"
        columns = [{"name": "name", "type": "text"}]
        rows = {"status": "rows", "columns": columns, "preview": [[SECRET]], "row_count": 4, "digest": "d"}
        run = {
            "run_id": "r1",
            "thread_id": "t1",
            "connection_id": "c1",
            "status": "succeeded",
            "question": "Names?",
            "attempts": [{"number": 1, "sql": sql, "verdict": "pass"}],
            "answer": {
                "text": f"The first is {SECRET}.",
                "sql": sql,
                "columns": columns,
                "rows": rows["preview"],
                "row_count": 4,
                "chart": {"kind": "none"},
            },
            "created_at": "2026-11-23T10:00:00Z",
        }
        self._send("application/json", json.dumps(run))
