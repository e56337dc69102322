"""The cases of a suite: questions with the queries that answer them, read from JSON lines."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError, field_validator, model_validator

from evals.errors import CasesError
from wire.base import Message


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

    @field_validator("id", mode="before")
    @classmethod
    def _text_id(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value

    @field_validator("db", "gold", "instructions", "category", mode="before")
    @classmethod
    def _null_is_empty(cls, value: object) -> object:
        return "" if value is None else value

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
    """Read a file of cases, one JSON object a line; blank lines are passed over.

    Raises:
        CasesError: no such file, a line is not a case, an id comes twice, or there is none at all.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CasesError(f"The cases at {path} cannot be read: {error}", "Name a JSONL file.") from error
    cases: list[Case] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate(json.loads(line))
        except (ValueError, ValidationError) as error:
            raise CasesError(
                f"{path.name}, line {number} is not a case: {_reason(error)}",
                'A line is {"id", "db", "question", "gold", "answerable"}.',
            ) from error
        if case.id in seen:
            raise CasesError(
                f"{path.name}, line {number}: the id {case.id!r} is also on line {seen[case.id]}.",
                "Give each case an id of its own; results are kept by it.",
            )
        seen[case.id] = number
        cases.append(case)
    if not cases:
        raise CasesError(f"{path.name} holds no case.", "Write one JSON object a line.")
    return cases


def suite_digest(cases: Iterable[Case]) -> str:
    """SHA-256 (first 16 hex digits) of what is asked and accepted; order does not count."""
    lines = sorted(case.model_dump_json() for case in cases)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'case'}: {item['msg']}"
            for item in error.errors()
        )
    return str(error)
