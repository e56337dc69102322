"""How a suite is run, and the list of questions that makes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from evals.cases import Case
from evals.model import REQUEST_SECONDS, ModelChoice
from graph.ports import Settings

WORDED_ANSWER = "worded_answer"
"""Puts the result into a sentence; it does not change the SQL and is left out unless asked for."""


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """How a suite is run."""

    model: ModelChoice = field(default_factory=ModelChoice)
    without: frozenset[str] = frozenset()
    """Steps and rules that are switched off, by name."""
    value_hints: bool = False
    """Whether prompts show values that the question's words meet."""
    candidates: int = 1
    """Drafts of a question whose results are held against each other."""
    worded: bool = False
    """Whether the answer is put into a sentence as well."""
    max_repairs: int | None = None
    """None keeps the graph's own."""
    limit: int | None = None
    """Only so many cases, spread over the file; None runs all."""
    categories: tuple[str, ...] = ()
    """Only cases of these; empty runs all."""
    only: tuple[str, ...] = ()
    """Only cases of these ids, which may end in ``*``; empty runs all."""
    repeat: int = 1
    """How often each question is asked. The second time is a new request to the model, kept apart."""
    paraphrases: bool = False
    """Whether the cases' other words are asked as well."""
    concurrency: int = 1
    """Cases at a time: one local model answers one at a time."""
    cached: bool = True
    """Whether replies of the model are kept and replayed."""
    fresh: bool = False
    """Begin anew where a stopped run could go on."""

    @property
    def off(self) -> frozenset[str]:
        """Everything that is switched off."""
        return self.without if self.worded else self.without | {WORDED_ANSWER}

    def settings(self) -> Settings:
        """For the graph."""
        settings = Settings(
            without=self.off,
            model_seconds=REQUEST_SECONDS,
            value_hints=self.value_hints,
            candidates=self.candidates,
        )
        return settings if self.max_repairs is None else replace(settings, max_repairs=self.max_repairs)

    def asks(self, cases: Sequence[Case]) -> list["Ask"]:
        """Every question of a run, each case's together."""
        return [
            Ask(case, trial, phrasing, question)
            for case in cases
            for phrasing, question in enumerate(
                [case.question, *(case.paraphrases if self.paraphrases else [])]
            )
            for trial in range(1, self.repeat + 1)
        ]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to be put: a case, in its own or in other words, for the first or a further time."""

    case: Case
    trial: int = 1
    phrasing: int = 0
    question: str = ""

    @property
    def key(self) -> str:
        """As ``CaseResult.key``."""
        phrasing = f"~{self.phrasing}" if self.phrasing else ""
        return f"{self.case.id}{phrasing}" + (f"#{self.trial}" if self.trial > 1 else "")
