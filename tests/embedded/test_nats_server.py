"""The broker's process. What is said over it is tests/api's business."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embedded.guard import _command_line
from embedded.nats_server import NatsFailed, NatsServer
from embedded.ports import free_port
from tests.patience import HANG_SECONDS


def test_a_port_lost_between_choice_and_start_is_given_up_for_another() -> None:
    server = NatsServer()
    first = server.url
    with socket.create_server(("127.0.0.1", int(first.rpartition(":")[2]))), server:
        assert server.alive
        assert server.url != first
        kept = server.url
        server.kill()
        server.start()
        assert server.url == kept


def test_a_port_that_clients_know_is_not_given_up() -> None:
    with NatsServer() as server:
        server.kill()
        with (
            socket.create_server(("127.0.0.1", int(server.url.rpartition(":")[2]))),
            pytest.raises(NatsFailed, match="address already in use"),
        ):
            server.start()


def test_another_server_on_the_port_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with NatsServer() as other:
        taken = int(other.url.rpartition(":")[2])
        chosen = [free_port(), taken]
        monkeypatch.setattr("embedded.nats_server.free_port", chosen.pop)
        with NatsServer() as server:
            assert int(server.url.rpartition(":")[2]) != taken


@pytest.mark.parametrize("restarted", [False, True])
def test_it_does_not_outlive_a_killed_parent(restarted: bool) -> None:
    program = (
        "import sys, time; from embedded.nats_server import NatsServer\n"
        "server = NatsServer().__enter__()\n"
        f"if {restarted}: server.kill(); server.start()\n"
        "print(server.pid, server._folder.name, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid, folder = parent.stdout.readline().split()
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + HANG_SECONDS
    try:
        while folder in _command_line(int(pid)) or Path(folder).exists():
            assert time.monotonic() < deadline, "it outlived its parent"
            time.sleep(0.02)
    finally:
        if folder in _command_line(int(pid)):
            os.kill(int(pid), signal.SIGKILL)
