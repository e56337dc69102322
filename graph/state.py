"""What the graph carries from node to node. Everything here can be written down as JSON.

The snapshot stays behind its port, and a result is only its reference and a bounded preview: neither grows
the state with the size of a database.
"""

from datetime import datetime

# typing.TypedDict would leave Studio without input and context schemas before Python 3.12.
from typing_extensions import NotRequired, TypedDict  # noqa: UP035

from graph.record import Answer, Attempt, Clarification, Problem, Receipt, Refusal, Turn


class Asked(TypedDict):
    """The graph's input."""

    question: str
    run_id: NotRequired[str]
    """Made up when missing, as in Studio."""
    history: NotRequired[list[Turn]]
    """Earlier turns of the thread, oldest first."""
    attempts: NotRequired[list[Attempt]]
    """Attempts already made, when a run is taken up again: the graph goes on after the last of them."""
    executed_at: NotRequired[datetime | None]
    """When the last attempt's result was fetched."""
    standalone: NotRequired[str | None]
    """The follow-up as it was rewritten before the run was taken up again."""


class Told(TypedDict):
    """The graph's output: exactly one of the four endings, and the attempts that led there."""

    attempts: list[Attempt]
    answer: NotRequired[Answer]
    receipt: NotRequired[Receipt]
    refusal: NotRequired[Refusal]
    clarification: NotRequired[Clarification]
    problem: NotRequired[Problem]


class State(TypedDict):
    """Everything that nodes share."""

    question: str
    run_id: str
    history: list[Turn]
    standalone: str | None
    """The follow-up rewritten so that it stands alone; None when it was not."""
    attempts: list[Attempt]
    fingerprint: str
    """Of the snapshot that the run began with."""
    tables: list[str] | None
    """``schema.table`` of the tables that prompts show; None shows all."""
    notes: list[str]
    """Lines beside the schema: instructions, glossary, values found."""
    assumptions: list[str]
    """What was taken for granted on the asker's behalf, a sentence each."""
    executed_at: datetime | None
    looked_at: str
    """The attempt, and its stage, that autofix saw last."""
    checked: int
    """Number of the attempt whose result was checked last; 0 before the first."""
    again: int
    """Number of the attempt whose result asks for another one; 0 for none."""
    kept_at: datetime | None
    """When the result was fetched that is told if that other one does no better."""
    agreement: tuple[int, int] | None
    """Of how many further drafts how many gave the same result: (agreeing, drafted). None: none were made."""
    surprisal: float | None
    """Of the query that the model wrote last, see ``write_sql.surprisal``; None where nothing tells it."""
    doubt: float | None
    """The last result's confidence where it is worth a second draft that was not made yet; else None."""
    anew: int
    """Number of the attempt that owes nothing to those before it: a further draft that was taken; else 0."""
    answer: NotRequired[Answer]
    receipt: NotRequired[Receipt]
    refusal: NotRequired[Refusal]
    clarification: NotRequired[Clarification]
    problem: NotRequired[Problem]


class Update(TypedDict, total=False):
    """What a node changes."""

    run_id: str
    standalone: str | None
    attempts: list[Attempt]
    fingerprint: str
    tables: list[str] | None
    notes: list[str]
    assumptions: list[str]
    executed_at: datetime | None
    looked_at: str
    checked: int
    again: int
    kept_at: datetime | None
    agreement: tuple[int, int] | None
    surprisal: float | None
    doubt: float | None
    anew: int
    answer: Answer
    receipt: Receipt
    refusal: Refusal
    clarification: Clarification
    problem: Problem


def meant(state: State) -> str:
    """The question that is answered: rewritten where it leant on those before it."""
    return state["standalone"] or state["question"]


ENDINGS = ("answer", "refusal", "clarification", "problem")
"""A state that holds one of these is at its end."""
