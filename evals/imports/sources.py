"""Reads the questions of each format; what cannot be taken over is listed, never dropped in silence."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from evals.cases import Case
from evals.errors import ImportFailed
from evals.imports.dialect import Untranslatable, translate

Format = Literal["sql-eval", "spider", "bird", "verified"]
Dialect = Literal["sqlite", "postgres"]

MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A question that did not become a case, and why."""

    id: str
    reason: str


@dataclass(slots=True)
class Imported:
    """The cases of a source."""

    cases: list[Case] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Names:
    """What each format calls the parts of a question."""

    question: tuple[str, ...]
    sql: tuple[str, ...]
    db: tuple[str, ...]
    id: tuple[str, ...]
    category: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    dialect: Dialect = "postgres"


_NAMES: dict[Format, _Names] = {
    "sql-eval": _Names(
        ("question",),
        ("query",),
        ("db_name",),
        ("id",),
        ("query_category",),
        ("instructions", "full_instructions"),
    ),
    "spider": _Names(("question",), ("query",), ("db_id",), ("id",), ("hardness",), (), "sqlite"),
    "bird": _Names(
        ("question",),
        ("SQL", "query"),
        ("db_id",),
        ("question_id",),
        ("difficulty",),
        ("evidence",),
        "sqlite",
    ),
    "verified": _Names(
        ("question",), ("sql",), ("db", "connection"), ("id",), ("category",), ("instructions",)
    ),
}


def read_source(form: Format, path: Path, dialect: Dialect | None = None) -> Imported:
    """Read the questions of a file.

    Args:
        dialect: of the accepted queries; None takes the format's usual one, and PostgreSQL for a file whose
            name says so.

    Raises:
        ImportFailed: the file cannot be read, is not of the format, or holds no question.
    """
    names = _NAMES[form]
    spoken = dialect or ("postgres" if "postgres" in path.name.lower() else names.dialect)
    found = Imported()
    seen: dict[str, int] = {}
    for number, row in enumerate(_rows(path), 1):
        case_id = _first(row, names.id) or f"{form}-{number:04d}"
        seen[case_id] = seen.get(case_id, 0) + 1
        if seen[case_id] > 1:
            case_id = f"{case_id}-{seen[case_id]}"
        question, query = _first(row, names.question), _first(row, names.sql)
        if not question or not query:
            missing = names.question[0] if not question else names.sql[0]
            found.left_out.append(LeftOut(case_id, f"it has no {missing!r}"))
            continue
        try:
            gold = query if spoken == "postgres" else translate(query)
            found.cases.append(
                Case(
                    id=case_id,
                    db=_first(row, names.db),
                    question=question,
                    gold=gold,
                    category=_first(row, names.category),
                    instructions=_first(row, names.notes),
                )
            )
        except Untranslatable as error:
            found.left_out.append(LeftOut(case_id, f"its query is not to be had for PostgreSQL: {error}"))
        except ValueError as error:
            found.left_out.append(LeftOut(case_id, " ".join(str(error).split())[:200]))
    if not found.cases:
        why = f" The first: {found.left_out[0].reason}." if found.left_out else ""
        raise ImportFailed(
            f"{path.name} holds no question in the form of {form}.{why}",
            f"It wants the fields {names.question[0]}, {names.sql[0]} and {names.db[0]}.",
        )
    return found


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    text = _text(path)
    if path.suffix == ".csv":
        yield from csv.DictReader(io.StringIO(text))
        return
    listed: list[Any]
    try:
        whole = json.loads(text)
        listed = whole if isinstance(whole, list) else _inner(whole)
    except ValueError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            listed = [json.loads(line) for line in lines]
        except ValueError:
            raise ImportFailed(
                f"{path.name} is neither JSON nor JSON lines: {error}", "Name a .json, .jsonl or .csv file."
            ) from error
    for number, row in enumerate(listed, 1):
        if not isinstance(row, dict):
            raise ImportFailed(
                f"{path.name}: entry {number} is not an object.",
                "Each question is an object with its fields.",
            )
        yield row


def _inner(whole: Any) -> list[Any]:
    """The list inside of an object that has but one, or the object alone."""
    lists = [value for value in whole.values() if isinstance(value, list)] if isinstance(whole, dict) else []
    return lists[0] if len(lists) == 1 else [whole]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImportFailed(f"{path} is larger than a file of questions is.", "Name dev.json or its like.")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ImportFailed(f"{path} cannot be read: {error}", "Name the file of questions.") from error


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = row.get(name)
        if value is not None and str(value).strip():
            return str(value).strip()
    return ""
