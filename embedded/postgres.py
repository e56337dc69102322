"""A PostgreSQL server of this machine's own: made, started, shared and stopped without a word from anybody.

The server listens on loopback only and asks every role for a password (SCRAM), so that another process,
even another user's, can be let in and nobody else is. Several processes may use one server: the first
starts it, the last stops it, and a guard (`embedded.guard`) stands in for one that was killed.

What is in the server is not this module's business; see `embedded.demo`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo

from embedded import guard
from embedded.binaries import Binaries, Kind, find_binaries
from embedded.cluster import DSN_VARIABLE, STOP_SECONDS, SUPERUSER, Cluster
from embedded.errors import PostgresBusy, PostgresError
from embedded.locks import Use, exclusive
from embedded.orphans import end_orphans
from embedded.paths import logs_dir, postgres_dir

LOCK_SECONDS = 60.0


class EmbeddedPostgres:
    """One cluster and its server.

    Args:
        root: folder that holds the cluster, its superuser's password and its locks; made when missing.
            None takes the user's data folder, by major version.
        binaries: the programs; None takes the wheel's.
        durable: whether data must survive a power cut; it is faster without.
        keep: whether the folder stays when the last user has gone.
        settings: of the server, before those that it gets by default.

    Raises:
        PostgresMissing: no programs are installed that run here.
    """

    def __init__(
        self,
        root: Path | None = None,
        *,
        binaries: Binaries | None = None,
        durable: bool = True,
        keep: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._binaries = binaries or find_binaries()
        self._root = (root or postgres_dir() / str(self._binaries.major)).resolve()
        log = (logs_dir() if root is None else self._root) / "postgres.log"
        self._cluster = Cluster(self._root, self._binaries, log=log, durable=durable, settings=settings)
        self._keep = keep
        self._use = Use(self._root / "use.lock")
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._port: int | None = None

    @property
    def major(self) -> int:
        """The server's major version, such as 18."""
        return self._binaries.major

    @property
    def data(self) -> Path:
        """The cluster's data directory."""
        return self._cluster.data

    @property
    def port(self) -> int:
        """The loopback port.

        Raises:
            PostgresError: the server has not been started.
        """
        if self._port is None:
            raise PostgresError("The embedded PostgreSQL is not running.", "Call start() first.")
        return self._port

    @property
    def pid(self) -> int | None:
        """The server's process id; None when it does not run."""
        return self._cluster.pid

    def dsn(self, dbname: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """A connection string. Without ``user`` it is the superuser's, password included: keep it close."""
        if user is None:
            user, password = SUPERUSER, self._cluster.password
        return make_conninfo(
            host="127.0.0.1", port=self.port, dbname=dbname, user=user, password=password, sslmode="disable"
        )

    def start(self) -> Self:
        """Start the server, or attach to it where another process already did. Twice is once.

        Raises:
            PostgresMissing: we are root, and no other account may run it.
            NotEnoughDisk: a new cluster would not fit.
            PostgresStartFailed: ``initdb`` or the server gave up.
            PostgresBusy: another process held the start lock for a minute.
        """
        if self._port is not None and self.pid is not None:
            return self
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with self._alone():
                self._start_alone()
        except BaseException:
            self._dismiss_guard()  # which waits for the lock that was held
            raise
        return self

    def _start_alone(self) -> None:
        """Under the start lock; what was begun is undone when it comes to nothing, at Ctrl-C too."""
        self._cluster.ensure()
        self._use.hold()
        try:
            if self.pid is None:
                end_orphans(self.data)
                self._server = self._cluster.launch()
            else:
                self._cluster.await_ready()
            self._port = self._cluster.port
            self._guard = self._guard or self._post_guard()
            if self._keep and self._server is not None:
                self._close_to_others()
        except BaseException:
            self._port = None
            if self._use.release():
                self._put_down()
            raise

    def revive(self) -> bool:
        """Start the server again, on the port that its clients know, when it was killed; True when it was.

        Raises:
            PostgresError: it had not been started.
            PostgresStartFailed: the server gave up, or its port was taken meanwhile.
            PostgresBusy: as for ``start``.
        """
        port = self.port
        if self.pid is not None:
            return False
        with self._alone():
            # Another process that uses it may have been quicker.
            if self.pid is not None:
                self._cluster.await_ready()
                return False
            if self._server is not None:
                self._server.wait()
            end_orphans(self.data)
            self._server = self._cluster.launch(port)
        return True

    def stop(self) -> None:
        """Stop using the server, and shut it down when nobody else uses it. Twice is once."""
        if self._port is None:
            return
        self._port = None
        with self._alone():
            if self._use.release():
                self._put_down()
        self._server = None
        self._dismiss_guard()

    def _put_down(self) -> None:
        """Shut the server down, which nobody uses any more."""
        if guard.stop_postmaster(self.data, STOP_SECONDS) and self._server is not None:
            self._server.wait()
            self._server = None

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            self._guard.wait()
            self._guard = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _start_lock(self) -> Path:
        return self._root / "start.lock"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with exclusive(self._start_lock, LOCK_SECONDS):
                yield
        except TimeoutError as error:
            raise PostgresBusy(
                f"Another process has been starting or stopping PostgreSQL in {self._root} for a minute.",
                "Wait for it, or end it, and try again.",
            ) from error

    def _close_to_others(self) -> None:
        """Keep roles out of the databases that are not theirs; by default everybody may connect to these."""
        with closing(psycopg.connect(self.dsn(), autocommit=True)) as conn:
            conn.execute("REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC")

    def _post_guard(self) -> subprocess.Popen[bytes]:
        command: list[str | Path] = [sys.executable, "-I", "-S", guard.__file__, "--data", self.data]
        command += ["--start-lock", self._start_lock, "--use-lock", self._root / "use.lock"]
        command += [] if self._keep else ["--remove", self._root]
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


class ExternalPostgres:
    """Somebody else's server, named by a connection string; it is neither started nor stopped."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def dsn(self, dbname: str = "postgres", user: str | None = None, password: str | None = None) -> str:
        """A connection string to another of its databases; without ``user``, as the given role."""
        if user is None:
            return make_conninfo(self._dsn, dbname=dbname)
        return make_conninfo(self._dsn, dbname=dbname, user=user, password=password)

    def start(self) -> Self:
        """Nothing: the server is not ours."""
        return self

    def revive(self) -> bool:
        """Nothing: whoever runs the server starts it again."""
        return False

    def stop(self) -> None:
        """Nothing: the server is not ours."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def demo_postgres() -> EmbeddedPostgres | ExternalPostgres:
    """The server for the demo database: the one that the environment names, else the embedded one."""
    dsn = os.environ.get(DSN_VARIABLE)
    return ExternalPostgres(dsn) if dsn else EmbeddedPostgres()


@contextmanager
def temporary_postgres(kind: Kind = "embedded") -> Iterator[EmbeddedPostgres]:
    """A throw-away server in a directory of its own, for tests; gone at the end, even after a kill.

    Raises:
        PostgresMissing: that kind is not installed.
    """
    binaries = find_binaries(kind)
    root = Path(tempfile.mkdtemp(prefix="custard-postgres-"))
    server = EmbeddedPostgres(root, binaries=binaries, durable=False, keep=False)
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)
