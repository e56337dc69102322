"""The way to a backend, when something else stands at its end, and when what was given is no text."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

Answer = tuple[int, dict[str, str], bytes]
Serve = Callable[[Callable[[str], Answer]], str]

JSON = {"Content-Type": "application/json"}
OTHERS: dict[str, Answer] = {
    "a page": (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Router</title>"),
    "another place": (301, {"Location": "https://elsewhere.example/"}, b""),
    "a list": (200, JSON, b"[1, 2]"),
    "a text": (200, JSON, b'"ok"'),
    "another object": (200, JSON, b'{"status": "ok"}'),
    "half a document": (200, JSON, b'{"connections": ['),
    "a deep document": (200, JSON, b"[" * 100_000),
    "what is no gzip": (200, {**JSON, "Content-Encoding": "gzip"}, b"plain"),
    "an error of its own": (500, {"Content-Type": "text/html"}, b"\xff\xfe"),
}
COMMANDS = [
    ["ask", "How many engineers?"],
    ["connect", "Demo"],
    ["runs", "ls"],
    ["runs", "show", "run_1"],
    ["runs", "cancel", "run_1"],
    ["runs", "export", "run_1"],
    ["trace", "run_1"],
    ["schema", "pull"],
    ["schema", "show"],
]
NO_TEXT = "\udcff"
"""What Python makes of a byte that is not UTF-8 on its command line."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve what a function says of each path; returns the address."""
    servers: list[ThreadingHTTPServer] = []

    def begin(answer: Callable[[str], Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = answer(self.path)
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  # the library's name

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("what", OTHERS)
def test_something_else_at_the_address_is_named(serve: Serve, what: str) -> None:
    url = serve(lambda _: OTHERS[what])
    for command in COMMANDS:
        ended = CliRunner().invoke(app, command, env={"CUSTARD_URL": url})
        assert isinstance(ended.exception, SystemExit), (command, ended.exception)
        assert ended.exit_code == 1
        assert ended.stdout == ""
        assert "✗" in ended.stderr


def test_where_it_leads_is_told(serve: Serve) -> None:
    url = serve(lambda _: OTHERS["another place"])
    ended = CliRunner().invoke(app, ["runs", "ls"], env={"CUSTARD_URL": url})
    assert "elsewhere.example" in ended.stderr


@pytest.mark.parametrize(
    ("command", "key"),
    [
        (["ask", NO_TEXT], None),
        (["connect", NO_TEXT], None),
        (["runs", "show", "a\nb"], None),
        (["runs", "show", ".."], None),
        (["runs", "show", ""], None),
        (["runs", "export", "../connections"], None),
        (["runs", "cancel", NO_TEXT], None),
        (["trace", "a/b"], None),
        (["runs", "ls", "--url", NO_TEXT], None),
        (["runs", "ls"], "a key"),
        (["runs", "ls"], "kéy"),
        (["runs", "ls"], "a\x1bkey"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(serve: Serve, command: list[str], key: str | None) -> None:
    connections = json.dumps({"connections": [{"connection_id": "conn_1", "name": "Demo"}]}).encode()
    url = serve(lambda _: (200, JSON, connections))
    ended = CliRunner().invoke(app, command, env={"CUSTARD_URL": url, "CUSTARD_API_KEY": key})
    assert isinstance(ended.exception, SystemExit), ended.exception
    assert ended.exit_code == 2
    assert ended.stdout == ""


def test_a_key_from_a_file_may_end_in_a_line(serve: Serve) -> None:
    url = serve(lambda _: (200, JSON, b'{"runs": []}'))
    ended = CliRunner().invoke(app, ["runs", "ls"], env={"CUSTARD_URL": url, "CUSTARD_API_KEY": "key\r\n"})
    assert ended.exit_code == 0


def _program(*arguments: str, **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )


def _ended(program: "subprocess.Popen[bytes]") -> tuple[int, bytes, bytes]:
    told, complained = program.communicate()
    return program.returncode, told, complained


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_the_terminal_cannot_show_is_escaped(serve: Serve, encoding: str, tmp_path: Path) -> None:
    """Work that is done does not end in a traceback over a letter."""
    run = {"run_id": "run_1", "status": "succeeded", "question": "Wie viele ✓?"}
    url = serve(lambda _: (200, JSON, json.dumps({"runs": [run]}).encode()))
    shown = {"PYTHONIOENCODING": encoding, "CUSTARD_URL": url}
    code, told, complained = _ended(_program("cli", "runs", "ls", **shown))
    assert (code, complained) == (0, b"")
    assert b"run_1" in told
    code, told, complained = _ended(_program("cli", "runs", "ls", "--json", **shown))
    assert (code, complained) == (0, b"")
    assert json.loads(told.decode(encoding)) == [run]
    policy = tmp_path / "policy.toml"
    policy.write_text('version = 1\ndefault = "allow"\n')
    code, told, complained = _ended(_program("agent", "policy", "check", str(policy), **shown))
    assert (code, complained) == (0, b"")
    assert b"The file is a policy" in told


def test_a_reader_that_has_seen_enough_is_no_failure(serve: Serve) -> None:
    columns = [{"name": f"c{number}", "type": "integer"} for number in range(50_000)]
    snapshot = {"tables": [{"schema_name": "s", "name": "t", "comment": "", "columns": columns}]}
    connections = {"connections": [{"connection_id": "conn_1", "name": "Demo"}]}
    url = serve(lambda path: (200, JSON, json.dumps(snapshot if "schema" in path else connections).encode()))
    program = _program("cli", "schema", "show", CUSTARD_URL=url)
    assert program.stdout is not None
    assert program.stderr is not None
    with closing(program.stderr):
        with closing(program.stdout):
            assert program.stdout.readline() == b"s.t\n"
        complained = program.stderr.read()
        assert (program.wait(), complained) == (0, b"")
