"""The model server's process. The model itself is asked in tests/acceptance."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from embedded.errors import ModelStartFailed, PortLost, WeightsCorrupt, WeightsMissing
from embedded.model import LocalModelServer
from embedded.paths import logs_dir
from embedded.ports import free_port


@pytest.fixture
def nonsense(tmp_path: Path) -> Path:
    """A file that begins like weights and is none."""
    path = tmp_path / "nonsense-1b-q4_k_m.gguf"
    path.write_bytes(b"GGUF" + b"\xff" * 5000)
    return path


def test_missing_weights_name_the_command_that_fetches_them(tmp_path: Path) -> None:
    for path in (tmp_path / "none.gguf", tmp_path):
        with pytest.raises(WeightsMissing, match="no weights") as raised:
            LocalModelServer(path)
        assert "custard model pull" in raised.value.hint


@pytest.mark.parametrize("content", [b"", b"GG", b"<html>", b"PK\x03\x04"])
def test_a_file_that_is_no_gguf_is_refused_before_anything_starts(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.gguf"
    path.write_bytes(content)
    with pytest.raises(WeightsCorrupt, match="not a GGUF file"):
        LocalModelServer(path)


def test_what_llama_cpp_cannot_load_ends_in_its_own_words(nonsense: Path) -> None:
    server = LocalModelServer(nonsense)
    with pytest.raises(WeightsCorrupt, match="failed to load model") as raised:
        server.start()
    assert "custard model pull" in raised.value.hint
    server.stop()
    with pytest.raises(ModelStartFailed, match="not running"):
        _ = server.base_url


def test_a_port_in_use_is_said_plainly(nonsense: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ModelStartFailed, match="is in use"):
            LocalModelServer(nonsense, port=taken.getsockname()[1]).start()


def test_a_port_lost_between_choice_and_start_is_given_up_for_another(
    nonsense: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """llama.cpp says so before it looks at the weights, which on the next port are what it cannot load."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first: int = taken.getsockname()[1]
        chosen = [free_port(), first, first]
        monkeypatch.setattr("embedded.model.free_port", chosen.pop)
        with pytest.raises(WeightsCorrupt, match="failed to load model"):
            LocalModelServer(nonsense).start()
        assert not chosen
        # Nobody asks a second time for an address that was made known.
        chosen.append(first)
        server = LocalModelServer(nonsense).start(wait=False)
        with pytest.raises(PortLost, match=str(first)):
            server.start()
    assert not (logs_dir() / f"model-{first}.log").exists()


def test_the_address_is_known_before_it_answers(nonsense: Path) -> None:
    server = LocalModelServer(nonsense).start(wait=False)
    assert server.start(wait=False) is server
    assert server.base_url.startswith("http://127.0.0.1:")
    assert server.base_url.endswith("/v1")
    assert server.model_name == "nonsense-1b"
    server.stop()
    server.stop()
    assert not list(logs_dir().glob("model-*.log"))


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    """However the parent ends, its end of the pipe closes: here, while the child waits for its weights."""
    weights = tmp_path / "endless.gguf"
    os.mkfifo(weights)
    command = [sys.executable, "-m", "embedded.model_server", "--watch-stdin", "--model", str(weights)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.close()
        assert child.wait(30) == 0
