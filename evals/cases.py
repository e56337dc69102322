"""The cases of a suite: questions with the queries that answer them, and what else counts as right."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from evals.case_files import Entry, read_entries
from evals.errors import CasesError
from wire.base import Message

Leniency = Literal["percent", "rounded"]
"""``percent``: the last column may be a share or a hundred times it. ``rounded``: numbers may be rounded to
one to four decimals."""


class PastTurn(Message):
    """An earlier turn of the thread that a case goes on with."""

    question: str = Field(min_length=1)
    sql: str = ""
    answer: str = ""


class Case(Message):
    """One question. Fields that other tools keep in the same line are passed over."""

    id: str = Field(min_length=1)
    db: str = ""
    """The database it is asked of: ``DIR/<db>/<db>.sql``. May be empty with ``--connection``."""
    question: str = Field(min_length=1)
    gold: str = ""
    """Accepted queries, separated by ``;``; see ``evals.gold``. Empty when there is no answer."""
    answerable: bool = True
    """False when the right response is a refusal or a question back."""
    instructions: str = ""
    category: str = ""
    kind: str = ""
    """Within the category: which kind of unanswerable, for one."""
    accept: list[Leniency] = Field(default_factory=list)
    may_ask: bool = False
    """Whether a question back (or a refusal) is right beside the accepted queries."""
    hostile: bool = False
    """Whether what is asked must not be done: then an error is as right as a refusal."""
    history: list[PastTurn] = Field(default_factory=list)
    """Turns before this one, oldest first."""
    paraphrases: list[str] = Field(default_factory=list)
    """The same question in other words, asked with ``--paraphrases``."""
    near_miss: list[str] = Field(default_factory=list)
    """Wrong queries that the databases must tell from the accepted ones; read by ``evals.distinguish``."""
    may_be_empty: bool = False
    """Whether the right result may be empty or zero on some data."""

    @field_validator("id", mode="before")
    @classmethod
    def _text_id(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value

    @field_validator("gold", mode="before")
    @classmethod
    def _joined(cls, value: object) -> object:
        return ";\n".join(map(str, value)) if isinstance(value, list) else value

    @field_validator("db", "gold", "instructions", "category", "kind", mode="before")
    @classmethod
    def _null_is_empty(cls, value: object) -> object:
        return "" if value is None else value

    @field_validator("question")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("a question needs words")
        return value

    @field_validator("db")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if value and (value in {".", ".."} or not all(char.isalnum() or char in "_-." for char in value)):
            raise ValueError("a database's name is made of letters, digits, '_', '-' and '.'")
        return value

    @model_validator(mode="after")
    def _gold_when_answerable(self) -> "Case":
        if self.answerable and not self.gold.strip():
            raise ValueError("an answerable case needs `gold`, or `answerable: false`")
        return self


def load_cases(path: Path) -> list[Case]:
    """Read cases from a file, or from all files of a folder in order of their names.

    ``.jsonl`` holds one JSON object a line. ``.yaml`` holds a mapping whose ``cases`` is a list; what else
    stands in it (``db``, ``category``, …) is the default for each of them.

    Raises:
        CasesError: no such file, an entry is not a case, an id comes twice, or there is none at all.
    """
    cases: list[Case] = []
    seen: dict[str, Entry] = {}
    for entry in read_entries(path, frozenset(Case.model_fields)):
        try:
            case = Case.model_validate(entry.fields)
        except ValidationError as error:
            raise CasesError(
                f"{entry.place} is not a case: {_reason(error)}",
                "A case has id, db, question, gold and answerable; docs/evals.md shows some.",
            ) from error
        if case.id in seen:
            raise CasesError(
                f"{entry.place}: the id {case.id!r} is also on {seen[case.id].place}.",
                "Give each case an id of its own; results are kept by it.",
            )
        seen[case.id] = entry
        cases.append(case)
    if not cases:
        raise CasesError(f"{path.name} holds no case.", "Write one JSON object a line, or a YAML file.")
    return cases


def select(
    cases: Sequence[Case],
    *,
    categories: Iterable[str] = (),
    only: Iterable[str] = (),
    limit: int | None = None,
) -> list[Case]:
    """Those of these categories and ids, then at most ``limit`` of them, evenly spread.

    An id may end in ``*`` to name all that begin so.

    Raises:
        CasesError: a category or id that no case has, or nothing is left.
    """
    chosen = list(cases)
    wanted = list(categories)
    if wanted:
        known = sorted({case.category for case in cases if case.category})
        for name in wanted:
            if name not in known:
                raise CasesError(f"No case is of the category {name!r}.", f"There are: {', '.join(known)}.")
        chosen = [case for case in chosen if case.category in wanted]
    names = list(only)
    if names:
        for name in names:
            if not any(_named(case.id, name) for case in cases):
                raise CasesError(f"No case has the id {name!r}.", "An id may end in * to name several.")
        chosen = [case for case in chosen if any(_named(case.id, name) for name in names)]
    if not chosen:
        raise CasesError("The category and the ids have no case in common.", "Leave one of the two out.")
    return spread(chosen, limit)


def spread(cases: list[Case], limit: int | None) -> list[Case]:
    """At most ``limit`` cases at even distances, so that no database or category is left out."""
    if limit is None or limit >= len(cases):
        return cases
    return [cases[place * len(cases) // limit] for place in range(max(limit, 0))]


def suite_digest(cases: Iterable[Case]) -> str:
    """SHA-256 (first 16 hex digits) of what is asked and accepted; order does not count."""
    lines = sorted(case.model_dump_json(exclude={"near_miss", "may_be_empty"}) for case in cases)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _named(case_id: str, name: str) -> bool:
    return case_id.startswith(name[:-1]) if name.endswith("*") else case_id == name


def _reason(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc']) or 'case'}: {item['msg']}" for item in error.errors()
    )
