"""``custard runs export``: the file is there when it is whole, and only then."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.errors import ApiProblem, UsageError
from cli.http import Backend
from cli.saving import BrokenDownload, save_result

BODY = b"id,name\n" + b"1,x\n" * 100_000


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "gone" in self.path:
            self.send_response(410)
            problem = b'{"detail": "It is gone.", "code": "result_gone", "hint": "Ask again."}'
            self.send_header("Content-Length", str(len(problem)))
            self.end_headers()
            self.wfile.write(problem)
            return
        self.send_response(200)
        told = hashlib.sha256(b"another" if "lying" in self.path else BODY).digest()
        self.send_header("Repr-Digest", f"sha-256=:{base64.b64encode(told).decode()}:")
        self.send_header("Content-Disposition", "attachment")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n" % len(BODY) + BODY + b"\r\n")
        if "broken" not in self.path:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    with Backend(f"http://127.0.0.1:{server.server_port}") as backend:
        yield backend
    server.shutdown()
    server.server_close()


def test_a_whole_file_is_saved(backend: Backend, tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    assert save_result(backend, "run_1", "csv", out, "auto") == len(BODY)
    assert out.read_bytes() == BODY
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("run", ["run_broken", "run_lying"])
def test_what_is_not_whole_leaves_no_file(backend: Backend, tmp_path: Path, run: str) -> None:
    out = tmp_path / "all.csv"
    out.write_text("yesterday's")
    with pytest.raises(BrokenDownload):
        save_result(backend, run, "csv", out, "auto")
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_text() == "yesterday's"


def test_refusals_are_told(backend: Backend, tmp_path: Path) -> None:
    with pytest.raises(ApiProblem, match="It is gone"):
        save_result(backend, "run_gone", "csv", tmp_path / "x", "auto")
    with pytest.raises(UsageError, match="no format"):
        save_result(backend, "run_1", "pdf", tmp_path / "x", "auto")
    with pytest.raises(UsageError, match="cannot be written"):
        save_result(backend, "run_1", "csv", tmp_path / "no" / "such" / "x", "auto")
    assert list(tmp_path.iterdir()) == []
