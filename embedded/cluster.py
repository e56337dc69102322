"""One PostgreSQL cluster on disk and the process that serves it: making it, launching it, finding it.

Who may use it, and when it is stopped, is `embedded.postgres`'s business; nothing here takes a lock.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from embedded import guard
from embedded.account import Account, server_account
from embedded.binaries import Binaries
from embedded.errors import PostgresStartFailed
from embedded.paths import HOME_VARIABLE, require_disk
from embedded.ports import PORT_ATTEMPTS, free_port

DSN_VARIABLE = "CUSTARD_DEMO_DSN"
"""Names another server to put the demo database on; its role must be able to create databases and roles."""

SUPERUSER = "postgres"
CLUSTER_BYTES = 300_000_000
"""Disk that a new cluster with the demo database in it may take."""

NOBODYS_PID = "4194305"
"""One more than the largest that Linux gives."""

START_SECONDS = 60.0
STOP_SECONDS = 15.0
LOG_BYTES = 5_000_000
"""A server log longer than this is set aside at the next start."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Compiling takes longer than the queries of a demo do.
    "jit": "off",
    # Without replication a table filled in the transaction that made it needs no log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Commits are synchronous, as by default: a store on this server must know after a kill what it had told.
    # Docker's default /dev/shm is too small for a parallel join.
    "dynamic_shared_memory_type": "mmap",
}

SETTINGS_FROM_14 = {
    # A client that is gone is noticed in the middle of its statement, not at the end.
    "client_connection_check_interval": "1s",
}

CARELESS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "shared_buffers": "32MB"}
"""For servers that are thrown away: nothing of theirs needs to survive."""

_HINT = (
    f"Make sure that there is disk and memory left; or choose another folder with {HOME_VARIABLE}=DIR,"
    f" or a server of your own with {DSN_VARIABLE}."
)


class Cluster:
    """A cluster in ``root/data``, its superuser's password beside it, its server's words in ``log``.

    Args:
        root: made when it is missing.
        binaries: the programs that make and serve it.
        log: the server's log file, appended to.
        durable: whether data must survive a power cut.
        settings: of the server, before ours; its port among them keeps it there.
    """

    def __init__(
        self,
        root: Path,
        binaries: Binaries,
        *,
        log: Path,
        durable: bool,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.data = root / "data"
        self.log = log
        self._password_file = root / "superuser.password"
        self._binaries = binaries
        self._durable = durable
        self._settings = settings or {}

    @property
    def pid(self) -> int | None:
        """The process id of the server that runs on it; None when none does."""
        return guard.postmaster_pid(self.data)

    @property
    def ready(self) -> bool:
        """Whether that server takes connections."""
        # The process id comes first: read after the rest, a new server's would vouch for an old one's state.
        pid, lines = self.pid, self._pid_file()
        return pid is not None and len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    @property
    def port(self) -> int:
        """The port of the running server."""
        return int(self._pid_file()[3])

    @property
    def password(self) -> str:
        """The superuser's.

        Raises:
            PostgresStartFailed: the file is gone.
        """
        try:
            return self._password_file.read_text()
        except FileNotFoundError as error:
            raise PostgresStartFailed(
                f"{self._password_file} is gone, and without it nobody gets into the cluster.",
                f"Remove {self.root}; the next start makes it anew.",
            ) from error

    def ensure(self) -> None:
        """Make the cluster unless it is there.

        It is made beside its place and moved there whole: a half-made one is never started.

        Raises:
            NotEnoughDisk: it would not fit.
            PostgresStartFailed: ``initdb`` failed.
        """
        if (self.data / "PG_VERSION").exists():
            return
        require_disk(self.root, CLUSTER_BYTES)
        for leftover in self.root.glob("new-*"):
            shutil.rmtree(leftover)
        account = self._let_in()
        password = secrets.token_urlsafe(24)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=self.root))
        try:
            password_file = new / "password"
            password_file.write_text(password)
            account.own(password_file)
            account.own(new)
            self._initdb(account, new / "data", password_file)
            descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(password)
            if self.data.exists():
                shutil.rmtree(self.data)
            (new / "data").rename(self.data)
        finally:
            shutil.rmtree(new)

    def launch(self, port: int | None = None) -> subprocess.Popen[bytes]:
        """Start the server, and wait until it takes connections.

        Args:
            port: where it must listen, since others know it; None takes a free one.

        Raises:
            PostgresStartFailed: it ended, or was not ready in a minute.
        """
        account = self._let_in()
        self._forget_stranger()
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        for attempt in range(PORT_ATTEMPTS):
            length = self.log.stat().st_size if self.log.exists() else 0
            server = self._spawn(account, port or free_port())
            try:
                if self._came_up(server):
                    return server
            except BaseException:
                # Ctrl-C: nobody else knows of it yet, so nobody else would stop it.
                _end(server)
                raise
            said = self.log.read_bytes()[length:].decode(errors="replace")
            if server.poll() is None:
                server.kill()
                server.wait()
                raise PostgresStartFailed(
                    f"PostgreSQL was not ready within {START_SECONDS:.0f} s: {_last_lines(said)}", _HINT
                )
            # Lost the port to somebody in between, or a killed server's children still hold its memory.
            if "in use" not in said or attempt == PORT_ATTEMPTS - 1:
                raise PostgresStartFailed(f"PostgreSQL did not start: {_last_lines(said)}", _HINT)
            time.sleep(0.2 * (attempt + 1))
        raise AssertionError("the last attempt returns or raises")

    def _came_up(self, server: subprocess.Popen[bytes]) -> bool:
        """Wait until it takes connections; False when it ended, or took too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and server.poll() is None:
            if self.ready:
                return True
            time.sleep(0.01)
        return False

    def await_ready(self) -> None:
        """Wait for a server that another process started.

        Raises:
            PostgresStartFailed: it runs, but takes no connections.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self.ready:
            if time.monotonic() > deadline:
                raise PostgresStartFailed(
                    f"The server of {self.root} runs (process {self.pid}) but takes no connections.",
                    f"End that process, and try again; its log is {self.log}.",
                )
            time.sleep(0.01)

    def _let_in(self) -> Account:
        """The account that serves the cluster, with its way to the programs and the folder opened."""
        account = server_account(self.data)
        account.let_through(self.root)
        account.let_through(self._binaries.folder)
        # One program tells for all: an installer treats its files alike.
        if self._binaries.postgres.stat().st_mode & 0o005 != 0o005:
            for tree in self._binaries.tree:
                account.let_read(tree)
        return account

    def _initdb(self, account: Account, data: Path, password_file: Path) -> None:
        options = [f"--username={SUPERUSER}", "--encoding=UTF8", "--auth=scram-sha-256"]
        options += ["--no-instructions"] if self._binaries.major >= 14 else []
        options += [f"--pwfile={password_file}", *self._binaries.locale_options]
        options += [] if self._durable else ["--no-sync"]
        finished = subprocess.run(
            [self._binaries.initdb, "-D", data, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env=_environment(),
            **account.identity,
        )
        if finished.returncode != 0:
            raise PostgresStartFailed(f"initdb failed: {_last_lines(finished.stderr)}", _HINT)

    def _spawn(self, account: Account, port: int) -> subprocess.Popen[bytes]:
        settings = {**SETTINGS, **({} if self._durable else CARELESS), "port": str(port)}
        if self._binaries.major >= 14:
            settings |= SETTINGS_FROM_14
        settings |= self._settings
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            # A session of its own: Ctrl-C at the terminal is for us, and we stop the server in order.
            return subprocess.Popen(
                [self._binaries.postgres, "-D", self.data, *options],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                cwd="/",
                env=_environment(),
                start_new_session=True,
                **account.identity,
            )
        finally:
            os.close(descriptor)

    def _forget_stranger(self) -> None:
        """Take out of the pid file a number that is not a server's: another program has got it since, or a
        killed server is still waiting to be reaped. PostgreSQL would take either for a living server.

        The rest of the file stays: by it PostgreSQL finds out whether children of a killed server, which may
        still be writing, are at work.
        """
        lines = self._pid_file()
        if lines and self.pid is None:
            (self.data / "postmaster.pid").write_text("\n".join([NOBODYS_PID, *lines[1:]]))

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return []


def _end(server: subprocess.Popen[bytes]) -> None:
    """Shut a server down that has just begun; its children must not outlive it."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _environment() -> dict[str, str]:
    """Only what the server needs: the caller's PG* variables and secrets are none of its business."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _last_lines(said: str) -> str:
    return " ".join(line.strip() for line in said.strip().splitlines()[-4:]) or "it said nothing"
