"""A backend on a free port, an agent that is not one, and a pipeline that follows a script."""

import asyncio
import hashlib
import inspect
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.app import create_app
from api.bus.protocol import Bus
from api.server import Server, bind, make_server
from api.settings import Settings
from api.state import State
from graph.events import (
    AnswerDelta,
    Answered,
    Drafted,
    Executed,
    Executing,
    Linted,
    RunEvent,
    RunFailed,
    SqlDelta,
    StepFinished,
    StepStarted,
)
from graph.ports import Ports
from graph.record import Answer, Chart, Problem, Receipt, Turn
from graph.run import Run
from tests.patience import HANG_SECONDS
from wire.cases import CaseQuestion, CaseVerdict
from wire.frames import RowsFrame, TextRow, encode_body
from wire.messages import (
    SUBPROTOCOL,
    Accepted,
    Cancel,
    Cancelled,
    Cases,
    Columns,
    Credit,
    Drain,
    End,
    EndAck,
    ErrorMessage,
    Execute,
    Hello,
    InFlight,
    Introspect,
    Lookup,
    Score,
    Snapshot,
    StatementFailed,
    Suite,
    Unchanged,
    Values,
    Verdict,
    Welcome,
    parse_from_backend,
)
from wire.outcome import Failed, ResultColumn, Rows
from wire.policy import Limits, Share
from wire.snapshot import Column, ForeignKey, SchemaSnapshot, Table
from wire.values import Found

SQL = "SELECT count(*) FROM people.employees"


def now() -> datetime:
    return datetime.now(UTC)


# --- the pipeline ------------------------------------------------------------------------------------------


@dataclass
class Script:
    """A pipeline: drafts ``sql``, executes it, answers. Tests change what they need."""

    sql: str = SQL
    before: Callable[[], Awaitable[None]] | None = None
    raises: Exception | None = None
    silent: bool = False
    calls: list[dict[str, Any]] = field(default_factory=list)
    cancelled: int = 0

    async def __call__(
        self, ports: Ports, *, run_id: str, question: str, history: list[Turn], resume: Run | None = None
    ) -> AsyncGenerator[RunEvent, None]:
        self.calls.append({"question": question, "history": history, "resume": resume, "ports": ports})
        try:
            async for event in self._events(ports, run_id):
                yield event
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def _events(self, ports: Ports, run_id: str) -> AsyncIterator[RunEvent]:
        def fact(**values: Any) -> dict[str, Any]:
            return {"run_id": run_id, "at": now(), **values}

        yield StepStarted(**fact(step="load_schema"))
        snapshot = await ports.database.snapshot()
        yield StepFinished(**fact(step="load_schema", elapsed_ms=1.0))
        if self.before is not None:
            await self.before()
        if self.raises is not None:
            raise self.raises
        if self.silent:
            return
        yield StepStarted(**fact(step="draft_sql"))
        for piece in (self.sql[:7], self.sql[7:]):
            yield SqlDelta(**fact(step="draft_sql", attempt=1, text=piece))
        yield Drafted(**fact(step="draft_sql", attempt=1, sql=self.sql))
        yield StepFinished(**fact(step="draft_sql", elapsed_ms=2.0))
        yield Linted(**fact(step="lint_sql", attempt=1, verdict="pass"))
        yield Executing(**fact(step="execute_sql", attempt=1))
        outcome = await ports.database.execute(self.sql, run_id=run_id, attempt=1)
        yield Executed(**fact(step="execute_sql", attempt=1, outcome=outcome))
        if isinstance(outcome, Failed):
            problem = Problem(code=outcome.code, message=outcome.message, hint=outcome.hint)
            yield RunFailed(**fact(problem=problem))
            return
        yield AnswerDelta(**fact(step="summarize", text="There are "))
        yield self._answer(fact(), outcome, snapshot.fingerprint)

    def _answer(self, fact: dict[str, Any], outcome: Rows, fingerprint: str) -> Answered:
        answer = Answer(
            text=f"There are {outcome.preview[0][0] if outcome.preview else 'none'}.",
            sql=self.sql,
            columns=outcome.columns,
            rows=outcome.preview,
            row_count=outcome.row_count,
            truncated=outcome.truncated,
            chart=Chart(kind="number"),
        )
        receipt = Receipt(
            sql=self.sql,
            snapshot_fingerprint=fingerprint,
            policy_digest=outcome.policy_digest,
            result_digest=outcome.digest,
            row_count=outcome.row_count,
            executed_at=now(),
        )
        return Answered(**fact, answer=answer, receipt=receipt)


# --- the agent ---------------------------------------------------------------------------------------------


def a_snapshot(*, tables: list[Table] | None = None) -> SchemaSnapshot:
    """Three tables of a small company."""
    employees = Table(
        schema_name="people",
        name="employees",
        comment="Everyone who works here",
        columns=[
            Column(name="id", type="integer", nullable=False),
            Column(name="full_name", type="text"),
            Column(name="title", type="text"),
            Column(name="hired_at", type="date"),
            Column(name="department_id", type="integer"),
            Column(name="salary", type="numeric(10,2)"),
        ],
        primary_key=["id"],
        foreign_keys=[
            ForeignKey(
                columns=["department_id"], to_schema="people", to_table="departments", to_columns=["id"]
            )
        ],
        row_estimate=480,
    )
    departments = Table(
        schema_name="people",
        name="departments",
        columns=[Column(name="id", type="integer"), Column(name="name", type="text")],
        primary_key=["id"],
        row_estimate=12,
    )
    orders = Table(
        schema_name="sales",
        name="orders",
        columns=[
            Column(name="id", type="bigint"),
            Column(name="status", type="sales.order_status", enum_values=["open", "paid"]),
            Column(name="total", type="numeric(12,2)"),
            Column(name="ordered_at", type="timestamp with time zone"),
        ],
        primary_key=["id"],
        row_estimate=90_000,
    )
    return SchemaSnapshot(
        database="demo",
        server_version=150018,
        tables=tables if tables is not None else [departments, employees, orders],
        taken_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


COUNT = [ResultColumn(name="count", type="bigint", oid=20)]


@dataclass
class Result:
    """What the fake agent answers to a statement."""

    columns: list[ResultColumn] = field(default_factory=lambda: COUNT)
    batches: list[list[TextRow]] = field(default_factory=lambda: [[["42"]]])
    failure: Failed | None = None
    failures: int | None = None
    """How many executions fail so, before others give rows; None is all of them."""
    hold: bool = False
    """Accept, then say nothing until cancelled."""
    lie: dict[str, Any] = field(default_factory=dict)
    """Fields of ``end`` to get wrong."""
    unread: list[ErrorMessage] = field(default_factory=list)
    """Errors that executions are answered with, one each, before any is taken."""
    die: str | None = None
    """``before`` or ``after`` acceptance the socket breaks."""


@dataclass
class FakeAgent:
    """The far end of the wire, over a real socket."""

    url: str
    token: str
    snapshot: SchemaSnapshot = field(default_factory=a_snapshot)
    result: Result = field(default_factory=Result)
    results: dict[str, Result] = field(default_factory=dict)
    policy_digest: str = "policy-1"
    instance: str = field(default_factory=lambda: uuid4().hex)
    in_flight: list[InFlight] = field(default_factory=list)
    answers_cancel: bool = True
    capabilities: list[str] = field(default_factory=list)
    found: Found | None = None
    """What it answers to ``lookup``; None says nothing."""
    verdict: CaseVerdict | None = None
    """What it says of every query that it is to score; None says nothing."""
    heard: list[Any] = field(default_factory=list)
    socket: ClientConnection | None = None
    welcome: Welcome | None = None
    closed: tuple[int, str] | None = None
    _task: asyncio.Task[None] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def hello(self, **values: Any) -> Hello:
        fields: dict[str, Any] = {
            "agent_version": "0.1.0",
            "instance": self.instance,
            "policy_digest": self.policy_digest,
            "policy_name": "demo",
            "limits": Limits(),
            "share": Share(),
            "server_version": 150018,
            "database": "demo",
            "in_flight": self.in_flight,
            "capabilities": self.capabilities,
        }
        return Hello(**{**fields, **values})

    async def dial(self) -> ClientConnection:
        self.socket = await connect(
            self.url,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]  # a NewType of str
            additional_headers={"Authorization": f"Bearer {self.token}"},
            proxy=None,
            max_size=None,
            open_timeout=HANG_SECONDS,
        )
        return self.socket

    async def attach(self, **hello: Any) -> "FakeAgent":
        socket = await self.dial()
        await socket.send(self.hello(**hello).model_dump_json())
        first = parse_from_backend(await asyncio.wait_for(socket.recv(), HANG_SECONDS))
        assert isinstance(first, Welcome), first
        self.welcome = first
        self._task = asyncio.create_task(self._listen(socket))
        return self

    async def send(self, message: Any) -> None:
        assert self.socket is not None
        await self.socket.send(message if isinstance(message, str | bytes) else message.model_dump_json())

    async def until(self, kind: type[Any], count: int = 1) -> Any:
        """The ``count``-th message of a kind, waited for."""
        async with asyncio.timeout(HANG_SECONDS):
            while len(found := [message for message in self.heard if isinstance(message, kind)]) < count:
                changed = self._changed
                await changed.wait()
        return found[count - 1]

    async def until_closed(self) -> tuple[int, str]:
        async with asyncio.timeout(HANG_SECONDS):
            while self.closed is None:
                await self._changed.wait()
        return self.closed

    async def leave(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=2)

    async def break_off(self) -> None:
        assert self.socket is not None
        self.socket.transport.abort()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=2)

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for text in socket:
                message = parse_from_backend(text)
                self.heard.append(message)
                self._tell()
                # What the backend said before it closed is still to be read, though nothing can be answered.
                with suppress(ConnectionClosed):
                    await self._answer(message)
        except ConnectionClosed:
            pass
        finally:
            self.closed = (socket.close_code or 1006, socket.close_reason or "")
            self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _answer(self, message: Any) -> None:
        match message:
            case Introspect():
                await self.send(self._introspected(message))
            case Execute():
                await self._execute(message)
            case Lookup() if self.found is not None:
                await self.send(Values(request_id=message.request_id, **self.found.model_dump()))
            case Cases() if self.verdict is not None:
                case = CaseQuestion(id="one", question="How many engineers?")
                await self.send(
                    Suite(request_id=message.request_id, suite="own.jsonl", digest="d", cases=[case])
                )
            case Score() if self.verdict is not None:
                await self.send(Verdict(request_id=message.request_id, **self.verdict.model_dump()))
            case Cancel() if self.answers_cancel:
                await self.send(Cancelled(statement_id=message.statement_id, attempt=message.attempt))
            case Credit() | EndAck() | Drain() | ErrorMessage() | Cancel():
                pass

    def _introspected(self, message: Introspect) -> Snapshot | Unchanged:
        if message.known == self.snapshot.fingerprint:
            return Unchanged(request_id=message.request_id, fingerprint=message.known)
        return Snapshot(request_id=message.request_id, snapshot=self.snapshot)

    async def _execute(self, message: Execute) -> None:
        result = self.results.get(message.sql, self.result)
        ref = {"statement_id": message.statement_id, "attempt": message.attempt}
        if result.unread:
            error = result.unread.pop(0)
            about = message.statement_id if error.about is not None else None
            await self.send(error.model_copy(update={"about": about}))
            return
        if result.die == "before":
            await self.break_off_soon()
            return
        await self.send(Accepted(**ref))
        if result.die == "after":
            await self.break_off_soon()
            return
        if result.hold:
            return
        if result.failure is not None and result.failures != 0:
            result.failures = result.failures and result.failures - 1
            await self.send(StatementFailed(**ref, failure=result.failure))
            return
        await self.send(Columns(**ref, columns=result.columns))
        whole, size, rows = hashlib.sha256(), 0, 0
        for sequence, batch in enumerate(result.batches):
            body = encode_body(batch)
            whole.update(body)
            size, rows = size + len(body), rows + len(batch)
            frame = RowsFrame(message.statement_id, message.attempt, sequence, len(batch), body)
            await self.send(frame.encode())
        end = {"rows": rows, "bytes": size, "hash": whole.hexdigest(), "elapsed_ms": 3.0}
        end |= {"policy_digest": self.policy_digest}
        await self.send(End(**{**ref, **end, **result.lie}))

    async def break_off_soon(self) -> None:
        assert self.socket is not None
        self.socket.transport.abort()


# --- the backend -------------------------------------------------------------------------------------------


@dataclass
class Backend:
    """A served application and the ways to it."""

    app: FastAPI
    server: Server
    url: str
    http: httpx2.AsyncClient

    @property
    def state(self) -> State:
        state: State = self.app.state.custard
        return state

    @property
    def socket_url(self) -> str:
        return "ws" + self.url.removeprefix("http") + "/ws"

    async def connection(self, name: str = "Demo") -> str:
        created = await self.http.post("/api/v1", json={"name": name})
        assert created.status_code == 201, created.text
        return str(created.json()["connection_id"])

    async def join(self, connection_id: str) -> str:
        code = await self.http.post(f"/api/v1/connections/{connection_id}/join-code")
        joined = await self.http.post("/api/v1/agents/join", json={"join_code": code.json()["join_code"]})
        assert joined.status_code == 201, joined.text
        return str(joined.json()["token"])

    async def agent(self, connection_id: str, token: str | None = None, **fields: Any) -> FakeAgent:
        token = token or await self.join(connection_id)
        agent = await FakeAgent(self.socket_url, token, **fields).attach()
        # Welcome is said a moment before the session is served, here and then to the other replicas.
        await eventually(lambda: self._serves(connection_id, agent))
        return agent

    def _serves(self, connection_id: str, agent: FakeAgent) -> bool:
        session, replicas = self.state.gateway.session(connection_id), self.state.gateway.replicas
        if session is None or session.instance != agent.instance:
            return False
        told, _ = replicas._answering.get(session.agent_id, (None, []))
        return told is session or not replicas.shared or replicas._leaving

    async def ask(self, connection_id: str, **body: Any) -> dict[str, Any]:
        question = {"connection_id": connection_id, "question": "How many employees are there?", **body}
        answer = await self.http.post("/api/v1/query", json=question)
        assert answer.status_code == 200, answer.text
        run: dict[str, Any] = answer.json()
        return run

    async def start(self, connection_id: str, **body: Any) -> str:
        question = {"connection_id": connection_id, "question": "How many employees are there?", **body}
        answer = await self.http.post("/api/v1/query", json=question, headers={"Prefer": "respond-async"})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["run_id"])

    async def eventually(self, check: Callable[[], Any]) -> Any:
        return await eventually(check)

    async def get(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def listening(self, run_id: str) -> Any:
        """Listen to the run's events, from the first line until the block's end."""
        return _listening(self.http, run_id)

    async def events(self, run_id: str, after: int | None = None) -> list[dict[str, Any]]:
        """The whole stream: each event with its ``id``, ``event`` and decoded ``data``."""
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        answer = await self.http.get(f"/api/v1/runs/{run_id}/events", headers=headers)
        assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
        return parse_stream(answer.text)


@asynccontextmanager
async def _listening(http: httpx2.AsyncClient, run_id: str) -> AsyncIterator[None]:
    async with http.stream("GET", f"/api/v1/runs/{run_id}/events") as stream:
        # Held until the end: a generator that is let go closes its stream.
        lines = stream.aiter_lines()
        assert await anext(lines)
        yield
        await lines.aclose()


async def eventually(check: Callable[[], Any]) -> Any:
    """The first truthy value of a check that is asked again and again, until it must have stopped."""
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            value = check()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.01)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[[Callable[[], Any]], Awaitable[Any]]:
    return eventually


def parse_stream(text: str) -> list[dict[str, Any]]:
    events = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            data = json.loads(fields["data"])
            events.append({"id": int(fields["id"]), "event": fields["event"], "data": data})
    return events


@asynccontextmanager
async def serving(app: FastAPI, settings: Settings) -> AsyncIterator[Backend]:
    listener = bind(settings)
    server = make_server(app, settings)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # only where uvicorn has it
    task = asyncio.create_task(server._serve([listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        await eventually(lambda: server.started)
        async with httpx2.AsyncClient(base_url=url, timeout=HANG_SECONDS) as http:
            yield Backend(app, server, url, http)
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
def model() -> BaseChatModel:
    """A model that nobody asks: the pipeline is a script."""
    return FakeListChatModel(responses=["unused"])


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for a moment is no test's business, unless it shortens one of these."""
    for patience in (
        "api.lookups.LOOKUP_SECONDS",
        "api.session.CANCEL_SECONDS",
        "api.runs._STOP_SECONDS",
        "api.driver._STOP_SECONDS",
    ):
        monkeypatch.setattr(patience, 30.0)
    # In tenths of a second: a broker that waits for the processor is not one that says nothing.
    monkeypatch.setattr("api.bus.pulse._WAITS", 150)
    monkeypatch.setattr("api.bus.pulse._LONG_WAITS", 200)
    monkeypatch.setattr("api.bus.asking.TAKEN_SECONDS", 30.0)
    monkeypatch.setattr("api.bus.asking.SILENCE_SECONDS", 30.0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        port=0,
        frontend_dir=tmp_path / "no-frontend",
        model_base_url="http://127.0.0.1:9/v1",
        reconnect_seconds=30.0,
        drain_seconds=0.0,
        log_level="error",
        _env_file=None,
    )


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def app(settings: Settings, script: Script, model: BaseChatModel) -> FastAPI:
    return create_app(settings, pipeline=script, model=model)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """For what needs no second connection; the Host header is a loopback name."""
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
async def backend(app: FastAPI, settings: Settings) -> AsyncIterator[Backend]:
    async with serving(app, settings) as backend:
        yield backend


Serve = Callable[..., Any]


@pytest.fixture
def serve_with(script: Script, model: BaseChatModel) -> Serve:
    """Serve an application with other settings, as often as wanted."""

    def serve(settings: Settings, bus: Bus | None = None) -> Any:
        return serving(create_app(settings, pipeline=script, model=model, bus=bus), settings)

    return serve


@pytest.fixture
def result() -> type[Result]:
    return Result


@pytest.fixture
def fake_agent() -> type[FakeAgent]:
    return FakeAgent


@pytest.fixture
def snapshot() -> Callable[..., SchemaSnapshot]:
    return a_snapshot
