"""The parts of a run's record: attempts with findings and outcomes, the answer, and the other endings.

The whole run is in ``graph.run``; the events that tell of it are in ``graph.events``.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from wire.base import Value
from wire.outcome import Outcome, ResultColumn

Step = Literal[
    "load_schema",
    "check_answerable",
    "ground",
    "find_values",
    "draft_sql",
    "lint_sql",
    "autofix",
    "execute_sql",
    "check_result",
    "second_draft",
    "repair_sql",
    "summarize",
]
"""A node of the graph, as it is shown."""

RunStatus = Literal["queued", "running", "succeeded", "refused", "clarify", "failed", "cancelled"]
TERMINAL: frozenset[RunStatus] = frozenset({"succeeded", "refused", "clarify", "failed", "cancelled"})
"""Every run ends in exactly one of these, and only once."""

Origin = Literal["draft", "autofix", "repair", "edited"]
"""Who wrote an attempt's SQL: the model, a rule of ours, the model again, or a person."""


class Finding(Value):
    """Something that lint says of a draft."""

    rule: str
    """The rule's name, as its file is called: ``unknown_column``."""
    severity: Literal["error", "warning"] = "error"
    message: str
    hint: str = ""
    position: int | None = None
    """1-based character in the SQL; None when it concerns the whole."""


class Attempt(Value):
    """A draft, what lint said of it, and what became of it."""

    number: int = Field(ge=1)
    sql: str
    origin: Origin = "draft"
    changes: list[str] = Field(default_factory=list)
    """What rules of ours changed in the draft, a sentence each."""
    verdict: Literal["pass", "reject"] | None = None
    """None until lint has spoken."""
    findings: list[Finding] = Field(default_factory=list)
    outcome: Outcome | None = None
    """None when it never ran."""


class Chart(Value):
    """How a result can be drawn; chosen by code from the result's shape."""

    kind: Literal["number", "bar", "line", "scatter", "none"]
    x: str | None = None
    """Column on the category or time axis."""
    y: list[str] = Field(default_factory=list)
    """Numeric columns, a series each."""
    series: str | None = None
    """Column whose values split ``y`` into series."""
    reason: str = ""
    """Why there is no chart, for kind ``none``."""


class Confidence(Value):
    """How far the answer can be trusted."""

    level: Literal["high", "medium", "low"]
    score: float | None = Field(default=None, ge=0, le=1)
    reasons: list[str] = Field(default_factory=list)


class Answer(Value):
    """What the asker gets."""

    text: str
    """One or two sentences, the answer first."""
    sql: str
    columns: list[ResultColumn]
    rows: list[list[Any]]
    """The preview: at most ``wire.outcome.PREVIEW_ROWS`` rows of ``Cell``."""
    row_count: int
    truncated: Literal["rows", "bytes"] | None = None
    chart: Chart
    assumptions: list[str] = Field(default_factory=list)
    confidence: Confidence | None = None
    verified_by: str | None = None
    """Who confirmed this query; None when nobody did."""


class Receipt(Value):
    """What is needed to run an answer again and compare."""

    sql: str
    snapshot_fingerprint: str
    policy_digest: str
    result_digest: str
    row_count: int
    executed_at: datetime
    agent_id: str | None = None
    model: str = ""


class Refusal(Value):
    """An honest no. The three kinds stay apart: not permitted, not in this data, not a question about it."""

    reason: Literal["not_permitted", "not_in_data", "not_a_question"]
    message: str
    hint: str = ""
    missing: list[str] = Field(default_factory=list)
    """The words of the question for which nothing was found."""


class Clarification(Value):
    """One question back, with readings to choose from."""

    question: str
    options: list[str] = Field(default_factory=list, max_length=3)


class Problem(Value):
    """Why a run failed: what happened, and what to do."""

    code: str
    message: str
    hint: str = ""


class Timing(Value):
    """One step's work, as often as it was done."""

    step: Step
    started_at: datetime
    elapsed_ms: float | None = None
    """None while it is being done."""
    detail: str = ""
    """A few words of what it did: ``4 of 61 tables``."""


class Usage(Value):
    """Tokens that the model was asked to read and wrote."""

    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """The sum, field by field."""
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            model_calls=self.model_calls + other.model_calls,
        )


class Turn(Value):
    """An earlier question of the thread with its answer, as context for the next."""

    question: str
    sql: str = ""
    answer: str = ""
