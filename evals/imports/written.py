"""Writes an imported suite: ``cases.jsonl`` and, for each database, ``databases/<db>/<db>.sql``."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from evals.cases import Case
from evals.databases import suite_server
from evals.errors import DatabaseError, GoldError, ImportFailed
from evals.execution import ScoringConnection
from evals.gold import accepted_queries
from evals.imports.sources import Imported, LeftOut
from evals.imports.sqlite import convert
from evals.score import Scorer

CASES, DATABASES, NOTES = "cases.jsonl", "databases", "IMPORT.md"
_SQLITE = (".sqlite", ".sqlite3", ".db")

Told = Callable[[str], None]


@dataclass(slots=True)
class Written:
    """What an import has made."""

    cases: int = 0
    databases: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)
    """By database: what was not taken over."""


def write_suite(found: Imported, out: Path, databases: Path | None, *, check: bool, told: Told) -> Written:
    """Write cases and databases to a folder, keeping only cases whose query runs.

    Args:
        databases: where the benchmark keeps them, at any depth; None leaves them out, as for a live one.
        check: whether each accepted query is run on a throw-away server first; needs the databases.
        told: called with what is being done.

    Raises:
        ImportFailed: a database is not there, or the folder cannot be written to.
    """
    written = Written(left_out=list(found.left_out))
    cases = found.cases
    try:
        out.mkdir(parents=True, exist_ok=True)
        if databases is not None:
            for name in sorted({case.db for case in cases if case.db}):
                told(f"{name}: reading its database")
                written.notes[name] = _write_database(name, databases, out / DATABASES)
                written.databases.append(name)
            if check:
                cases = _running(cases, out / DATABASES, written, told)
        lines = (case.model_dump_json(exclude_defaults=True) for case in cases)
        (out / CASES).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        written.cases = len(cases)
        (out / NOTES).write_text(_notes(written), encoding="utf-8")
    except OSError as error:
        raise ImportFailed(
            f"{out} cannot be written to: {error}", "Name another folder with --out."
        ) from error
    return written


def _write_database(name: str, source: Path, target: Path) -> list[str]:
    """Put a database's script in its place; returns what was not taken over."""
    script, sqlite = _find(name, source)
    folder = target / name
    folder.mkdir(parents=True, exist_ok=True)
    if script is not None:
        shutil.copyfile(script, folder / f"{name}.sql")
        return []
    if sqlite is not None:
        return convert(sqlite, folder / f"{name}.sql").notes
    raise ImportFailed(
        f"There is no database {name!r} under {source}.",
        f"It wants {name}.sql, or {name}{_SQLITE[0]}, at any depth of that folder.",
    )


def _find(name: str, source: Path) -> tuple[Path | None, Path | None]:
    if not source.is_dir():
        raise ImportFailed(f"There is no folder {source}.", "--databases names the benchmark's databases.")
    found = sorted(path for path in source.rglob("*") if path.stem == name and path.is_file())
    script = next((path for path in found if path.suffix == ".sql"), None)
    sqlite = next((path for path in found if path.suffix in _SQLITE), None)
    return script, sqlite


def _running(cases: list[Case], databases: Path, written: Written, told: Told) -> list[Case]:
    """The cases whose accepted query runs."""
    kept = []
    with suite_server(databases) as server:
        for name in sorted({case.db for case in cases}):
            told(f"{name}: running its accepted queries")
            mine = [case for case in cases if case.db == name]
            try:
                loaded = server.database(name)
            except DatabaseError as error:
                written.left_out += [
                    LeftOut(case.id, f"its database cannot be made: {error}") for case in mine
                ]
                continue
            with ScoringConnection(loaded.owner_dsn) as connection:
                scorer = Scorer(connection)
                for case in mine:
                    problem = _problem(case, scorer)
                    if problem:
                        written.left_out.append(LeftOut(case.id, problem))
                    else:
                        kept.append(case)
    return sorted(kept, key=cases.index)


def _problem(case: Case, scorer: Scorer) -> str:
    reasons = []
    try:
        for query in accepted_queries(case.gold):
            try:
                scorer.run(query)
                return ""
            except GoldError as error:
                reasons.append(" ".join(str(error).split()))
    except GoldError as error:
        reasons.append(str(error))
    return reasons[0][:300]


def _notes(written: Written) -> str:
    lines = ["# What was imported", "", f"{written.cases} cases."]
    if written.left_out:
        lines += ["", f"## Left out: {len(written.left_out)}", ""]
        lines += [f"- {json.dumps(one.id)}: {one.reason}" for one in written.left_out]
    for name, notes in written.notes.items():
        if notes:
            lines += [
                "",
                f"## {name}: not taken over, or not as it was",
                "",
                *(f"- {note}" for note in notes),
            ]
    return "\n".join(lines) + "\n"
