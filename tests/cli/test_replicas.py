"""``custard up --replicas``: processes behind one port, replaced and started again, and what is said."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.patience import HANG_SECONDS

_SECONDS = 120.0


class Up:
    """``custard up`` with its words."""

    def __init__(self, home: Path, port: int, *arguments: str) -> None:
        environment = {
            **os.environ,
            "CUSTARD_HOME": str(home),
            "CUSTARD_MODEL_BASE_URL": "http://127.0.0.1:9/v1",
            "NO_COLOR": "1",
        }
        command = [sys.executable, "-m", "cli", "up", "--port", str(port), *arguments]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)

    def until(self, wanted: str) -> str:
        deadline = time.monotonic() + _SECONDS
        while True:
            line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            if wanted in line:
                return line

    def replicas(self) -> list[int]:
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [int(pid) for pid in children if b"\0cli\0up" in Path(f"/proc/{pid}/cmdline").read_bytes()]


@pytest.fixture
def up(tmp_path: Path, free_port: int) -> Iterator[Up]:
    started = Up(tmp_path, free_port, "--replicas", "2")
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        started.process.wait(60)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc for the processes")
def test_replicas_are_replaced_and_started_again_behind_one_port(up: Up, free_port: int) -> None:
    up.until("2 replicas at")
    url = f"http://127.0.0.1:{free_port}"

    def anew(path: str) -> httpx2.Response:
        """Over a connection of its own: any replica may take it."""
        return httpx2.get(f"{url}{path}", timeout=HANG_SECONDS, trust_env=False)

    with httpx2.Client(base_url=url, timeout=HANG_SECONDS, trust_env=False) as http:
        made = http.post("/api/v1", json={"name": "Demo"})
        assert made.status_code == 201
        first = up.replicas()
        assert len(first) == 2
        up.process.send_signal(signal.SIGHUP)
        up.until("Every replica was replaced.")
        second = up.replicas()
        assert len(second) == 2
        assert not set(first) & set(second)
        os.kill(second[0], signal.SIGKILL)
        up.until("started again")
        # Whoever answers has the same store, and the port was open all the time.
        path = f"/api/v1/connections/{made.json()['connection_id']}"
        for _ in range(10):
            assert anew(path).status_code == 200
        _until(lambda: "2 replicas" in anew("/health/ready").text)
    last = up.replicas()
    up.process.terminate()
    assert up.process.wait(60) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in last)


def test_a_port_in_use_and_a_missing_server_are_told_in_a_line(
    tmp_path: Path, free_port: int, monkeypatch: Any
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port))
        taken.listen()
        refused = Up(tmp_path, free_port, "--replicas", "2")
        refused.until("in use")
        assert refused.process.wait(HANG_SECONDS) == 1
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("embedded.nats_server.sysconfig.get_path", lambda name: "/nowhere")
    from api.settings import Settings
    from cli.replicas import Replicas
    from embedded.nats_server import NatsMissing

    with pytest.raises(NatsMissing) as missing, Replicas(Settings(home=tmp_path, port=0), 2):
        pass
    assert "custard-sql[replicas]" in missing.value.hint


def _until(check: Any) -> None:
    deadline = time.monotonic() + _SECONDS
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.2)
