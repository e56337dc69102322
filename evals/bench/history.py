"""Figures over time: kept in the user's data folder, compared with those of the commit before."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlite_utils
from platformdirs import user_data_path

from evals.bench.figure import Figure


def history_file() -> Path:
    """The database of figures."""
    return user_data_path("custard") / "bench.db"


def commit() -> str:
    """The commit that is checked out, marked when files differ from it; empty outside a repository."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return described.stdout.strip() if described.returncode == 0 else ""


def keep(file: Path, figures: list[Figure], machine: dict[str, Any], of: str) -> None:
    """Add a measurement."""
    file.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite_utils.Database(file)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    rows = [
        {"at": at, "commit": of, "machine": json.dumps(machine), **figure.model_dump()} for figure in figures
    ]
    database.table("figures").insert_all(rows, alter=True)
    database.close()


def before(file: Path, of: str) -> dict[str, float]:
    """The latest ratio of each figure that was measured at another commit than ``of``."""
    if not file.exists():
        return {}
    database = sqlite_utils.Database(file)
    try:
        if "figures" not in database.table_names():
            return {}
        rows = database.query(
            'SELECT name, ratio FROM figures WHERE "commit" <> :of ORDER BY at, rowid', {"of": of}
        )
        return {str(row["name"]): float(row["ratio"]) for row in rows}
    finally:
        database.close()
