"""Servers of every major version that the agent supports, and PgBouncer before one of them."""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest

from embedded.account import server_account
from embedded.binaries import find_binaries
from embedded.errors import PostgresMissing
from embedded.ports import free_port
from embedded.postgres import EmbeddedPostgres, temporary_postgres

CORPUS = Path(__file__).parents[1] / "corpus"
WHOLE = os.environ.get("CUSTARD_WHOLE_CORPUS") == "1"
"""Every statement of the corpora on every server; otherwise a few of each class."""
_MARKS = re.compile(r"\A(-- (bounded|from \d+)\n)+")
CATALOGS = ("pg_class", "pg_proc", "pg_authid", "pg_largeobject_metadata", "pg_db_role_setting")
SLICE = 2
"""Statements of a class that stand for it."""


def absent(what: str, install: str) -> NoReturn:
    """Skip, naming the line that installs it; in CI, fail."""
    message = f"{what} is not there; to have it: {install}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


@dataclass(frozen=True)
class Case:
    """A statement of a corpus."""

    family: str
    sql: str
    bounded: bool
    """It may run, but leaves nothing behind and shows nothing that is denied."""


@dataclass(frozen=True)
class Filled:
    """The corpus's database on one server."""

    server: EmbeddedPostgres
    dsn: str
    """The superuser's: the gate must hold when nothing behind it does."""

    def digest(self) -> dict[str, str]:
        """What an attack might have changed: every relation's rows, and what the catalogs count."""
        with psycopg.connect(self.dsn) as conn:
            tables = conn.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"
            ).fetchall()
            found = {}
            for (table,) in tables:
                rows = "md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), ''))"
                [(found[table],)] = conn.execute(f"SELECT {rows} FROM {table} t".encode()).fetchall()
            for catalog in (
                "pg_class",
                "pg_proc",
                "pg_authid",
                "pg_largeobject_metadata",
                "pg_db_role_setting",
            ):
                [(count,)] = conn.execute(f"SELECT count(*)::text FROM {catalog}".encode()).fetchall()
                found[catalog] = count
            return found


def read_corpus(folder: str) -> list[Case]:
    """The statements of a folder of the corpus, or the few that stand for each class."""
    found = []
    for file in sorted((CORPUS / folder).glob("*.sql")):
        parts = [part.strip("\n") for part in re.split(r"\n[ \t]*\n", file.read_text(encoding="utf-8"))]
        cases = [
            Case(
                file.stem, re.sub(r"\A(-- (bounded|from \d+)\n)+", "", part), part.startswith("-- bounded\n")
            )
            for part in parts
            if part.strip()
        ]
        found += cases if WHOLE else cases[:: max(1, len(cases) // SLICE)]
    return found


@pytest.fixture(scope="session")
def hostile() -> list[Case]:
    """Statements that must be refused, or at least do no harm."""
    return read_corpus("hostile")


@pytest.fixture(scope="session")
def legitimate() -> list[Case]:
    """Statements that run wherever the server itself takes them."""
    return read_corpus("legitimate")


@pytest.fixture(scope="session")
def policy_text() -> Callable[[str], str]:
    """The text of one of the corpus's policies."""
    return lambda name: (CORPUS / name).read_text(encoding="utf-8")


@contextlib.contextmanager
def running(kind: Any) -> Iterator[EmbeddedPostgres]:
    """A server of that kind, or a skip that says how to have it."""
    try:
        find_binaries(kind)
    except PostgresMissing as error:
        absent(f"PostgreSQL {kind}", error.hint)
    with temporary_postgres(kind) as server:
        yield server


@pytest.fixture(scope="session", params=[13, 14, 16, 17, *(["debian", "embedded"] if WHOLE else [])])
def filled(request: pytest.FixtureRequest) -> Iterator[Filled]:
    """The corpus's database on each supported version; Debian's 15 and the wheel's 18 have the whole corpus
    in its own tests already."""
    with running(request.param) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute("CREATE DATABASE corpus")
            conn.execute("ALTER DATABASE corpus SET search_path = shop, public")
            conn.execute("ALTER DATABASE corpus SET timezone = 'UTC'")
        with psycopg.connect(server.dsn("corpus")) as conn:
            conn.execute((CORPUS / "schema.sql").read_bytes())
        yield Filled(server, server.dsn("corpus"))


@pytest.fixture(scope="session")
def too_old() -> Iterator[EmbeddedPostgres]:
    """A server older than any that is supported."""
    with running(12) as server:
        yield server


@dataclass(frozen=True)
class Bouncer:
    """A PgBouncer before a server."""

    server: EmbeddedPostgres
    port: int
    owner: str
    """The superuser's connection string, past PgBouncer."""

    def dsn(self, user: str = "reader", password: str = "read") -> str:
        """A connection string through PgBouncer."""
        return psycopg.conninfo.make_conninfo(
            host="127.0.0.1", port=self.port, dbname="pooled", user=user, password=password, sslmode="disable"
        )


@contextlib.contextmanager
def bouncer(server: EmbeddedPostgres, mode: str, pool_size: int = 2) -> Iterator[int]:
    """PgBouncer's port, with so many connections to the server."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        absent("PgBouncer", "apt-get install pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="custard-pgbouncer-"))
    port = free_port()
    (folder / "users.txt").write_text('"reader" "read"\n"other" "other"\n')
    (folder / "pgbouncer.ini").write_text(
        f"""[databases]
pooled = host=127.0.0.1 port={server.port} dbname=pooled
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/users.txt
pool_mode = {mode}
default_pool_size = {pool_size}
max_client_conn = 100
logfile = {folder}/log
server_round_robin = 1
"""
    )
    account = server_account(folder)
    for path in (folder, *folder.iterdir()):
        account.own(path)
    child = subprocess.Popen(
        [program, "-q", str(folder / "pgbouncer.ini")],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **account.identity,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert child.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "PgBouncer did not listen within 30 s"
            time.sleep(0.05)
        yield port
    finally:
        child.terminate()
        child.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


POOLED = """
CREATE ROLE reader LOGIN PASSWORD 'read' NOINHERIT;
CREATE ROLE other LOGIN PASSWORD 'other';
CREATE DATABASE pooled;
"""
POOLED_SCHEMA = """
CREATE TABLE public.people (id integer PRIMARY KEY, name text, pay numeric);
INSERT INTO public.people SELECT g, 'Person ' || g, g * 100 FROM generate_series(1, 3000) AS g;
CREATE TABLE public.secrets (word text);
INSERT INTO public.secrets VALUES ('CANARY');
GRANT SELECT ON public.people TO reader;
GRANT ALL ON public.people TO other;
"""


@pytest.fixture(scope="session")
def pooled_server() -> Iterator[EmbeddedPostgres]:
    """A server for PgBouncer to stand before."""
    with running("embedded") as server:
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            for command in POOLED.strip().splitlines():
                conn.execute(command.encode())
        with psycopg.connect(server.dsn("pooled")) as conn:
            conn.execute(POOLED_SCHEMA)
        yield server


@pytest.fixture(scope="session")
def transaction_pool(pooled_server: EmbeddedPostgres) -> Iterator[Bouncer]:
    """Transaction pooling over two connections."""
    with bouncer(pooled_server, "transaction") as port:
        yield Bouncer(pooled_server, port, pooled_server.dsn("pooled"))


@pytest.fixture(scope="session")
def statement_pool(pooled_server: EmbeddedPostgres) -> Iterator[Bouncer]:
    """Statement pooling, in which there are no transactions."""
    with bouncer(pooled_server, "statement") as port:
        yield Bouncer(pooled_server, port, pooled_server.dsn("pooled"))


@pytest.fixture
async def seen(pooled_server: EmbeddedPostgres) -> AsyncIterator[Callable[[], Any]]:
    """Asks the server which statements of the reading role run, past PgBouncer."""
    async with await psycopg.AsyncConnection.connect(pooled_server.dsn("pooled"), autocommit=True) as conn:

        async def active() -> int:
            cursor = await conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'"
                " AND query LIKE '%%FETCH%%'"
            )
            row = await cursor.fetchone()
            assert row is not None
            return int(row[0])

        async def until(count: int) -> None:
            for _ in range(600):
                if await active() == count:
                    return
                await asyncio.sleep(0.05)
            pytest.fail(f"never were {count} statements running")

        yield until
