"""Joining: the code is exchanged, the token kept for this user alone, each check told."""

import json
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.errors import DatabaseUnavailable
from agent.join import Check, base_url, identity_of, identity_place, join, role_is_modest
from agent.settings import load_settings

TOKEN = "cst_agent_" + "a" * 43


class Backend(BaseHTTPRequestHandler):
    """Answers as Custard's HTTP API does."""

    def do_GET(self) -> None:
        self._answer(200, {"status": "ok", "version": "0.1.0"})

    def do_POST(self) -> None:
        self.server.spent += 1  # type: ignore[attr-defined]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match body["join_code"]:
            case "GOOD-CODE":
                self._answer(201, {"agent_id": "agt_1", "connection_id": "conn_1", "token": TOKEN})
            case "ELSEWHERE":
                self.send_response(307)
                self.send_header("Location", "http://127.0.0.1:1/api/v1/agents/join")
                self.end_headers()
            case "GARBAGE":
                self._answer(201, ["no object"])
            case _:
                self._answer(404, {"detail": "This join code is unknown.", "hint": "Make a new one."})

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def backend_server() -> Iterator[Any]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    http.spent = 0  # type: ignore[attr-defined]
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield http
    http.shutdown()
    http.server_close()


@pytest.fixture
def server(backend_server: Any) -> str:
    return f"http://127.0.0.1:{backend_server.server_address[1]}"


async def attempt(server: str, code: str, path: Path, dsn: str | None = None) -> tuple[bool, list[Check]]:
    checks: list[Check] = []
    return await join(server, code, token_file=path, dsn=dsn, report=checks.append), checks


async def test_five_ticks(server: str, tmp_path: Path, place: Any) -> None:
    path = tmp_path / "deep" / "identity.json"
    good, checks = await attempt(server, " GOOD-CODE ", path, place.dsn)
    assert good, checks
    assert [check.name for check in checks] == ["network", "server", "enrolled", "postgres", "read-only"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = load_settings(token_file=path)
    assert settings.require_token() == TOKEN
    assert settings.websocket_url == server.replace("http", "ws") + "/ws"
    assert TOKEN not in str(checks)


async def test_an_owner_is_not_read_only(server: str, tmp_path: Path, place: Any) -> None:
    good, checks = await attempt(server, "GOOD-CODE", tmp_path / "identity", place.owner)
    assert not good
    assert "superuser" in checks[-1].detail


async def test_a_missing_database_costs_no_second_code(server: str, tmp_path: Path) -> None:
    path = tmp_path / "identity"
    good, checks = await attempt(server, "GOOD-CODE", path)
    assert not good
    assert [check.ok for check in checks] == [True, True, True, False]
    assert load_settings(token_file=path).require_token() == TOKEN


@pytest.mark.parametrize("code", ["WRONG", "ELSEWHERE", "GARBAGE", ""])
async def test_a_code_that_is_refused(server: str, tmp_path: Path, code: str) -> None:
    path = tmp_path / "identity"
    good, checks = await attempt(server, code, path)
    assert not good
    assert (checks[-1].name, checks[-1].ok) == ("enrolled", False)
    assert checks[-1].hint
    assert not path.exists()


@pytest.mark.parametrize("obstacle", ["a file for a folder", "a folder for the file"])
async def test_no_code_is_spent_on_a_token_that_cannot_be_kept(
    server: str, backend_server: Any, tmp_path: Path, obstacle: str
) -> None:
    path = tmp_path / "identity"
    match obstacle:
        case "a file for a folder":
            path.write_text("in the way")
            path = path / "below"
        case _:
            path.mkdir()
    good, checks = await attempt(server, "GOOD-CODE", path)
    assert not good
    assert (checks[-1].name, checks[-1].ok) == ("enrolled", False)
    assert "unspent" in checks[-1].hint
    assert backend_server.spent == 0
    assert [left.name for left in tmp_path.iterdir()] == ["identity"]


async def test_a_role_that_cannot_be_looked_at_is_a_check_that_failed(free_port: int) -> None:
    with pytest.raises(DatabaseUnavailable, match="could not be looked at"):
        await role_is_modest(f"host=127.0.0.1 port={free_port} user=u")


async def test_a_server_that_is_away(tmp_path: Path, free_port: int) -> None:
    good, checks = await attempt(f"http://127.0.0.1:{free_port}", "GOOD-CODE", tmp_path / "identity")
    assert not good
    assert [check.name for check in checks] == ["network"]


def test_joining_again_replaces_the_token(tmp_path: Path) -> None:
    path = tmp_path / "identity"
    for token in ("first", "second"):
        with identity_place(path) as keep:
            keep(identity_of({"token": token}, "wss://x/ws"))
    assert json.loads(path.read_text())["token"] == "second"
    assert list(tmp_path.iterdir()) == [path]


def test_the_code_goes_to_the_address_that_was_typed() -> None:
    assert base_url("custard.example/base") == "https://custard.example/base"
