"""The embedded server: started, shared, killed, and stopped."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from embedded import guard
from embedded.account import Account
from embedded.binaries import find_binaries
from embedded.cluster import Cluster
from embedded.errors import PostgresError, PostgresStartFailed
from embedded.postgres import EmbeddedPostgres, ExternalPostgres, demo_postgres, temporary_postgres

PATIENCE_SECONDS = 60

USE_IT = """
import json, sys, time
from pathlib import Path
from embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), durable=False, keep=sys.argv[2] == "keep").start()
print(json.dumps({"pid": server.pid, "port": server.port}), flush=True)
sys.stdin.read()
server.stop()
"""

RUN_UNPRIVILEGED = """
import os, sys
from pathlib import Path
import psycopg
from embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1]) / "as-root", durable=False) as server:
    psycopg.connect(server.dsn()).close()
os.setgid(65534)
os.setuid(65534)
sys.executable = sys.argv[2]
with EmbeddedPostgres(Path(sys.argv[1]) / "as-nobody", durable=False) as server:
    with psycopg.connect(server.dsn()) as conn:
        print(os.geteuid(), server.data.stat().st_uid, conn.execute("SELECT 1").fetchone()[0])
"""


@pytest.fixture
def fresh() -> Iterator[Path]:
    """An empty folder. Not pytest's own: every session of it takes the rights on those away from others."""
    with tempfile.TemporaryDirectory(prefix="custard-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    """A folder with a cluster in it, not running, for the tests that need no new one."""
    with tempfile.TemporaryDirectory(prefix="custard-test-", ignore_cleanup_errors=True) as folder:
        with EmbeddedPostgres(Path(folder), durable=False):
            pass
        yield Path(folder)


def _eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def _answer(server: EmbeddedPostgres) -> object:
    with psycopg.connect(server.dsn()) as conn:
        row = conn.execute("SELECT current_user || ' ' || current_setting('listen_addresses')").fetchone()
        assert row is not None
        return row[0]


def _user(root: Path, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USE_IT, str(root), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _said(user: subprocess.Popen[str]) -> dict[str, int]:
    assert user.stdout is not None
    said: dict[str, int] = json.loads(user.stdout.readline())
    return said


@pytest.mark.parametrize("kind", ["embedded", pytest.param("debian", marks=pytest.mark.system("postgresql"))])
def test_a_throw_away_server_leaves_nothing(kind: str) -> None:
    with temporary_postgres(kind) as server:  # type: ignore[arg-type]  # the parameter is a plain string
        assert _answer(server) == "postgres 127.0.0.1"
        with psycopg.connect(server.dsn()) as conn:
            assert conn.info.server_version // 10_000 == server.major
        root, pid = server.data.parent, server.pid
        assert pid is not None
    assert not root.exists()
    assert _gone(pid)


def test_it_runs_as_nobody_that_matters(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, durable=False) as server:
        assert server.data.stat().st_uid != 0
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0


def test_it_runs_for_an_ordinary_user_too(fresh: Path) -> None:
    if os.geteuid() != 0:
        with EmbeddedPostgres(fresh, durable=False) as server:
            assert server.data.stat().st_uid == os.geteuid()
        return
    for name in ("as-root", "as-nobody"):
        (fresh / name).mkdir()
    os.chown(fresh / "as-nobody", 65534, 65534)
    nobody = Account(65534, 65534)
    nobody.let_through(fresh)
    nobody.let_through(find_binaries().folder)
    python = next(Path(folder) / "python3" for folder in ("/usr/bin", "/usr/local/bin") if _has(folder))
    # It imports as root what it could not read any more as nobody; the guard needs only the standard library.
    finished = subprocess.run(
        [sys.executable, "-c", RUN_UNPRIVILEGED, str(fresh), str(python)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.split() == ["65534", "65534", "1"]


def test_nobody_gets_in_without_the_password(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, durable=False) as server:
        assert (cluster / "superuser.password").stat().st_mode & 0o077 == 0
        for password in (None, "", "postgres"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(server.dsn(user="postgres", password=password))


def test_surroundings_do_not_matter(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "tlh_KX.UTF-8")
    monkeypatch.chdir(fresh)
    with EmbeddedPostgres(fresh / "a folder with spaces", durable=False) as server:
        assert _answer(server) == "postgres 127.0.0.1"


def test_starting_and_stopping_twice_is_once_and_data_stay(cluster: Path) -> None:
    server = EmbeddedPostgres(cluster, durable=False)
    server.start()
    pid = server.pid
    assert server.start().pid == pid
    with psycopg.connect(server.dsn()) as conn:
        conn.execute("CREATE TABLE kept (x int)")
    server.stop()
    server.stop()
    assert server.pid is None
    with pytest.raises(PostgresError, match="not running"):
        server.dsn()
    with server, psycopg.connect(server.dsn()) as conn:
        assert conn.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_killed_server_comes_back_with_its_data(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as server:
        with psycopg.connect(server.dsn()) as conn:
            conn.execute("SET synchronous_commit = on")
            conn.execute("CREATE TABLE survives (x int)")
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        assert _eventually(lambda: server.pid is None)
        server.start()
        with psycopg.connect(server.dsn()) as conn:
            assert conn.execute("SELECT count(*) FROM survives").fetchone() == (0,)
    assert server.pid is None


def test_a_killed_server_is_revived_where_its_clients_look_for_it(cluster: Path) -> None:
    """Even in the midst of a statement, which goes on when only its postmaster is killed."""
    with EmbeddedPostgres(cluster, durable=False) as server, EmbeddedPostgres(cluster) as other:
        port, pid = server.port, server.pid
        assert pid is not None
        assert not server.revive()
        with closing(psycopg.connect(server.dsn())) as conn:
            backend = conn.info.backend_pid
            conn.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000000)")
            os.kill(pid, signal.SIGKILL)
            assert _eventually(lambda: server.pid is None)
            assert server.revive()
            assert server.port == port
            assert not Path(f"/proc/{backend}/cwd").exists()
        assert not other.revive()
        _answer(other)


def test_a_pid_file_that_names_a_stranger_is_not_believed(cluster: Path) -> None:
    with EmbeddedPostgres(cluster, durable=False) as server:
        data = server.data
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n1\n5432\n\n127.0.0.1\n1 1\nready\n")
    assert server.pid is None
    with server:
        assert _answer(server) == "postgres 127.0.0.1"


def test_a_half_made_cluster_is_made_again(fresh: Path) -> None:
    (fresh / "new-abc" / "data").mkdir(parents=True)
    (fresh / "data").mkdir()
    (fresh / "data" / "base").touch()
    with EmbeddedPostgres(fresh, durable=False) as server:
        assert _answer(server) == "postgres 127.0.0.1"
    assert not list(fresh.glob("new-*"))


def test_a_lost_password_and_a_broken_cluster_are_said_plainly(fresh: Path) -> None:
    server = EmbeddedPostgres(fresh, durable=False)
    server.start()
    server.stop()
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(PostgresStartFailed, match="pg_control"):
        server.start()
    (fresh / "superuser.password").unlink()
    assert server.pid is None


def test_two_processes_share_it_and_the_last_one_stops_it(cluster: Path) -> None:
    first, second = _user(cluster, "keep"), _user(cluster, "keep")
    one, two = _said(first), _said(second)
    assert one == two
    first.communicate()
    assert not _gone(one["pid"])
    with EmbeddedPostgres(cluster, durable=False) as third:
        second.communicate()
        assert third.pid == one["pid"]
        assert _answer(third) == "postgres 127.0.0.1"
    assert _gone(one["pid"])


@pytest.mark.parametrize("how", ["keep", "throw-away"])
def test_the_guard_stops_what_a_killed_process_left(fresh: Path, how: str) -> None:
    root = fresh / "root"
    user = _user(root, how)
    pid = _said(user)["pid"]
    user.kill()
    user.communicate()
    assert _eventually(lambda: _gone(pid))
    assert _eventually(lambda: root.exists() == (how == "keep"))


@pytest.mark.parametrize("moment", ["while it starts", "when it has started", "when it is guarded"])
def test_a_start_that_is_broken_off_leaves_no_server(
    cluster: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids = []

    def stop(server: Any, *_: object) -> bool:
        pids.append(guard.postmaster_pid(cluster / "data") or 0)
        if moment != "while it starts" or pids[-1]:
            raise KeyboardInterrupt
        return False

    server = EmbeddedPostgres(cluster, durable=False, keep=True)
    with monkeypatch.context() as patched:
        if moment == "while it starts":
            patched.setattr(Cluster, "ready", property(stop))
        elif moment == "when it has started":
            patched.setattr(EmbeddedPostgres, "_post_guard", stop)
        else:
            patched.setattr(EmbeddedPostgres, "_close_to_others", stop)
        with pytest.raises(KeyboardInterrupt):
            server.start()
    assert pids[-1]
    assert _gone(pids[-1])
    assert server.pid is None
    with server:
        assert _answer(server) == "postgres 127.0.0.1"


def test_a_server_of_ones_own_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTARD_DEMO_DSN", "postgresql://admin:secret@db:6432/postgres?sslmode=require")
    with demo_postgres() as server:
        assert isinstance(server, ExternalPostgres)
        parts = psycopg.conninfo.conninfo_to_dict(server.dsn("other", "reader", "word"))
        assert parts["host"] == "db"
        assert (parts["dbname"], parts["user"], parts["password"]) == ("other", "reader", "word")
        assert psycopg.conninfo.conninfo_to_dict(server.dsn())["user"] == "admin"


def _gone(pid: int) -> bool:
    try:
        return b"postgres" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True


def _has(folder: str) -> bool:
    return (Path(folder) / "python3").exists()
