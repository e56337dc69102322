"""The command as a program: help, usage errors, ports, children."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.chain import Chain, ModelChoice, PortInUse
from cli.children import Child, ChildFailed
from cli.http import Backend
from cli.stopping import stopped_in_order
from tests.patience import HANG_SECONDS


def custard(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_help_lists_every_command_without_loading_the_graph() -> None:
    shown = custard("--help")
    assert shown.returncode == 0
    for command in (
        "demo",
        "up",
        "agent",
        "ask",
        "connect",
        "trace",
        "model",
        "doctor",
        "studio",
        "completion",
        "eval",
    ):
        assert f"\n  {command} " in shown.stdout
    check = "import sys, cli.main; sys.exit('langgraph' in sys.modules or 'fastapi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize(
    "arguments", [("frobnicate",), ("ask",), ("demo", "--port", "99999"), ("ask", "q", "--nope")]
)
def test_a_wrong_call_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    shown = custard(*arguments)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert shown.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--without", "prun"), "prune"),
        (("--connection", "c1", "--without", "prune"), "backend"),
        (("--connection", "c1", "--candidates", "3"), "backend"),
        (("--connection", "c1", "--single-shot"), "backend"),
        (("--single-shot", "--candidates", "3"), "One query"),
    ],
)
def test_an_evaluation_that_would_be_mislabelled_is_a_usage_error(
    arguments: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    shown = custard("eval", "run", "--out", str(tmp_path / "out"), *arguments)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert told in shown.stderr
    assert not (tmp_path / "out").exists()


def test_a_setting_that_cannot_be_used_is_a_usage_error() -> None:
    shown = custard("up", CUSTARD_PORT="eighty")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "CUSTARD_PORT" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_version_needs_no_command() -> None:
    shown = custard("--version")
    assert (shown.returncode, shown.stdout[:8]) == (0, "custard ")


def test_an_unknown_command_names_the_nearest() -> None:
    assert "demo" in custard("demmo").stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script(shell: str) -> None:
    shown = custard("completion", shell)
    assert shown.returncode == 0
    assert "_CUSTARD_COMPLETE" in shown.stdout


def test_a_backend_that_is_not_there_is_named_with_what_to_do() -> None:
    shown = custard("ask", "Anyone?", CUSTARD_URL="http://127.0.0.1:9")
    assert shown.returncode == 1
    assert "custard demo" in shown.stderr


def test_a_port_in_use_is_found_before_anything_starts() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        with pytest.raises(PortInUse, match="in use"):
            Chain(port=busy.getsockname()[1], model=ModelChoice(), folder=Path())


class OnlyBackend(Chain):
    """A chain that ends with its backend."""

    def _start(self) -> None:
        self._await_backend(self._start_backend(None))


def test_a_port_lost_between_choice_and_start_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTARD_HOME", str(tmp_path))
    monkeypatch.setenv("CUSTARD_MODEL_BASE_URL", "http://127.0.0.1:9/v1")
    chain = OnlyBackend(port=None, model=ModelChoice(), folder=tmp_path)
    first = chain.url
    with socket.create_server(("127.0.0.1", int(first.rpartition(":")[2]))), chain:
        assert chain.url != first
        with Backend(chain.url) as backend:
            assert backend.get("/health")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("moment", ["__enter__", "tend"])
def test_a_demo_that_is_told_to_stop_leaves_nothing(
    tmp_path: Path, number: signal.Signals, moment: str
) -> None:
    """Neither its store nor the agent's token, however it is told and whatever it is at."""
    program = f"""
import signal, sys, time
# Whoever runs the tests may ignore these on purpose, as nohup does, and a child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
import cli.asking, cli.chain, cli.main

class Fake:
    url, connection_id = "http://127.0.0.1:9", "conn_1"
    def __init__(self, *, folder, **_): self.folder = folder
    def __enter__(self):
        (self.folder / "token").write_text("secret")
        return wait() if {moment == "__enter__"} else self
    def __exit__(self, *_):
        print("stopped", flush=True)

def wait(*_, **__):
    print("ready", flush=True)
    while True: time.sleep(0.01)

cli.chain.Chain, cli.asking.ask = Fake, wait
cli.main.main()
"""
    demo = subprocess.Popen(
        [sys.executable, "-c", program, "demo", "--ask", "How many engineers?"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert demo.stdout is not None
    assert demo.stdout.readline() == "ready\n"
    assert len(list(tmp_path.glob("custard-*/token"))) == 1
    demo.send_signal(number)
    told, complained = demo.communicate(timeout=HANG_SECONDS)
    assert (demo.returncode, "Traceback" in complained) == (130, False)
    assert told == ("stopped\n" if moment == "tend" else "")
    assert not list(tmp_path.glob("custard-*"))


@pytest.fixture
def not_ignored() -> Iterator[None]:
    """Whatever whoever runs the tests ignores."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("not_ignored")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_cleared_away_is_not_broken_off_by_a_second_signal(number: signal.Signals) -> None:
    cleared = []

    @stopped_in_order()
    def work() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)  # broken off by the signal
        finally:
            os.kill(os.getpid(), number)
            cleared.append(number)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert cleared == [number]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_that_is_ignored_on_purpose_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_in_order():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_child_that_ends_by_itself_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = Child("ant", ["compileall", "-q", str(tmp_path / "nowhere")], {}, tmp_path / "log")
    child.process.wait()
    with pytest.raises(ChildFailed, match="ant ended"):
        child.check()
    child.stop()


def test_a_child_is_started_again_but_not_for_ever(tmp_path: Path) -> None:
    child = Child("mayfly", ["this"], {}, tmp_path / "log")
    for _ in range(3):
        child.process.wait()
        assert child.revive()
    child.process.wait()
    with pytest.raises(ChildFailed, match="mayfly ended"):
        child.revive()
    child.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from cli.children import Child\n"
        "serve = ['http.server', '0', '--bind', '127.0.0.1']\n"
        f"child = Child('server', serve, {{}}, Path({str(tmp_path / 'log')!r}))\n"
        "print(child.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 20
    while _alive(pid):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_said_to_be_empty_whatever_else_is_wrong(question: str) -> None:
    asked = custard("ask", question, "--url", "http://127.0.0.1:9")
    assert asked.returncode == 2
    assert "empty" in asked.stderr
