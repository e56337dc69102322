"""The whole system on embedded parts: PostgreSQL with the demo database, model, backend, agent.

Each part is a process of its own and speaks to the others as it would anywhere else. The parts that take long
are started side by side, and everything stops in the reverse order of what needs what.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from cli.children import Child, ChildFailed
from cli.console import Line, err, work
from cli.errors import ApiProblem, ApiUnreachable, CommandError, UsageError
from cli.http import Backend
from embedded.ports import PORT_ATTEMPTS, free_port, is_free

if TYPE_CHECKING:
    from embedded.model import LocalModelServer
    from embedded.postgres import EmbeddedPostgres, ExternalPostgres

DEMO_CONNECTION = "Bluefin Software"
ENROLMENT_FILE = "demo-agent.json"
START_SECONDS = 120.0
"""After this long without a sign of life a part is said not to start."""
HEALTH_SECONDS = 5.0
"""What listens and says nothing for so long may be a stranger: see whether our backend runs at all."""


class PortInUse(UsageError):
    """Something else listens on the port."""


class StartFailed(CommandError):
    """A part did not come up in time."""

    code = "start_failed"


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which model answers: an OpenAI-compatible server, or the one that comes with Custard."""

    small: bool = False
    path: Path | None = None
    """A GGUF file of the user's own."""

    @property
    def configured(self) -> bool:
        """Whether the environment already names a model."""
        return bool(os.environ.get("CUSTARD_MODEL_BASE_URL") or os.environ.get("OPENAI_API_KEY"))


class Chain:
    """Starts everything on entry and stops it on exit.

    Args:
        port: the backend's; None takes any free one.
        model: which model to use.
        folder: where the backend keeps its store.
        studio: serve the backend inside LangGraph Studio's server.
    """

    def __init__(self, *, port: int | None, model: ModelChoice, folder: Path, studio: bool = False) -> None:
        self._studio = studio
        self._chooses_port = port is None
        self._port = port if port is not None else free_port()
        self._choice = model
        self._folder = folder
        self._parts = ExitStack()
        self._children: list[Child] = []
        self._postgres: EmbeddedPostgres | ExternalPostgres | None = None
        self.connection_id = ""
        if port is not None and not is_free(port):
            raise PortInUse(
                f"Port {port} is in use.", "Stop what listens there, or choose another: custard demo --port N"
            )

    @property
    def url(self) -> str:
        """Where the backend answers."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Chain:
        for attempt in range(PORT_ATTEMPTS):
            try:
                self._start()
                break
            except BaseException as error:
                self._parts.close()
                if attempt == PORT_ATTEMPTS - 1 or not self._lost_port(error):
                    raise
            # Others were told the address that was lost: all of them start anew.
            self._children.clear()
            if self._chooses_port:
                self._port = free_port()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._parts.close()

    def _lost_port(self, error: BaseException) -> bool:
        """Whether somebody took a port in the moment between our choice and a part's own start."""
        from embedded.errors import PortLost

        if isinstance(error, PortLost):
            return True
        return isinstance(error, ChildFailed) and self._chooses_port and not is_free(self._port)

    def tend(self) -> None:
        """Start again what was killed: that costs seconds, and no question.

        Raises:
            ChildFailed: a part keeps ending.
            EmbeddedError: PostgreSQL does not start any more.
        """
        if self._postgres is not None and self._postgres.revive():
            err.print("[yellow]·[/] PostgreSQL had ended; it is started again.")
        for child in self._children:
            if child.revive():
                err.print(
                    f"[yellow]·[/] The {child.name} had ended; it is started again. Its log: {child.log}"
                )

    def _start(self) -> None:
        from embedded.demo import create_demo
        from embedded.postgres import demo_postgres

        model = self._start_model()
        backend = self._start_backend(model)
        with work("Demo database") as line:
            postgres = self._postgres = demo_postgres()
            postgres.start()
            self._parts.callback(postgres.stop)

            def progress(done: int, total: int) -> None:
                line.detail = f"{done:,} of {total:,} rows"

            demo = create_demo(postgres.dsn(), progress)
            line.detail = demo.summary
        with work("Backend") as line:
            self._await_backend(backend)
            line.detail = self.url
        with work("Agent online") as line:
            self._start_agent(demo.agent_dsn, demo.policy_toml, line)
        if model is not None:
            with work("Model") as line:
                model.wait()
                line.detail = f"{model.model_name}, on this machine"

    def _start_model(self) -> LocalModelServer | None:
        if self._choice.configured:
            return None
        from cli.download import show_download
        from embedded.model import LocalModelServer
        from embedded.runtime import require_runtime
        from embedded.weights import DEFAULT_MODEL, SMALL_MODEL, ensure_model

        require_runtime()
        path = self._choice.path
        if path is None:
            name = SMALL_MODEL if self._choice.small else DEFAULT_MODEL
            with show_download("Model weights") as progress:
                path = ensure_model(name, progress)
        server = LocalModelServer(path)
        self._parts.callback(server.stop)
        server.start(wait=False)
        return server

    def _start_backend(self, model: LocalModelServer | None) -> Child:
        environment = {
            "CUSTARD_PORT": str(self._port),
            "CUSTARD_HOST": "127.0.0.1",
            "CUSTARD_STORE_PATH": str(self._folder / "custard.db"),
        }
        if model is not None:
            environment |= {"CUSTARD_MODEL_BASE_URL": model.base_url, "CUSTARD_MODEL_NAME": model.model_name}
        if self._studio:
            arguments = ["langgraph_cli", "dev", "--no-browser", "--no-reload", "--port", str(self._port)]
        else:
            arguments = ["cli", "up"]
        return self._child("backend", arguments, environment)

    def _await_backend(self, child: Child) -> None:
        with Backend(self.url, seconds=HEALTH_SECONDS) as backend:
            for _ in _patience(child, "backend"):
                with suppress(ApiUnreachable, ApiProblem):
                    backend.get("/health")
                    return

    def _start_agent(self, dsn: str, policy: str, line: Line) -> None:
        policy_file = self._folder / "demo-policy.toml"
        policy_file.write_text(policy, encoding="utf-8")
        with Backend(self.url) as backend:
            self.connection_id, token = _enrol(backend, self._folder)
            child = self._child(
                "agent",
                ["agent", "run"],
                {
                    "CUSTARD_AGENT_SERVER": self.url,
                    "CUSTARD_AGENT_TOKEN": token,
                    "CUSTARD_AGENT_DSN": dsn,
                    "CUSTARD_AGENT_POLICY": str(policy_file),
                },
            )
            for _ in _patience(child, "agent"):
                shown = backend.get(f"/api/v1/connections/{self.connection_id}")
                if shown["agent"]["status"] == "online" and shown["tables"] is not None:
                    line.detail = f"{shown['tables']} tables and views, read-only"
                    return

    def _child(self, name: str, arguments: list[str], environment: dict[str, str]) -> Child:
        from embedded.paths import logs_dir

        log = logs_dir() / f"{name}-{os.getpid()}.log"
        child = Child(name, arguments, environment, log)
        self._children.append(child)
        self._parts.callback(child.stop)
        return child


def _enrol(backend: Backend, folder: Path) -> tuple[str, str]:
    """The demo's connection id and agent token, as an earlier start left them, else made now.

    The token lies in a file that only the user can read, as an agent's own would.
    """
    file = folder / ENROLMENT_FILE
    known = {c["connection_id"]: c for c in backend.get("/api/v1/connections")["connections"]}
    with suppress(OSError, ValueError, KeyError):
        kept = json.loads(file.read_text())
        if known[kept["connection_id"]]["agent"]["status"] != "revoked":
            return str(kept["connection_id"]), str(kept["token"])
    mine = next((c for c in known.values() if c["name"] == DEMO_CONNECTION), None)
    if mine is None:
        mine = backend.post("/api/v1/connections", {"name": DEMO_CONNECTION})
        code = mine["join_code"]
    else:
        code = backend.post(f"/api/v1/connections/{mine['connection_id']}/join-code")["join_code"]
    joined = backend.post("/api/v1/agents/join", {"join_code": code, "name": "demo"})
    kept = {"connection_id": str(mine["connection_id"]), "token": str(joined["token"])}
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as writing:
        json.dump(kept, writing)
    return kept["connection_id"], kept["token"]


def _patience(child: Child, what: str) -> Iterator[None]:
    """Turns to look again, until the child has ended or the time is up."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        yield
        child.check()
        time.sleep(0.1)
    said = "\n".join(child.tail())
    raise StartFailed(
        f"The {what} did not come up in {START_SECONDS:.0f} s.\n{said}", f"Its log: {child.log}"
    )
