"""The poisoned database and the whole chain over it, with ears on every way out."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from cli.children import Child
from cli.errors import ApiProblem, ApiUnreachable
from cli.http import Backend
from embedded.ports import free_port
from embedded.postgres import EmbeddedPostgres
from tests.canary.recorders import TraceCollector, WireRecorder

HERE = Path(__file__).parent
CANARY = b"CANARY"
"""What only denied columns, hidden rows and the hidden part of masked values hold."""
CONTROL = b"VISIBLE-7"
"""What a value holds that everybody may see: an ear that has not heard it is deaf."""
PATIENCE_SECONDS = 120.0
_STATE = """
SELECT (SELECT md5(string_agg(o::text, '|' ORDER BY id)) FROM shop.orders o),
       (SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM shop.customers c),
       (SELECT md5(string_agg(s::text, '|' ORDER BY id)) FROM hr.salaries s),
       (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM pg_roles)
"""


@dataclass
class Town:
    """The chain, and what was heard of it."""

    url: str
    connection_id: str
    owner: str
    """The superuser's connection string, which nothing of the chain has."""
    wire: WireRecorder
    traces: TraceCollector
    folder: Path
    said: list[bytes] = field(default_factory=list)
    """What the backend answered over HTTP and SSE."""

    def ask(self, question: str, thread_id: str | None = None) -> dict[str, Any]:
        """One question to its end; everything that the backend says about it is kept."""
        body = {"connection_id": self.connection_id, "question": question}
        if thread_id:
            body["thread_id"] = thread_id
        with Backend(self.url) as backend:
            run_id = backend.post("/api/v1/query", body, prefer="respond-async")["run_id"]
            self.said.append(json.dumps(list(backend.events(run_id)), ensure_ascii=False).encode())
            run: dict[str, Any] = backend.get(f"/api/v1/runs/{run_id}")
            self.said.append(json.dumps(run, ensure_ascii=False).encode())
            with suppress(ApiProblem):
                result = backend.get(f"/api/v1/runs/{run_id}/result?format=json")
                self.said.append(json.dumps(result, ensure_ascii=False).encode())
        return run

    def state(self) -> Any:
        """What a write would have changed."""
        with psycopg.connect(self.owner) as conn:
            # Counted with the commit, and not some time after: ``reads`` counts scans.
            conn.execute("SELECT pg_stat_force_next_flush()")
            return conn.execute(_STATE).fetchone()

    def reads(self) -> int:
        """How often anybody has scanned the denied table."""
        time.sleep(1.5)  # the server's processes report their scans at most once a second
        with psycopg.connect(self.owner, autocommit=True) as conn:
            found = conn.execute(
                "SELECT coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0) FROM pg_stat_user_tables"
                " WHERE schemaname = 'hr'"
            ).fetchone()
        assert found is not None
        return int(found[0])

    def heard(self) -> dict[str, bytes]:
        """All that left the database's side, by where it was heard."""
        return {
            "frames from the agent": b"\n".join(self.wire.up),
            "frames to the agent": b"\n".join(self.wire.down),
            "HTTP and SSE": b"\n".join(self.said),
            "traces": b"\n".join(self.traces.bodies),
            "store": b"".join(path.read_bytes() for path in sorted(self.folder.glob("custard.db*"))),
            "backend's log": (self.folder / "backend.log").read_bytes(),
            "agent's log": (self.folder / "agent.log").read_bytes(),
        }


@contextmanager
def town(postgres: EmbeddedPostgres, model_url: str, model_name: str) -> Iterator[Town]:
    """Everything, started and stopped."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS town WITH (FORCE)")
        conn.execute("DROP ROLE IF EXISTS reader")
        conn.execute("CREATE DATABASE town")
    with psycopg.connect(postgres.dsn("town")) as conn:
        conn.execute((HERE / "town.sql").read_bytes())
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="custard-canary-")))
        traces = TraceCollector()
        parts.callback(traces.close)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        backend = Child(
            "backend",
            ["cli", "up"],
            {
                "CUSTARD_HOME": str(folder),
                "CUSTARD_STORE_PATH": str(folder / "custard.db"),
                "CUSTARD_HOST": "127.0.0.1",
                "CUSTARD_PORT": str(port),
                "CUSTARD_LOG_LEVEL": "debug",
                "CUSTARD_MODEL_BASE_URL": model_url,
                "CUSTARD_MODEL_NAME": model_name,
                "LANGSMITH_TRACING": "true",
                "LANGSMITH_API_KEY": "not-a-key",
                "LANGSMITH_ENDPOINT": traces.url,
                "LANGSMITH_DISABLE_RUN_COMPRESSION": "true",
            },
            folder / "backend.log",
        )
        parts.callback(backend.stop, 10.0)
        with Backend(url) as client:
            _await(lambda: client.get("/health"), backend)
            connection = client.post("/api/v1/connections", {"name": "Town"})
            joined = client.post("/api/v1/agents/join", {"join_code": connection["join_code"], "name": "a"})
            wire = WireRecorder(port)
            parts.callback(wire.close)
            agent = Child(
                "agent",
                ["agent", "run"],
                {
                    "CUSTARD_AGENT_HOME": str(folder),
                    "CUSTARD_AGENT_HEALTH_FILE": str(folder / "health"),
                    "CUSTARD_AGENT_SERVER": f"http://127.0.0.1:{wire.port}",
                    "CUSTARD_AGENT_TOKEN": str(joined["token"]),
                    "CUSTARD_AGENT_LOG_LEVEL": "debug",
                    "CUSTARD_AGENT_POLICY": str(HERE / "policy.toml"),
                    # The role may read all that is denied: only the gate stands between it and the model.
                    "CUSTARD_AGENT_DSN": make_conninfo(postgres.dsn("town"), user="reader", password="read"),
                    "CUSTARD_AGENT_ACCEPT_DANGERS": '["sees_more"]',
                },
                folder / "agent.log",
            )
            parts.callback(agent.stop, 10.0)

            def online() -> None:
                shown = client.get(f"/api/v1/connections/{connection['connection_id']}")
                if shown["agent"]["status"] != "online" or shown["tables"] is None:
                    raise ApiUnreachable("not yet")

            _await(online, agent)
        opened = Town(url, connection["connection_id"], postgres.dsn("town"), wire, traces, folder)
        with Backend(url) as client:
            schema = client.get(f"/api/v1/connections/{opened.connection_id}/schema")
            opened.said.append(json.dumps(schema, ensure_ascii=False).encode())
        yield opened


def _await(attempt: Any, child: Child) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        child.check()
        try:
            attempt()
            return
        except (ApiUnreachable, ApiProblem):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
