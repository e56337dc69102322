"""The far ends of the graph: a database in memory and a model that follows a script."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from graph.build import run_events
from graph.events import RunEvent
from graph.ports import Ports, Settings
from wire.outcome import Failed, Outcome, ResultColumn, Rows
from wire.snapshot import Column, ForeignKey, SchemaSnapshot, Table
from wire.values import Compared, Found

Said = str | BaseException
"""What the scripted model does at a call: say this, or raise this."""


class ScriptedModel(BaseChatModel):
    """Says its lines in order, a few characters at a time; keeps what it was asked."""

    lines: list[Any] = Field(default_factory=list)
    asked: list[list[BaseMessage]] = Field(default_factory=list)
    options: list[dict[str, Any]] = Field(default_factory=list)
    gap_seconds: float = 0.0
    """Before each piece."""
    model_name: str = "scripted"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=AIMessageChunk(content="unused"))])

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.asked.append(messages)
        self.options.append({"stop": stop, **kwargs})
        if not self.lines:
            raise AssertionError("The scripted model was asked once too often.")
        line = self.lines.pop(0)
        if isinstance(line, BaseException):
            raise line
        for start in range(0, len(line), 5):
            await asyncio.sleep(self.gap_seconds)
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=line[start : start + 5]))
            if run_manager:
                await run_manager.on_llm_new_token(str(chunk.text), chunk=chunk)
            yield chunk
        usage = UsageMetadata(input_tokens=100, output_tokens=10, total_tokens=110)
        yield ChatGenerationChunk(message=AIMessageChunk(content="", usage_metadata=usage))


@dataclass
class InMemoryDatabase:
    """Answers statements from a table of outcomes, and remembers them."""

    schema: SchemaSnapshot
    outcomes: list[Outcome | BaseException] = field(default_factory=list)
    """In the order of the statements; the last one stays."""
    statements: list[str] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    hang: bool = False
    """Run for ever, as ``pg_sleep`` does."""
    stopped: int = 0
    """Statements that were cancelled, confirmed after a moment as a real agent does."""
    running: asyncio.Event = field(default_factory=asyncio.Event)
    found: Found | None = None
    """What a lookup finds; None where no agent can say."""
    lookups: list[tuple[str, list[Compared]]] = field(default_factory=list)

    async def lookup(
        self, text: str = "", compared: Sequence[Compared] = (), *, most: int = 6
    ) -> Found | None:
        self.lookups.append((text, list(compared)))
        return self.found

    async def snapshot(self, *, refresh: bool = False) -> SchemaSnapshot:
        return self.schema

    async def execute(self, sql: str, *, run_id: str, attempt: int) -> Outcome:
        self.statements.append(sql)
        self.attempts.append(attempt)
        self.running.set()
        if self.hang:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await asyncio.sleep(0.01)
                self.stopped += 1
                raise
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class StillClock:
    """A second passes at each look, so that recorded runs are the same every time."""

    def __init__(self) -> None:
        self._ticks = 0

    def now(self) -> datetime:
        self._ticks += 1
        return datetime(2026, 3, 2, 9, 0, tzinfo=UTC) + timedelta(milliseconds=250 * self._ticks)

    def monotonic(self) -> float:
        self._ticks += 1
        return self._ticks * 0.25


def _column(name: str, kind: str = "integer", **more: Any) -> Column:
    return Column(name=name, type=kind, **more)


@pytest.fixture(scope="session")
def company() -> SchemaSnapshot:
    """A small company: tables in ``public``, ``people`` and ``sales``, with keys, comments and an enum."""
    tables = [
        Table(
            schema_name="people",
            name="employees",
            comment="Everyone on the payroll, past and present",
            columns=[
                _column("id", nullable=False),
                _column("name", "text"),
                _column("title", "text", comment="Job title", samples=["Engineer", "Designer"]),
                _column("department_id"),
                _column("hired_on", "date"),
                _column("state", "employee_state", enum_values=["active", "on leave", "left"]),
            ],
            primary_key=["id"],
            foreign_keys=[
                ForeignKey(
                    columns=["department_id"], to_schema="people", to_table="departments", to_columns=["id"]
                )
            ],
        ),
        Table(
            schema_name="people",
            name="departments",
            columns=[_column("id", nullable=False), _column("name", "text"), _column("floor")],
            primary_key=["id"],
        ),
        Table(
            schema_name="sales",
            name="customers",
            columns=[_column("id", nullable=False), _column("company", "text"), _column("country", "text")],
            primary_key=["id"],
        ),
        Table(
            schema_name="sales",
            name="orders",
            columns=[
                _column("id", nullable=False),
                _column("customer_id"),
                _column("ordered_at", "timestamp with time zone"),
                _column("amount", "numeric(12,2)", comment="In euro, net"),
                _column("tags", "text[]"),
                _column("extra", "jsonb"),
            ],
            primary_key=["id"],
            foreign_keys=[
                ForeignKey(
                    columns=["customer_id"], to_schema="sales", to_table="customers", to_columns=["id"]
                )
            ],
        ),
        Table(
            schema_name="public",
            name="offices",
            columns=[_column("city", "text"), _column("Opened", "date"), _column("order", "integer")],
        ),
        Table(
            schema_name="public",
            name="recent_orders",
            kind="view",
            columns=[_column("id"), _column("amount", "numeric")],
        ),
    ]
    return SchemaSnapshot(
        database="company",
        server_version=180006,
        search_path=["public"],
        tables=tables,
        taken_at=datetime(2026, 3, 1, tzinfo=UTC),
    )


@pytest.fixture
def count_of_34() -> Rows:
    return Rows(
        columns=[ResultColumn(name="count", type="bigint", oid=20)],
        preview=[[34]],
        row_count=1,
        size_bytes=8,
        digest="d" * 64,
        elapsed_ms=3.5,
        policy_digest="p" * 32,
        result_ref="r1",
    )


@pytest.fixture
def no_such_column() -> Failed:
    return Failed(
        code="database",
        message='column "salary" does not exist',
        sqlstate="42703",
        position=8,
    )


@dataclass
class Asking:
    """One run, asked and finished."""

    events: list[RunEvent]
    model: ScriptedModel
    database: InMemoryDatabase

    def of(self, kind: str) -> list[Any]:
        """The events of a type."""
        return [event for event in self.events if event.type == kind]

    @property
    def last(self) -> Any:
        return self.events[-1]

    @property
    def types(self) -> list[str]:
        return [event.type for event in self.events]

    def prompt(self, call: int) -> str:
        """The user part of the prompt at a call."""
        return str(self.model.asked[call][-1].content)


Ask = Callable[..., Any]


@pytest.fixture
def ports_of(company: SchemaSnapshot) -> Callable[..., tuple[Ports, ScriptedModel, InMemoryDatabase]]:
    """Ports over fakes."""

    def make(
        lines: Sequence[Said], outcomes: Sequence[Outcome | BaseException] = (), **more: Any
    ) -> tuple[Ports, ScriptedModel, InMemoryDatabase]:
        model = ScriptedModel(lines=list(lines), gap_seconds=more.pop("gap_seconds", 0.0))
        database = InMemoryDatabase(more.pop("schema", company), list(outcomes), hang=more.pop("hang", False))
        database.found = more.pop("found", None)
        settings = more.pop("settings", Settings())
        return Ports(database, model, clock=StillClock(), settings=settings, **more), model, database

    return make


@pytest.fixture
def ask(ports_of: Callable[..., tuple[Ports, ScriptedModel, InMemoryDatabase]]) -> Ask:
    """Ask a question of fakes: ``await ask(lines, outcomes, question=…)``."""

    async def run(
        lines: Sequence[Said],
        outcomes: Sequence[Outcome | BaseException] = (),
        *,
        question: str = "How many engineers are there?",
        history: Sequence[Any] = (),
        resume: Any = None,
        **more: Any,
    ) -> Asking:
        ports, model, database = ports_of(lines, outcomes, **more)
        stream = run_events(ports, run_id="r1", question=question, history=list(history), resume=resume)
        return Asking([event async for event in stream], model, database)

    return run
