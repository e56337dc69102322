"""Runs and their results in a SQLite file, a row a case, written as each ends.

``sqlite-utils query FILE 'select …'`` is the tool for questions that the report does not answer.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlite_utils

from evals.errors import StoreError
from evals.record import CaseResult, SuiteRun

RESULTS_FILE = "results.db"


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in words what a file system or SQLite refuses."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"Results cannot be kept in {path}: {error}.",
            "Make room, or see that --out names a folder that can be written to. What is there stays; "
            "the same command goes on where it stood.",
        ) from error


_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    run_id TEXT PRIMARY KEY, digest TEXT NOT NULL, started_at TEXT NOT NULL, finished_at TEXT,
    record TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS results (
    run_id TEXT NOT NULL, id TEXT NOT NULL, db TEXT, category TEXT, question TEXT, answerable INTEGER,
    verdict TEXT, exact INTEGER, subset INTEGER, valid INTEGER, predicted TEXT, refusal TEXT, error TEXT,
    tokens_in INTEGER, tokens_out INTEGER, model_calls INTEGER, seconds REAL, record TEXT NOT NULL,
    PRIMARY KEY (run_id, id)
) STRICT;
"""
"""``record`` is the whole of a row as JSON; the other columns are there to be queried. ``id`` is the result's
key: of a paraphrase or a repeat it says which."""

_RESULT_COLUMNS = {
    *("db", "category", "question", "answerable", "verdict", "exact", "subset", "valid", "predicted"),
    *("refusal", "error", "tokens_in", "tokens_out", "model_calls", "seconds"),
}


class ResultStore:
    """The results of every run kept in a folder.

    Raises:
        StoreError: there is no writing to the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RESULTS_FILE
        with _told(self.path):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = sqlite_utils.Database(self.path)
            self._file.conn.execute("PRAGMA journal_mode = WAL")
            self._file.conn.executescript(_TABLES)

    def begin(self, run: SuiteRun) -> None:
        """Keep a run, or what has become of it.

        Raises:
            StoreError: the file cannot be written to.
        """
        with _told(self.path):
            self._file.table("runs").upsert(
                {
                    "run_id": run.run_id,
                    "digest": run.digest,
                    "started_at": run.started_at.isoformat(),
                    "finished_at": run.finished_at.isoformat() if run.finished_at else None,
                    "record": run.model_dump_json(),
                },
                pk="run_id",
            )

    finish = begin

    def add(self, run_id: str, result: CaseResult) -> None:
        """Keep one case's result.

        Raises:
            StoreError: the file cannot be written to.
        """
        row = result.model_dump(mode="json", include=_RESULT_COLUMNS)
        row |= {"run_id": run_id, "id": result.key, "record": result.model_dump_json()}
        with _told(self.path):
            self._file.table("results").upsert(row, pk=("run_id", "id"))

    def unfinished(self, digest: str) -> SuiteRun | None:
        """The latest run of the same digest that was stopped in the middle."""
        rows = self._file.query(
            "SELECT record FROM runs WHERE digest = ? AND finished_at IS NULL"
            " ORDER BY started_at DESC LIMIT 1",
            [digest],
        )
        return next((SuiteRun.model_validate_json(row["record"]) for row in rows), None)

    def run(self, name: str) -> SuiteRun:
        """A run by its id, an unambiguous beginning of it, or ``latest``.

        Raises:
            StoreError: there is no such run, or several.
        """
        everything = self.runs()
        found = [run for run in everything if run.run_id == name] or (
            everything[:1] if name == "latest" else [run for run in everything if run.run_id.startswith(name)]
        )
        if len(found) == 1:
            return found[0]
        known = ", ".join(run.run_id for run in everything[:5]) or "none"
        what = f"Several runs begin with {name!r}" if found else f"There is no run {name!r}"
        raise StoreError(f"{what} in {self.path}.", f"The latest here: {known}.")

    def runs(self) -> list[SuiteRun]:
        """Every run, the latest first."""
        rows = self._file.query("SELECT record FROM runs ORDER BY started_at DESC")
        return [SuiteRun.model_validate_json(row["record"]) for row in rows]

    def results(self, run_id: str) -> list[CaseResult]:
        """The results of a run, in the order in which they came."""
        rows = self._file.query("SELECT record FROM results WHERE run_id = ? ORDER BY rowid", [run_id])
        return [CaseResult.model_validate(json.loads(row["record"])) for row in rows]

    def close(self) -> None:
        """Close the file."""
        self._file.conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
