"""The whole chain as processes, a proxy that can misbehave on every link, and what must hold after a fault.

::

    asker ──browser──▶ backend ──model──▶ model server (scripted)
                         │ ▲
                       store │ agent
                         ▼ │
                  PostgreSQL │            agent ──database──▶ PostgreSQL
                             └──────────── agent
"""

import json
import os
import re
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg.conninfo import make_conninfo

from cli.children import Child, ChildFailed
from cli.errors import ApiProblem, ApiUnreachable, CommandError
from cli.http import Backend, Json
from embedded.ports import free_port
from embedded.postgres import EmbeddedPostgres
from graph.events import RUN_EVENT
from graph.fold import fold
from tests.faults.intermediaries import Buffering, Tunnel
from tests.faults.model import Manner, ModelServer
from tests.faults.proxy import Direction, FaultProxy, Loop

PATIENCE_SECONDS = 90.0
"""A hang limit: what takes longer on the busiest machine has stopped."""
RETURN_SECONDS = 45
"""How long a statement waits for its agent, here. No test is about this patience: it has to be longer than
the busiest machine takes to start a process, or a run ends as ``agent_lost`` that nothing was wrong with."""
RUN_SECONDS = 150
"""As long as that, a hold, and a second hold; for the same reason."""
NOTICE_SECONDS = 40.0
"""The same for what PostgreSQL is to notice before the lock's own timeout ends it, ``lock_seconds`` below."""
ORPHAN_SECONDS = 20.0
"""After so long no statement of a run that has ended may be left in PostgreSQL."""
MEMORY_SLACK_MB = 64.0
FILES_SLACK = 16

SCHEMA = """
CREATE TABLE staff (id integer PRIMARY KEY, name text NOT NULL, title text NOT NULL);
INSERT INTO staff SELECT g, 'Person ' || g, (ARRAY['Engineer', 'Clerk'])[1 + g % 2]
FROM generate_series(1, 1000) AS g;
CREATE TABLE wide (id integer PRIMARY KEY, body text NOT NULL);
INSERT INTO wide SELECT g, repeat(md5(g::text), 64) FROM generate_series(1, 4000) AS g;
CREATE TABLE held (id integer PRIMARY KEY);
INSERT INTO held VALUES (1), (2), (3);
ANALYZE;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
"""
ROLE = """
CREATE ROLE reader LOGIN PASSWORD 'read' NOINHERIT;
ALTER ROLE reader SET log_statement = 'all';
"""
POLICY = """
version = 1
name = "faults"
default = "allow"
[limits]
statement_seconds = 100
lock_seconds = 60
rows = 100000
bytes = 64000000
concurrent = 4
per_minute = 100000
"""
TERMINAL = ("answered", "refused", "clarified", "run_failed", "run_cancelled")
HELD = "SELECT count(*) FROM held"
"""Runs exactly as long as ``Plant.holding``."""
WIDE = "SELECT id, body FROM wide"
WIDE_ROWS = 4000
"""Some eight megabytes."""


class Broken(AssertionError):
    """An invariant does not hold."""


@dataclass
class Ledger:
    """What the backend asked of the agent, read off the wire: each statement and attempt, by run."""

    told: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    _rest: dict[int, bytes] = field(default_factory=dict)
    """What may be the beginning of a message, by connection: one that breaks off in the middle of a message
    leaves half of it, which must not be read together with what another connection brings."""
    _EXECUTE = re.compile(
        rb'"statement_id":"([\w-]+)","attempt":(\d+),"sql":"(?:[^"\\]|\\.)*","sql_digest":"[0-9a-f]+",'
        rb'"type":"(?:execute|export)","run_id":"([\w-]+)"'
    )

    def tap(self, connection: int, way: Direction, data: bytes) -> None:
        if way == "up":
            return
        text = self._rest.get(connection, b"") + data
        last = 0
        for found in self._EXECUTE.finditer(text):
            last = found.end()
            statement, attempt, run = (part.decode() for part in found.groups())
            self.told.setdefault(run, set()).add((statement, int(attempt)))
        self._rest[connection] = text[last:][-64_000:]


@dataclass
class Baseline:
    """What the processes held when nothing was going on."""

    tasks: dict[str, int]
    files: dict[str, int]
    memory: dict[str, float]


class Plant:
    """Everything, started on entry and gone on exit.

    Args:
        postgres: holds the customer's database, and the store unless ``folder`` is given.
        loop: of the proxies.
        databases: names of the customer's and of the store's, where several plants share a server.
        store_folder: the store is a file there; None keeps it in PostgreSQL, behind a proxy of its own.
    """

    def __init__(
        self,
        postgres: EmbeddedPostgres,
        loop: Loop,
        *,
        store_folder: Path | None = None,
        databases: tuple[str, str] = ("work", "store"),
    ) -> None:
        self.postgres = postgres
        self.model = ModelServer()
        self.ledger = Ledger()
        self.connection_id = ""
        self.runs: list[str] = []
        self._loop = loop
        self._store_folder = store_folder
        self.work, self.store_name = databases
        self.parts = ExitStack()
        self._children: dict[str, Child] = {}
        self._environment: dict[str, dict[str, str]] = {}
        self._checked = 0

    def __enter__(self) -> "Plant":
        try:
            self._start()
        except BaseException:
            self.parts.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.parts.close()

    # --- parts ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self.folder = Path(self.parts.enter_context(tempfile.TemporaryDirectory(prefix="custard-faults-")))
        self.parts.callback(self.model.close)
        self._databases()
        self.database = self.proxy("database", ("127.0.0.1", self.postgres.port))
        self.store = self.proxy("store", ("127.0.0.1", self.postgres.port))
        self.language = self.proxy("model", self.model.address)
        port = free_port()
        self.browser = self.proxy("browser", ("127.0.0.1", port))
        self.wire = self.proxy("agent", ("127.0.0.1", port), tap=self.ledger.tap)
        self.direct = f"http://127.0.0.1:{port}"
        self.look = self.parts.enter_context(Backend(self.direct))
        self._environment["backend"] = self._backend_environment(port)
        self.prepare()
        self.launch("backend")
        self.await_backend()
        with Backend(self.direct) as backend:
            made = backend.post("/api/v1", {"name": "Faults"})
            self.connection_id = str(made["connection_id"])
        self._environment["agent"] = self.agent_environment(self.join())
        self.launch("agent")
        self.await_online()

    def prepare(self) -> None:
        """What a larger plant has besides, before the backend starts."""

    def tell(self, name: str, environment: dict[str, str]) -> None:
        """Tell a process more when it starts the next time."""
        self._environment[name] |= environment

    def _databases(self) -> None:
        with psycopg.connect(self.postgres.dsn(), autocommit=True) as conn:
            for name in (self.work, self.store_name):
                conn.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
                conn.execute(f"CREATE DATABASE {name}".encode())
            if conn.execute("SELECT 1 FROM pg_roles WHERE rolname = 'reader'").fetchone() is None:
                conn.execute(ROLE)
        with psycopg.connect(self.postgres.dsn(self.work), autocommit=True) as conn:
            conn.execute(SCHEMA)

    def proxy(self, name: str, target: tuple[str, int], **more: Any) -> FaultProxy:
        proxy = FaultProxy(self._loop, target, name=name, **more)
        self.parts.callback(proxy.close)
        return proxy

    @contextmanager
    def tunnel(self) -> Iterator[Tunnel]:
        """A proxy that takes ``CONNECT``, before the agent's link."""
        tunnel = Tunnel(self._loop, ("127.0.0.1", self.wire.port), name="tunnel")
        try:
            yield tunnel
        finally:
            tunnel.close()

    @contextmanager
    def buffered(self, *, stubborn: bool) -> Iterator[None]:
        """A reverse proxy on the browser's link that holds responses back."""
        behind = self.browser.target
        proxy = Buffering(self._loop, behind, name="buffering", stubborn=stubborn)
        self.browser.target = ("127.0.0.1", proxy.port)
        try:
            yield
        finally:
            self.browser.target = behind
            proxy.close()

    def _backend_environment(self, port: int) -> dict[str, str]:
        if self._store_folder is not None:
            store = {"CUSTARD_STORE_PATH": str(self._store_folder / "custard.db")}
        else:
            store = {"CUSTARD_DATABASE_URL": _through(self.postgres.dsn(self.store_name), self.store.port)}
        return store | {
            "CUSTARD_HOME": str(self.folder),
            "CUSTARD_HOST": "127.0.0.1",
            "CUSTARD_PORT": str(port),
            "CUSTARD_MODEL_BASE_URL": f"http://127.0.0.1:{self.language.port}/v1",
            "CUSTARD_MODEL_NAME": "scripted",
            "CUSTARD_MODEL_TIMEOUT_SECONDS": "10",
            "CUSTARD_RECONNECT_SECONDS": str(RETURN_SECONDS),
            "CUSTARD_ABANDON_SECONDS": "10",
            "CUSTARD_RUN_SECONDS": str(RUN_SECONDS),
            "CUSTARD_STATEMENT_SECONDS": "110",
            "CUSTARD_MAX_ROWS": "100000",
            "CUSTARD_MAX_RESULT_BYTES": "64000000",
            "CUSTARD_DRAIN_SECONDS": "1",
            "CUSTARD_ALLOWED_HOSTS": "backend.internal",
            "FAULTS_REPORT": str(self.folder / "backend.json"),
        }

    def agent_environment(self, token: str, name: str = "agent") -> dict[str, str]:
        """For an agent with this token. Its folder is its own, as is its report."""
        home = self.folder / name
        home.mkdir(exist_ok=True)
        policy = home / "policy.toml"
        if not policy.exists():
            policy.write_text(POLICY)
        dsn = make_conninfo(
            _through(self.postgres.dsn(self.work), self.database.port), user="reader", password="read"
        )
        return {
            "CUSTARD_AGENT_HOME": str(home),
            "CUSTARD_AGENT_HEALTH_FILE": str(home / "health"),
            "CUSTARD_AGENT_SERVER": f"http://127.0.0.1:{self.wire.port}",
            "CUSTARD_AGENT_TOKEN": token,
            "CUSTARD_AGENT_DSN": dsn,
            "CUSTARD_AGENT_POLICY": str(policy),
            "FAULTS_REPORT": str(self.folder / f"{name}.json"),
        }

    @property
    def policy_file(self) -> Path:
        return Path(self._environment["agent"]["CUSTARD_AGENT_POLICY"])

    def join(self) -> str:
        """Another agent's token."""
        with Backend(self.direct) as backend:
            code = backend.post(f"/api/v1/connections/{self.connection_id}/join-code")["join_code"]
            return str(backend.post("/api/v1/agents/join", {"join_code": code})["token"])

    def launch(self, name: str, environment: dict[str, str] | None = None) -> Child:
        """Start a process (again); ``environment`` for one that has none yet."""
        if environment is not None:
            self._environment[name] = environment
        kind = "backend" if name.startswith("backend") else "agent"
        log = self.folder / f"{name}-{time.monotonic_ns()}.log"
        child = Child(name, ["tests.faults.process", kind], self._environment[name], log)
        self._children[name] = child
        self.parts.callback(child.stop, 5.0)
        return child

    def environment(self, name: str) -> dict[str, str]:
        """What that process was, or is to be, told."""
        return dict(self._environment[name])

    @property
    def processes(self) -> list[str]:
        """The names of all that were ever started."""
        return list(self._children)

    def child(self, name: str) -> Child:
        return self._children[name]

    def kill(self, name: str) -> None:
        """SIGKILL, and wait until it is gone."""
        process = self._children[name].process
        process.kill()
        process.wait()

    def stop(self, name: str) -> None:
        """SIGTERM, and wait until it is gone."""
        self._children[name].stop(PATIENCE_SECONDS)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """SIGSTOP for a while: the sockets stay, and nobody answers."""
        pid = self._children[name].process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Statements on ``held`` run for so long, and end when this does."""
        with psycopg.connect(self.postgres.dsn(self.work)) as conn:
            conn.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
            yield
            with suppress(psycopg.Error):
                conn.rollback()

    def kill_postgres(self) -> None:
        """SIGKILL to the server, which takes the store along when that is there."""
        pid = self.postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await_(lambda: self.postgres.pid is None, "PostgreSQL to be gone")

    def logs(self, name: str) -> str:
        """All that the processes of this name have said."""
        return "\n".join(log.read_text(errors="replace") for log in sorted(self.folder.glob(f"{name}-*.log")))

    def audit(self, event: str) -> list[Json]:
        """What the backend's log tells for the books, of this kind."""
        lines = [json.loads(line) for line in self.logs("backend").splitlines() if '"audit": true' in line]
        return [line for line in lines if line["event"] == event]

    def teach(self) -> None:
        """What the model says to the questions that most tests ask."""
        says = self.model.answers.says
        says(r"id below (\d+)", lambda found: f"SELECT count(*) FROM staff WHERE id < {found[1]}")
        says(r"How many held", HELD)
        says(r"All the wide bodies", WIDE)

    def mend(self) -> None:
        """Whatever a test broke is whole again."""
        self.model.manner = Manner()
        for proxy in (self.database, self.store, self.language, self.browser, self.wire):
            proxy.clear()
            proxy.accept()
        self.postgres.revive()
        for name in [one for one in self._children if one != "agent" and not one.startswith("backend")]:
            self.stop(name)
        for name in ("backend", "agent"):
            if self._children[name].process.poll() is not None:
                self.launch(name)
        self.await_backend()
        try:
            self.await_online()
        except ChildFailed:  # Bits that turned over may have told it to leave.
            self.launch("agent")
            self.await_online()

    # --- asking --------------------------------------------------------------------------------------------

    def client(self, *, direct: bool = False) -> Backend:
        """To ask with: through the browser's link, or past it."""
        return Backend(self.direct if direct else f"http://127.0.0.1:{self.browser.port}")

    def start(self, question: str, *, patient: bool = True, at: str | None = None, **more: object) -> str:
        """Ask, and return the run's id at once.

        Args:
            patient: ask again for a while where it is refused, as the refusal says one should.
            at: whom; None is the first backend.
        """
        # A refusal may be about the answer alone: with its key, what had begun is found and not done twice.
        key = {"idempotency_key": uuid4().hex}
        body = {"connection_id": self.connection_id, "question": question, **key, **more}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with Backend(at or self.direct) as backend:
                    run_id = str(
                        backend.post("/api/v1/query", body, prefer="respond-async, detached")["run_id"]
                    )
            except (ApiProblem, ApiUnreachable):
                if not patient or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                self.runs.append(run_id)
                return run_id

    def finish(self, run_id: str) -> Json:
        """Wait for the run's end; the run."""
        ended: list[Json] = []

        def over() -> bool:
            with suppress(CommandError):
                run = self.look.get(f"/api/v1/runs/{run_id}")
                if run["status"] not in ("queued", "running"):
                    ended.append(run)
            return bool(ended)

        await_(over, f"{run_id} to end", seconds=RUN_SECONDS + 30)
        return ended[0]

    def rows(self, run: str | Json) -> list[list[Any]]:
        """The rows of the answer of a run, by its id waited for; a run without one says why it has none."""
        ended = self.finish(run) if isinstance(run, str) else run
        _hold(ended["answer"] is not None, f"no answer: {ended}")
        rows: list[list[Any]] = ended["answer"]["rows"]
        return rows

    def ask(self, question: str, **more: Any) -> Json:
        """Ask, and wait for the run's end."""
        return self.finish(self.start(question, **more))

    def events(self, run_id: str, after: int = 0) -> list[Json]:
        with self.client(direct=True) as backend:
            return list(backend.events(run_id, after))

    def stop_run(self, run_id: str) -> None:
        with self.client(direct=True) as backend:
            backend.post(f"/api/v1/runs/{run_id}/cancel")

    def await_event(self, run_id: str, kind: str) -> None:
        """Until the run has got so far."""

        def there() -> bool:
            with suppress(CommandError):
                run = self.look.get(f"/api/v1/runs/{run_id}")
                return any(event["type"] == kind for event in run["events"])
            return False

        await_(there, f"{kind} of {run_id}")

    def await_statement(self, count: int = 1) -> None:
        """Until so many statements of the agent's run in PostgreSQL."""
        await_(lambda: self.busy() >= count, "a statement to run")

    def await_backend(self) -> None:
        def answers() -> bool:
            self._children["backend"].check()
            with suppress(CommandError):
                return bool(self.look.get("/health"))
            return False

        await_(answers, "the backend to answer")

    def await_online(self, name: str = "agent") -> None:
        """Until an agent serves; the process of this name must live."""

        def online() -> bool:
            self._children[name].check()
            with suppress(CommandError):
                shown = self.look.get(f"/api/v1/connections/{self.connection_id}")
                return shown["agent"]["status"] == "online" and shown["tables"] is not None
            return False

        await_(online, "the agent to be online")

    def agent_status(self) -> str:
        return str(self.look.get(f"/api/v1/connections/{self.connection_id}")["agent"]["status"])

    # --- what must hold ------------------------------------------------------------------------------------

    @property
    def servers(self) -> list[EmbeddedPostgres]:
        """Those of the customer's database that run."""
        return [self.postgres]

    def busy(self) -> int:
        """Statements of runs that PostgreSQL is at, or that hold a transaction open."""
        # Of runs: the agent reads for its index of values as well, and when is its own affair.
        return self._sessions("state <> 'idle' AND starts_with(application_name, 'custard-agent/run_')")

    def waiting(self) -> int:
        """How many of them wait for a lock."""
        return self._sessions("wait_event_type = 'Lock'")

    def _sessions(self, such: LiteralString) -> int:
        """The agent's sessions of which this is true, on every server."""
        found = 0
        for server in self.servers:
            with psycopg.connect(server.dsn(), autocommit=True) as conn:
                row = conn.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE usename = 'reader' AND datname = %s AND " + such,
                    [self.work],
                ).fetchone()
            assert row is not None
            found += int(row[0])
        return found

    def postgres_log(self) -> str:
        """All that the server has said."""
        return (self.postgres.data.parent / "postgres.log").read_text(errors="replace")

    def report(self, name: str) -> Json:
        """How many tasks and files a process has, by its own word."""
        path = Path(self._environment[name]["FAULTS_REPORT"])
        path.unlink(missing_ok=True)
        os.kill(self._children[name].process.pid, signal.SIGUSR1)
        await_(path.exists, f"the {name}'s report")
        told: Json = json.loads(path.read_text())
        return told

    def memory(self, name: str) -> float:
        """Resident megabytes."""
        status = Path(f"/proc/{self._children[name].process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def at_rest(self) -> Baseline:
        """What the processes hold now; take it when nothing is going on, after a first question.

        An agent that is still coming back after the test before holds less than it will.
        """
        self.await_online()
        names = ("backend", "agent")
        told = {name: self.report(name) for name in names}
        return Baseline(
            tasks={name: int(told[name]["tasks"]) for name in names},
            files={name: int(told[name]["files"]) for name in names},
            memory={name: self.memory(name) for name in names},
        )

    def executions(self) -> Counter[str]:
        """How often PostgreSQL was given a statement to run, by run."""
        return Counter(re.findall(r"custard-agent/(\S+) LOG:  .*DECLARE \"custard\"", self.postgres_log()))

    def check(self, *, baseline: Baseline | None = None) -> list[Json]:
        """Every invariant of performance.md §5, for the runs since the last check; the runs.

        Raises:
            Broken: one does not hold.
        """
        fresh, self._checked = self.runs[self._checked :], len(self.runs)
        runs = [self._one_ending(run_id) for run_id in fresh]
        self._at_most_once(fresh)
        await_(lambda: self.busy() == 0, "PostgreSQL to be left alone", seconds=ORPHAN_SECONDS)
        if baseline is not None:
            self._back_to(baseline)
        return runs

    def _one_ending(self, run_id: str) -> Json:
        run = self.finish(run_id)
        events = self.events(run_id)
        positions = [event["type"] for event in events]
        ends = [kind for kind in positions if kind in TERMINAL]
        _hold(len(ends) == 1, f"{run_id} has {len(ends)} endings: {positions}")
        _hold(positions[-1] in TERMINAL, f"{run_id} goes on after its end: {positions}")
        folded = fold(RUN_EVENT.validate_python(event) for event in events)
        _hold(folded is not None and json.loads(folded.model_dump_json()) == run, f"{run_id}: fold differs")
        if run["status"] == "failed":
            problem = run["problem"]
            _hold(bool(problem["code"] and problem["message"]), f"{run_id} says nothing: {problem}")
            _hold(bool(problem["hint"]), f"{run_id} does not say what to do: {problem}")
            _hold(
                problem["code"] != "internal",
                f"{run_id} met an error of ours: {self.logs('backend')[-3000:]}",
            )
        return run

    def _at_most_once(self, run_ids: list[str]) -> None:
        ran = self.executions()
        for run_id in run_ids:
            told = len(self.ledger.told.get(run_id[:40], self.ledger.told.get(run_id, ())))
            _hold(
                ran[run_id[:40]] <= told, f"{run_id} was told {told} times and ran {ran[run_id[:40]]} times"
            )

    def _back_to(self, before: Baseline) -> None:
        told: dict[str, Json] = {}

        def settled() -> bool:
            for name in before.tasks:
                told[name] = self.report(name)
                if int(told[name]["tasks"]) > before.tasks[name] + 2:
                    return False
                if int(told[name]["files"]) > before.files[name] + FILES_SLACK:
                    return False
            return True

        try:
            await_(settled, "tasks and files to go")
        except AssertionError as error:
            raise Broken(f"tasks or files stay: {before} {told}") from error
        for name, megabytes in before.memory.items():
            now = self.memory(name)
            _hold(now < megabytes + MEMORY_SLACK_MB, f"{name} grew from {megabytes:.0f} to {now:.0f} MB")


def await_(true: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Broken(f"waited {seconds:g} s for {what}")
        time.sleep(0.04)


def _hold(true: bool, otherwise: str) -> None:
    if not true:
        raise Broken(otherwise)


def _through(dsn: str, port: int) -> str:
    return make_conninfo(dsn, host="127.0.0.1", port=port)
