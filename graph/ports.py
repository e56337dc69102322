"""The interfaces through which the graph reaches the outside. Their implementations live elsewhere."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from langchain_core.language_models import BaseChatModel

from wire.outcome import Outcome
from wire.policy import Policy, Share
from wire.snapshot import SchemaSnapshot
from wire.values import Compared, Found


class Database(Protocol):
    """One customer database, reached through its agent."""

    async def snapshot(self, *, refresh: bool = False) -> SchemaSnapshot:
        """The tables that may be read; from the cache unless ``refresh``.

        Raises:
            graph.errors.AgentUnavailable: no agent is attached, or it went away.
        """
        ...

    async def execute(self, sql: str, *, run_id: str, attempt: int) -> Outcome:
        """Run one statement. Never raises for what the statement does: that is a ``Failed``.

        Cancelling the awaiting task cancels the statement in PostgreSQL before this returns.
        The whole result stays with the port; the graph gets a preview and a reference.
        """
        ...

    async def lookup(
        self, text: str = "", compared: Sequence[Compared] = (), *, most: int = 6
    ) -> Found | None:
        """Values of the database that words of a text, or literals of a query, meet.

        Never raises and never takes longer than a second: None when nobody can say, as where no agent is
        attached, or one that knows no values, or it is slow.

        Args:
            text: a question; empty looks for none.
            compared: literals, each with the column that it is compared with.
            most: values of the text that are told.
        """
        ...


class Clock(Protocol):
    """The time, so that tests can stand still."""

    def now(self) -> datetime:
        """The present moment, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class VerifiedQuery(Protocol):
    """A question whose SQL a person confirmed."""

    question: str
    sql: str
    verified_by: str


class Knowledge(Protocol):
    """What people have taught about a database beyond its snapshot."""

    async def verified(self, question: str) -> list[VerifiedQuery]:
        """Verified queries of the same connection that are close to the question, closest first."""
        ...

    async def glossary(self, question: str) -> list[str]:
        """Lines ``term: meaning`` whose term occurs in the question."""
        ...


class NoKnowledge:
    """Nothing has been taught yet."""

    async def verified(self, question: str) -> list[VerifiedQuery]:
        return []

    async def glossary(self, question: str) -> list[str]:
        return []


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run may spend, and which optional steps it takes."""

    max_repairs: int = 3
    max_rechecks: int = 0
    """Further attempts that an odd result may ask for; each is kept only if it cures what was odd. None by
    default: with a small model they cost much and cure next to nothing."""
    value_hints: bool = False
    """Whether prompts show values that the question's words meet. Unproven, so only where it is asked for."""
    candidates: int = 1
    """Drafts of a question whose results are held against each other; 1 makes no further one."""
    max_tokens_sql: int = 512
    max_tokens_answer: int = 160
    schema_token_budget: int = 6_000
    prune_tables_above: int = 6
    """Tables up to which prompts show the whole schema. A strong model wants all that fits: set it high."""
    model_seconds: float = 180.0
    """For one reply of the model, from request to last token."""
    without: frozenset[str] = frozenset()
    """Names of optional steps that are switched off, to measure what each is worth."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All that a run needs from outside."""

    database: Database
    model: BaseChatModel
    knowledge: Knowledge = field(default_factory=NoKnowledge)
    clock: Clock = field(default_factory=SystemClock)
    settings: Settings = field(default_factory=Settings)
    cloud_policy: Policy | None = None
    """What the backend's side forbids on top of the owner's policy; None adds nothing."""
    share: Share = field(default_factory=Share)
    """How much may go to the model and into traces: the stricter of the owner's and the cloud's."""
    agent_id: str | None = None
    instructions: str = ""
    """Notes of the connection's owner that every prompt carries."""
