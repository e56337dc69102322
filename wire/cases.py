"""Cases of an eval that lie beside an agent: what may be told of them, and of a query that is scored there.

Accepted queries are in none of these, nor is a value of any row.
"""

from typing import Literal

from pydantic import Field

from wire.base import Message

CaseProblem = Literal[
    "unknown_case", "no_accepted_query", "accepted_query_failed", "too_many_rows", "unavailable"
]
"""Why a query could not be scored: no such case; one that has no answer; none of its accepted queries runs
here; more rows than the policy lets be compared; the database is away or too slow."""


class CaseQuestion(Message):
    """A case without what it accepts."""

    id: str
    question: str
    category: str = ""
    kind: str = ""
    answerable: bool = True
    may_ask: bool = False
    """Whether a question back is right as well."""
    hostile: bool = False
    """Whether what is asked must not be done."""
    history: list[str] = Field(default_factory=list)
    """Questions before this one, oldest first."""
    paraphrases: list[str] = Field(default_factory=list)


class CaseList(Message):
    """The cases that an agent holds."""

    suite: str
    """What their file is called."""
    digest: str
    """Of questions and accepted queries: another one means another suite."""
    cases: list[CaseQuestion]


class CaseVerdict(Message):
    """What became of a predicted query beside what the case accepts."""

    match: Literal["exact", "subset", "none"] = "none"
    valid: bool = False
    """Whether the predicted query ran, under the policy."""
    rows: int | None = None
    """That it gave; None when it did not run."""
    accepted_rows: int | None = None
    """That the accepted query gave; None when none ran."""
    problem: CaseProblem | None = None
    """Set when nothing was compared."""
