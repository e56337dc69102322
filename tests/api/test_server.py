"""The process: what it refuses to start with, and that it stops in good order."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from api.errors import BadSettings, PortInUse, StartupError, StoreUnavailable
from api.server import bind, serve, url_of
from api.settings import load_settings
from tests.patience import HANG_SECONDS
from wire.messages import Execute

_SERVE = "from api.server import serve; from api.settings import Settings; serve(Settings())"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    environment = {**os.environ, "CUSTARD_HOME": str(tmp_path), "CUSTARD_PORT": "0"}
    child = subprocess.Popen(
        [sys.executable, "-c", _SERVE], env=environment, stderr=subprocess.PIPE, text=True
    )
    assert child.stderr is not None
    try:
        url = ""
        for line in child.stderr:
            if found := re.search(r'"url": "(http[^"]+)"', line):
                url = found[1]
                break
        yield child, url
    finally:
        child.kill()
        child.wait()
        child.stderr.close()


def test_it_serves_until_it_is_told_to_stop(process: tuple[subprocess.Popen[str], str]) -> None:
    child, url = process
    # It listens already, and answers as soon as it has started.
    health = httpx2.get(f"{url}/health", timeout=HANG_SECONDS, trust_env=False)
    assert health.json()["status"] == "ok"
    child.send_signal(signal.SIGTERM)
    rest = child.communicate(timeout=HANG_SECONDS)[1]
    assert '"closed"' in rest
    assert "Traceback" not in rest
    assert child.returncode == 0


def test_a_port_in_use_is_named(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)):
            serve(settings.model_copy(update={"port": port}))


def test_an_address_that_is_not_here_is_named(settings: Any) -> None:
    for host in ("::1%none", "localhost.localhost"):
        with pytest.raises(StartupError, match="cannot be listened on"):
            bind(settings.model_copy(update={"host": host}))


def test_a_store_that_cannot_be_used_is_named_before_the_start(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(StoreUnavailable) as error:
        serve(settings.model_copy(update={"store_path": tmp_path / "store"}))
    assert str(tmp_path) in error.value.hint


def test_bad_keys_are_told_before_the_start(settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("CUSTARD_API_KEYS", "acme:short")
    from api.settings import Settings

    with pytest.raises(BadSettings, match="16 characters"):
        serve(Settings(port=0))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CUSTARD_PORT", "hunter2"),
        ("CUSTARD_MAX_RUNNING", "-1"),
        ("CUSTARD_CANDIDATES", "hunter2"),
        ("CUSTARD_PUBLIC_URL", "custard.hunter2"),
        ("CUSTARD_PUBLIC_URL", "http://["),
        ("CUSTARD_PUBLIC_URL", "http://hunter2:port"),
        ("CUSTARD_MODEL_BASE_URL", "http://["),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(monkeypatch: Any, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSettings, match=variable) as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)
    assert refused.value.hint


def test_a_setting_that_is_empty_is_not_set(monkeypatch: Any) -> None:
    monkeypatch.setenv("CUSTARD_PUBLIC_URL", "")
    assert load_settings().public_url is None


def test_the_address_tells_the_port_that_was_taken(settings: Any) -> None:
    listener = bind(settings)
    assert url_of(listener, settings) == f"http://127.0.0.1:{listener.getsockname()[1]}"
    public = settings.model_copy(update={"public_url": "https://ask.example"})
    assert url_of(listener, public) == "https://ask.example"
    listener.close()


def test_the_module_makes_its_application_from_the_environment(tmp_path: Path, monkeypatch: Any) -> None:
    import api.app

    monkeypatch.setenv("CUSTARD_HOME", str(tmp_path))
    monkeypatch.delitem(vars(api.app), "app", raising=False)
    made = api.app.app
    assert api.app.app is made
    assert api.app.current() is made.state.custard
    assert api.app.current().settings.home == tmp_path
    monkeypatch.delitem(vars(api.app), "app")
    with pytest.raises(AttributeError):
        _ = api.app.nothing


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /health HTTP/1.1\r\nHost: loc",
        b"POST /api/v1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 9\r\n\r\n{",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
    ],
    ids=["nothing", "headers", "body", "the second"],
)
async def test_a_request_that_does_not_come_whole_is_cut_off(
    backend: Any, result: Any, monkeypatch: Any, begun: bytes
) -> None:
    monkeypatch.setattr("api.server.REQUEST_SECONDS", 0.2)
    connection = await backend.connection()
    agent = await backend.agent(connection, result=result(hold=True))
    # One that came whole is waited for, however long its answer takes.
    asking = asyncio.create_task(backend.ask(connection))
    await agent.until(Execute)
    address = urlsplit(backend.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(begun)
    with suppress(ConnectionResetError):
        await asyncio.wait_for(reader.read(), HANG_SECONDS)
    writer.close()
    assert not asking.done()
    run_id = (await backend.get("/api/v1/runs"))["runs"][0]["run_id"]
    await backend.http.post(f"/api/v1/runs/{run_id}/cancel")
    assert (await asking)["status"] == "cancelled"
    await agent.leave()
