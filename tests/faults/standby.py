"""A primary with a streaming hot standby, and the plant whose agent reads from the standby.

The store is a file: what happens to the two servers happens to the customer's database alone.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from embedded.account import server_account
from embedded.binaries import find_binaries
from embedded.ports import free_port
from embedded.postgres import EmbeddedPostgres
from tests.faults.plant import Plant, await_
from tests.faults.proxy import Loop

CONFLICT_DELAY = "200ms"
"""How long the standby's recovery waits for a statement that is in its way."""
SETTINGS = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "wal_keep_size": "128MB",
    "max_standby_streaming_delay": CONFLICT_DELAY,
    # A standby that lost its primary looks for it as soon as this.
    "wal_retrieve_retry_interval": "200ms",
    "log_line_prefix": "%m [%p] %a ",
}
_FLUSH = "SELECT pg_logical_emit_message(true, 'faults', '')"
"""Sends what the primary still has in a buffer: a lock that is only held is written, and not flushed."""


class Streaming:
    """Two servers on ports that stay theirs: one is written to, the other replays it and can be read."""

    primary: EmbeddedPostgres
    standby: EmbeddedPostgres | None
    """None after a failover."""

    def __init__(self) -> None:
        self._binaries = find_binaries()
        self.ports = (free_port(), free_port())
        self._free = list(self.ports)
        self._roots: list[Path] = []
        self._servers: list[EmbeddedPostgres] = []

    def __enter__(self) -> "Streaming":
        self.primary = self._server(self._root())
        self.standby = None
        try:
            self.primary.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in reversed(self._servers):
            server.stop()
        for root in self._roots:
            shutil.rmtree(root, ignore_errors=True)

    @property
    def servers(self) -> list[EmbeddedPostgres]:
        """Those that run, the primary first."""
        return [self.primary] if self.standby is None else [self.primary, self.standby]

    def attach(self) -> None:
        """Make a standby out of the primary as it is, on the port that is free, and wait until it streams."""
        root = self._root()
        data = root / "data"
        account = server_account(data)
        account.let_through(root)
        data.mkdir(mode=0o700)
        account.own(data)
        base_backup = [self._binaries.folder / "pg_basebackup", "--pgdata", data, "--write-recovery-conf"]
        base_backup += ["--wal-method=stream", "--checkpoint=fast", "--no-sync"]
        subprocess.run(
            [*base_backup, "--dbname", make_conninfo(self.primary.dsn(), application_name="standby")],
            check=True,
            capture_output=True,
            cwd="/",
            **account.identity,
        )
        shutil.copy(self.primary.data.parent / "superuser.password", root)
        self.standby = self._server(root).start()
        self.replay()

    def replay(self) -> None:
        """Wait until the standby has replayed all that the primary has written until now."""
        assert self.standby is not None
        with psycopg.connect(self.primary.dsn(), autocommit=True) as conn:
            (written,) = conn.execute("SELECT pg_current_wal_flush_lsn()::text").fetchone() or (None,)
        with psycopg.connect(self.standby.dsn(), autocommit=True) as standby:
            replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            await_(
                lambda: standby.execute(replayed, [written]).fetchone() == (True,), "the standby to replay"
            )

    def kill_standby(self) -> None:
        """SIGKILL to the standby; there is none until the next is attached."""
        assert self.standby is not None
        self._kill(self.standby)
        self.standby = None

    def fail_over(self) -> None:
        """SIGKILL to the primary; the standby is promoted, and takes writes when this returns."""
        assert self.standby is not None
        self._kill(self.primary)
        with psycopg.connect(self.standby.dsn(), autocommit=True) as conn:
            assert conn.execute("SELECT pg_promote()").fetchone() == (True,)
        self.primary, self.standby = self.standby, None

    @property
    def logs(self) -> str:
        """What all servers have said that there ever were."""
        files = [root / "postgres.log" for root in self._roots]
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def _kill(self, server: EmbeddedPostgres) -> None:
        """Its folder stays until the end, with the log in it."""
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await_(lambda: server.pid is None, "the server to be gone")
        self._free.append(server.port)

    def _root(self) -> Path:
        self._roots.append(Path(tempfile.mkdtemp(prefix="custard-standby-")))
        return self._roots[-1]

    def _server(self, root: Path) -> EmbeddedPostgres:
        settings = SETTINGS | {"port": str(self._free.pop(0))}
        server = EmbeddedPostgres(root, binaries=self._binaries, durable=False, keep=False, settings=settings)
        self._servers.append(server)
        return server


class Standing(Plant):
    """A plant whose agent is told of both servers, and prefers the standby."""

    def __init__(self, streaming: Streaming, loop: Loop, folder: Path) -> None:
        super().__init__(streaming.primary, loop, store_folder=folder)
        self.streaming = streaming

    def __enter__(self) -> "Standing":
        super().__enter__()
        return self

    def prepare(self) -> None:
        """The standby, when what it is to hold is there."""
        self.streaming.attach()

    def agent_environment(self, token: str, name: str = "agent") -> dict[str, str]:
        """As ``Plant``, past the proxy: a server that is gone refuses, as a proxy before it would not."""
        ports = ",".join(map(str, self.streaming.ports))
        dsn = make_conninfo(
            self.postgres.dsn(self.work),
            host="127.0.0.1,127.0.0.1",
            port=ports,
            user="reader",
            password="read",
            target_session_attrs="prefer-standby",
        )
        return super().agent_environment(token, name) | {"CUSTARD_AGENT_DSN": dsn}

    @property
    def servers(self) -> list[EmbeddedPostgres]:
        """Both, or the one that is left."""
        return self.streaming.servers

    def postgres_log(self) -> str:
        """All that any server has said."""
        return self.streaming.logs

    def write(self, *statements: str) -> None:
        """On the primary, each committed by itself, as the database's owner."""
        with psycopg.connect(self.postgres.dsn(self.work), autocommit=True) as conn:
            for statement in statements:
                conn.execute(statement.encode())

    @contextmanager
    def holding(self) -> Iterator[None]:
        """As ``Plant``; the lock is taken on the standby as well before this goes on."""
        with super().holding():
            self.write(_FLUSH)
            self.streaming.replay()
            yield

    def conflicts(self, what: str) -> int:
        """How often recovery has done this to a session that was in its way, by the servers' logs."""
        return self.postgres_log().count(f"{what} due to conflict with recovery")

    def between_fetches(self) -> int:
        """Statements of runs that wait for the agent to ask for more."""
        return self._sessions(
            "state = 'idle in transaction' AND starts_with(application_name, 'custard-agent/run_')"
        )

    def kill_standby(self) -> None:
        """The agent has the primary alone."""
        self.streaming.kill_standby()

    def fail_over(self) -> None:
        """The primary is killed, and the standby takes its place."""
        self.streaming.fail_over()
        self.postgres = self.streaming.primary

    def mend(self) -> None:
        """As ``Plant``, with a standby again, from which the agent reads."""
        if self.streaming.standby is None:
            self.streaming.attach()
        super().mend()
        self.streaming.replay()
        # A pool keeps what it has: it has to look for the standby.
        self.end_sessions(self.postgres)

    def end_sessions(self, server: EmbeddedPostgres) -> None:
        """Those of the agent there; whoever asks next connects anew."""
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE usename = 'reader'"
            )

    def sessions(self, server: EmbeddedPostgres) -> int:
        """How many the agent has there."""
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            row = conn.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'").fetchone()
        assert row is not None
        return int(row[0])

    def tables(self) -> int:
        """How many the agent shows, when it has looked anew."""
        with self.client(direct=True) as backend:
            backend.post(f"/api/v1/{self.connection_id}/refresh-schema")
            return int(backend.get(f"/api/v1/connections/{self.connection_id}")["tables"])
