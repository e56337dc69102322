"""What is kept of a case that was asked, and of the suite's run around it."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from graph.record import Origin, RunStatus
from wire.base import Message

Verdict = Literal["correct", "wrong", "invalid", "refused", "failed", "unscored"]
"""``correct``: right answer, or a refusal where there is none. ``wrong``: ran and says something else, or
answered what cannot be answered. ``invalid``: PostgreSQL refused the SQL. ``refused``: refused or asked back
although there is an answer. ``failed``: no SQL at all. ``unscored``: the gold cannot be run."""


class AttemptNote(Message):
    """One attempt, as the report shows it."""

    sql: str
    origin: Origin
    changes: list[str] = Field(default_factory=list)
    problem: str = ""
    """What lint or the database said against it."""


class CaseResult(Message):
    """One case of one run."""

    id: str
    db: str
    category: str = ""
    question: str
    answerable: bool
    status: RunStatus
    predicted: str | None = None
    """The SQL of the last attempt; None when none was written."""
    refusal: str | None = None
    """What was said instead of an answer."""
    exact: bool = False
    subset: bool = False
    """The accepted columns are there, beside others. True for an exact match too."""
    valid: bool = False
    """PostgreSQL ran the predicted SQL."""
    first_valid: bool = False
    """It ran the first attempt already."""
    error: str = ""
    accepted: str = ""
    """The accepted query that it was held against."""
    tokens_in: int = 0
    tokens_out: int = 0
    model_calls: int = 0
    seconds: float = 0.0
    """From question to answer, a replayed model's time counted as it once took."""
    own_seconds: float = 0.0
    """The same without the model: our code and the database."""
    attempts: list[AttemptNote] = Field(default_factory=list)
    verdict: Verdict

    @property
    def correct(self) -> bool:
        """Right, by the rules of this case."""
        return self.verdict == "correct"


class SuiteRun(Message):
    """A run of a suite: what was asked of what, and when."""

    run_id: str
    suite: str
    """The cases' file name."""
    digest: str
    """Of the cases, the model, the steps left out and the prompts: runs of one digest can be resumed."""
    model: str
    without: list[str] = Field(default_factory=list)
    prompts: str = ""
    commit: str = ""
    started_at: datetime
    finished_at: datetime | None = None
    cases: int = 0
