"""The closed union of facts about a run, as SSE sends them and the store keeps them.

=============  ==================================================================================
event          says
=============  ==================================================================================
run_started    the question, and what it is asked of
step_started   a step's work has begun
step_finished  it is done: milliseconds, a few words, tokens
sql_delta      a piece of the SQL as it is drafted
drafted        an attempt's SQL is written
linted         lint's verdict on it
executing      it is with the agent
executed       what became of it
repaired       the next attempt's SQL is written, and why it was needed
answer_delta   a piece of the sentence as it is written
answered       END: the answer
refused        END: an honest no
clarified      END: one question back
run_failed     END: what went wrong and what to do
run_cancelled  END: somebody stopped it
run_resumed    another process took the run up again after event ``after``
=============  ==================================================================================
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from graph.record import (
    Answer,
    Clarification,
    Finding,
    Origin,
    Problem,
    Receipt,
    Refusal,
    Step,
    Turn,
    Usage,
)
from wire.base import Value
from wire.outcome import Outcome


class Fact(Value):
    """What every event holds."""

    run_id: str
    at: datetime
    """UTC."""
    step: Step | None = None
    """The step in which it happened, if in one."""


class RunStarted(Fact):
    type: Literal["run_started"] = "run_started"
    thread_id: str
    connection_id: str
    agent_id: str | None = None
    question: str
    history: list[Turn] = Field(default_factory=list)
    """Earlier turns of the thread that the run was given: a resumed run needs them again."""


class StepStarted(Fact):
    type: Literal["step_started"] = "step_started"
    step: Step


class StepFinished(Fact):
    type: Literal["step_finished"] = "step_finished"
    step: Step
    elapsed_ms: float
    detail: str = ""
    usage: Usage | None = None


class SqlDelta(Fact):
    type: Literal["sql_delta"] = "sql_delta"
    attempt: int
    text: str


class Drafted(Fact):
    type: Literal["drafted"] = "drafted"
    attempt: int
    sql: str
    origin: Origin = "draft"
    changes: list[str] = Field(default_factory=list)
    standalone_question: str | None = None


class Linted(Fact):
    type: Literal["linted"] = "linted"
    attempt: int
    verdict: Literal["pass", "reject"]
    findings: list[Finding] = Field(default_factory=list)


class Executing(Fact):
    type: Literal["executing"] = "executing"
    attempt: int


class Executed(Fact):
    type: Literal["executed"] = "executed"
    attempt: int
    outcome: Outcome


class Repaired(Fact):
    type: Literal["repaired"] = "repaired"
    attempt: int
    """The new attempt's number."""
    sql: str
    origin: Origin = "repair"
    changes: list[str] = Field(default_factory=list)
    reason: str
    """What was wrong with the attempt before."""


class AnswerDelta(Fact):
    type: Literal["answer_delta"] = "answer_delta"
    text: str


class Answered(Fact):
    type: Literal["answered"] = "answered"
    answer: Answer
    receipt: Receipt


class Refused(Fact):
    type: Literal["refused"] = "refused"
    refusal: Refusal


class Clarified(Fact):
    type: Literal["clarified"] = "clarified"
    clarification: Clarification


class RunFailed(Fact):
    type: Literal["run_failed"] = "run_failed"
    problem: Problem


class RunCancelled(Fact):
    type: Literal["run_cancelled"] = "run_cancelled"
    reason: str = ""
    database_ms: float | None = None
    """From the stop to the database's confirmation; None when nothing was running there."""


class RunResumed(Fact):
    type: Literal["run_resumed"] = "run_resumed"
    after: int
    """Position of the last event that the new process found."""


RunEvent = Annotated[
    RunStarted
    | StepStarted
    | StepFinished
    | SqlDelta
    | Drafted
    | Linted
    | Executing
    | Executed
    | Repaired
    | AnswerDelta
    | Answered
    | Refused
    | Clarified
    | RunFailed
    | RunCancelled
    | RunResumed,
    Field(discriminator="type"),
]

RUN_EVENT: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)
"""Reads and writes any event."""
