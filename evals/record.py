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

SAMPLE_ROWS = 12
SAMPLE_COLUMNS = 8
SAMPLE_CHARACTERS = 80
"""Bounds of what is kept of a result, so that a report can show where two differ."""


class Sample(Message):
    """The beginning of a result, as text."""

    columns: list[str]
    rows: list[list[str]]
    row_count: int


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
    kind: str = ""
    question: str
    """As it was asked: of a paraphrase, its own words."""
    trial: int = 1
    """Which time it was asked, from 1, with ``--repeat``."""
    phrasing: int = 0
    """0 for the case's own words, n for its n-th paraphrase."""
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
    step_seconds: dict[str, float] = Field(default_factory=dict)
    """What each step took, repeated ones added up."""
    confidence: float | None = None
    """Between 0 and 1, as the answer gives it; None without an answer or a score."""
    confidence_level: str = ""
    sentence: str = ""
    """What was said of the result; kept only of a suite's own databases, and only where it was worded."""
    figures: int = 0
    """Figures in it, as ``evals.prose`` counts them."""
    wrong_figures: list[str] = Field(default_factory=list)
    """Those that the result does not bear out; of a live database each is only counted, as ``…``."""
    assumptions: list[str] = Field(default_factory=list)
    variants: list[bool] = Field(default_factory=list)
    """Whether it is right on each variant of the data; empty where there is but one."""
    accepted_result: Sample | None = None
    predicted_result: Sample | None = None
    """The beginning of both results; kept only of a suite's own databases, never of a live one."""
    run_id: str = ""
    trace: str = ""
    """Where the run can be looked at; empty when nowhere."""
    attempts: list[AttemptNote] = Field(default_factory=list)
    verdict: Verdict

    @property
    def key(self) -> str:
        """What tells this result from the others of its run: the id, the phrasing and the trial."""
        phrasing = f"~{self.phrasing}" if self.phrasing else ""
        return f"{self.id}{phrasing}" + (f"#{self.trial}" if self.trial > 1 else "")

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
    """Of cases, model, settings, code and prompts: a stopped run of the same digest goes on."""
    model: str
    without: list[str] = Field(default_factory=list)
    prompts: str = ""
    commit: str = ""
    repeat: int = 1
    """How often each case was asked."""
    paraphrases: bool = False
    """Whether the cases' other words were asked as well."""
    value_hints: bool = False
    """Whether prompts showed values that the question's words meet."""
    candidates: int = 1
    """Drafts of a question whose results were held against each other."""
    worded: bool = False
    """Whether answers were put into a sentence."""
    server: str = ""
    """Version of PostgreSQL."""
    day: str = ""
    """The day (ISO 8601) that relative dates were counted from."""
    started_at: datetime
    finished_at: datetime | None = None
    cases: int = 0
