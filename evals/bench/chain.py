"""The whole chain as processes of their own: one backend or several, and an agent over a database, joined."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from embedded.nats_server import NatsServer
from embedded.postgres import EmbeddedPostgres

ROLE = "bench_agent"
POLICY = """
version = 1
name = "bench"
default = "allow"
[limits]
rows = 1000
per_minute = 1000000
concurrent = 8
[exports]
rows = 1000000000
bytes = 1000000000000
seconds = 3600
"""
START_SECONDS = 180.0
"""Generous: on a busy machine imports alone take a while."""
Way = Callable[[str], AbstractContextManager[str]]
"""From the backend's address to another under which its agent reaches it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A running chain."""

    url: str
    """Of the backend that holds the agent."""
    connection_id: str
    backend_pid: int
    agent_pid: int
    others: tuple[str, ...] = ()
    """Of further replicas."""
    agents: int = 1
    """With several, each replica has one; else the others have none."""

    def ask(self, question: str) -> str:
        """Ask, and return the run's path. Raises ``RuntimeError`` when it does not succeed."""
        with httpx2.Client(base_url=self.url, timeout=120, trust_env=False) as http:
            return f"/api/v1/runs/{self.answered(http, question)['run_id']}"

    def answered(self, http: httpx2.Client, question: str) -> dict[str, Any]:
        """Ask, and return the run. Raises as ``ask``."""
        body = {"connection_id": self.connection_id, "question": question}
        run: dict[str, Any] = http.post("/api/v1/query", json=body).json()
        if run.get("status") != "succeeded":
            raise RuntimeError(f"The question did not succeed: {run.get('problem') or run}")
        return run


def make_role(server: EmbeddedPostgres, database: str = "postgres") -> str:
    """A role as an agent should have, for all that the schema ``bench`` will hold; its connection string."""
    with psycopg.connect(server.dsn(database), autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'bench' NOINHERIT".encode())
        conn.execute("CREATE SCHEMA IF NOT EXISTS bench")
        conn.execute(f"GRANT USAGE ON SCHEMA bench TO {ROLE}".encode())
        conn.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA bench TO {ROLE}".encode())
        given = f"ALTER DEFAULT PRIVILEGES IN SCHEMA bench GRANT SELECT ON TABLES TO {ROLE}"
        conn.execute(given.encode())
        conn.execute(f'REVOKE TEMPORARY, CREATE ON DATABASE "{database}" FROM PUBLIC'.encode())
    return server.dsn(database, user=ROLE, password="bench")  # noqa: S106  # of a server that lives for a minute, on a socket


@contextmanager
def running_chain(dsn: str, *, asked: str | None = None, way: Way | None = None) -> Iterator[Chain]:
    """A backend and an agent, both ended at the end.

    Args:
        dsn: of the agent's role.
        asked: what questions are instead, of ``evals.bench.pipelines``; then no model is asked.
        way: by which the agent reaches the backend; None means the direct one.
    """
    with tempfile.TemporaryDirectory(prefix="custard-bench-") as folder, ExitStack() as parts:
        home = Path(folder)
        url, pid = parts.enter_context(running_backend(home, asked=asked))
        through = None if way is None else parts.enter_context(way(url))
        yield parts.enter_context(_joined(home, dsn, url, pid, through=through))


@contextmanager
def running_replicas(
    dsn: str, store: str, *, count: int = 2, asked: str | None = None, agent_each: bool = False
) -> Iterator[Chain]:
    """Several backends over one PostgreSQL and one NATS; the agent knows the first of them alone.

    Args:
        store: connection string of an empty database.
        agent_each: the others have an agent of the same connection too.
    """
    with tempfile.TemporaryDirectory(prefix="custard-bench-") as folder, ExitStack() as parts:
        nats = parts.enter_context(NatsServer())
        shared = {"CUSTARD_DATABASE_URL": store, "CUSTARD_NATS_URL": nats.url}
        backends = []
        for number in range(count):
            home = Path(folder) / f"replica-{number}"
            home.mkdir()
            backends.append(parts.enter_context(running_backend(home, asked=asked, environment=shared)))
        others = tuple(url for url, _ in backends[1:])
        chain = parts.enter_context(_joined(Path(folder), dsn, *backends[0], others))
        if agent_each:
            for number, url in enumerate(others, 1):
                parts.enter_context(_another(Path(folder) / f"agent-{number}", dsn, url, chain.connection_id))
            chain = replace(chain, agents=count)
        yield chain


@contextmanager
def running_backend(
    home: Path, *, asked: str | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """A backend alone; its address and process id.

    Args:
        environment: of its settings; without, it keeps its store in ``home`` and knows no other backend.
    """
    command = [sys.executable, "-m", "evals.bench.backend", str(home), *([asked] if asked else [])]
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CUSTARD_DATABASE_URL", "CUSTARD_NATS_URL")
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**own, **(environment or {})}
    ) as backend:
        assert backend.stdout is not None
        try:
            url = backend.stdout.readline().strip()
            with httpx2.Client(base_url=url, timeout=30, trust_env=False) as http:
                until(lambda: http.get("/health").status_code == 200)
            yield url, backend.pid
        finally:
            backend.terminate()


@contextmanager
def _joined(
    home: Path, dsn: str, url: str, pid: int, others: tuple[str, ...] = (), *, through: str | None = None
) -> Iterator[Chain]:
    """An agent that has joined a new connection and told its tables."""
    (home / "policy.toml").write_text(POLICY, encoding="utf-8")
    with httpx2.Client(base_url=url, timeout=30, trust_env=False) as http:
        made = http.post("/api/v1", json={"name": "bench"}).json()
        token = http.post("/api/v1/agents/join", json={"join_code": made["join_code"]}).json()["token"]
        with _agent(home, through or url, token, dsn) as agent:
            path = f"/api/v1/connections/{made['connection_id']}"
            until(lambda: bool(http.get(path).json()["fingerprint"]))
            yield Chain(url, made["connection_id"], pid, agent.pid, others)


@contextmanager
def _another(home: Path, dsn: str, url: str, connection_id: str) -> Iterator[None]:
    """One more agent of a connection, attached to the replica at this address."""
    home.mkdir()
    (home / "policy.toml").write_text(POLICY, encoding="utf-8")
    with httpx2.Client(base_url=url, timeout=30, trust_env=False) as http:
        code = http.post(f"/api/v1/connections/{connection_id}/join-code").json()["join_code"]
        token = http.post("/api/v1/agents/join", json={"join_code": code}).json()["token"]
        with _agent(home, url, token, dsn):
            path = f"/api/v1/connections/{connection_id}/agents"
            until(lambda: _online(http.get(path).json()) > 1)
            yield


def _online(listed: dict[str, Any]) -> int:
    return sum(agent["status"] == "online" for agent in listed["agents"])


@contextmanager
def _agent(home: Path, url: str, token: str, dsn: str) -> Iterator["subprocess.Popen[bytes]"]:
    environment = {
        **os.environ,
        "CUSTARD_AGENT_HOME": str(home / "agent"),
        "CUSTARD_AGENT_HEALTH_FILE": str(home / "health"),
        "CUSTARD_AGENT_SERVER": url,
        "CUSTARD_AGENT_TOKEN": token,
        "CUSTARD_AGENT_DSN": dsn,
        "CUSTARD_AGENT_POLICY": str(home / "policy.toml"),
        "CUSTARD_AGENT_ACCEPT_DANGERS": '["sees_more", "creates"]',
        "CUSTARD_AGENT_LOG_LEVEL": "error",
    }
    with subprocess.Popen([sys.executable, "-m", "agent", "run"], env=environment) as agent:
        try:
            yield agent
        finally:
            agent.terminate()


def until(check: Callable[[], bool], *, pause: float = 0.05) -> None:
    """Wait until it is so. Raises ``TimeoutError`` after ``START_SECONDS``."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if check():
                return
        except (httpx2.HTTPError, KeyError):
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"It had not come about after {START_SECONDS:g} seconds.")
        time.sleep(pause)
