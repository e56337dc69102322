"""Ports for servers that are about to be started."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import ports
from embedded.ports import free_port, is_free

CHOOSE = "from embedded.ports import free_port; print(*(free_port() for _ in range(40)))"


@pytest.fixture
def book(tmp_path: Path, only: list[int], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the ports that were handed out are written down: for this test alone, and empty."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"custard-ports-{os.getuid()}"


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The two ports that there are; nobody else on this machine is given them."""
    two = sorted([free_port(), free_port()])
    monkeypatch.setattr(ports, "_candidates", lambda: list(two))
    return two


def test_no_port_is_given_to_two_processes(tmp_path: Path) -> None:
    """They choose at the same time, among few enough that chance alone would not keep them apart."""
    command = [
        sys.executable,
        "-c",
        "from embedded import ports; ports._HIGHEST, ports._LOCK_SECONDS = ports._LOWEST + 300, 90; "
        + CHOOSE,
    ]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    running = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    given = [int(port) for process in running for port in process.communicate(timeout=120)[0].split()]
    assert len(given) == 160
    assert len(set(given)) == 160


def test_it_is_none_that_the_kernel_gives_to_outgoing_connections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "range"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(ports, "_EPHEMERAL", told)
    told.write_text("20001\t49150\n")
    assert ports._candidates() == [20_000, 49_151]
    told.write_text("1024\t65535\n")
    assert is_free(free_port())  # every port is in the range: one of them, then
    for said in ("nothing", "1", ""):
        told.write_text(said)
        assert free_port() < 49_152
    told.unlink()
    assert free_port() < 49_152


def test_one_that_is_listened_on_is_passed_over(book: Path, only: list[int]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", only[0]))
        taken.listen()
        assert not is_free(only[0])
        assert free_port() == only[1]
        assert free_port() not in only  # the other one was handed out
    assert free_port() == only[0]


@pytest.mark.parametrize("written", ["", "nonsense", "[1]", '{"a": 1}', '{"%d": "soon", "%d": null}', "\0"])
def test_a_book_that_cannot_be_read_is_begun_anew(book: Path, only: list[int], written: str) -> None:
    book.write_text(written.replace("%d", str(only[0])))
    assert sorted([free_port(), free_port()]) == only


def test_what_was_handed_out_long_ago_or_before_the_machine_was_started_is_free(
    book: Path, only: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted([free_port(), free_port()]) == only
    clock = ports.time.monotonic
    for moved in (ports.KEPT_SECONDS + 1, -ports.KEPT_SECONDS):
        monkeypatch.setattr(ports.time, "monotonic", lambda moved=moved: clock() + moved)
        assert free_port() in only


def test_without_a_folder_to_write_to_a_port_is_found_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert is_free(free_port())


def test_no_link_is_followed(book: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    book.symlink_to(precious)
    assert is_free(free_port())
    assert precious.read_text() == "mine"
