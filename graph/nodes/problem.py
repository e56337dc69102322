"""What was wrong with an attempt, in the words that a model or a person can act on."""

import re

from graph.record import Attempt
from graph.schema_text import quoted, shown_name
from wire.outcome import Failed
from wire.snapshot import SchemaSnapshot

_IDENTIFIERS = re.compile(r'(?:"(?:[^"]|"")+"|[^\W\d]\w*)(?:\s*\.\s*(?:"(?:[^"]|"")+"|[^\W\d]\w*))*')
_UNDEFINED_COLUMN, _UNDEFINED_TABLE = "42703", "42P01"
_NEAR = 30
"""Characters of the query shown from the place that PostgreSQL points at."""
_HOMES = 6
"""Tables named as having a column."""


def problem_text(attempt: Attempt, snapshot: SchemaSnapshot) -> str:
    """Everything known about why the attempt does not work: for the repair prompt."""
    if isinstance(attempt.outcome, Failed):
        return "\n".join(_of_failure(attempt.sql, attempt.outcome, snapshot))
    said = "\n".join(f"{finding.message} {finding.hint}".strip() for finding in attempt.findings)
    return said or "It does not answer the question."


def first_words(attempt: Attempt) -> str:
    """The same in one sentence, for people."""
    if isinstance(attempt.outcome, Failed):
        return attempt.outcome.message
    return next((finding.message for finding in attempt.findings), "it does not answer the question")


def misnamed(attempt: Attempt) -> bool:
    """Whether it failed for a table or column that is not there."""
    if isinstance(attempt.outcome, Failed):
        return attempt.outcome.sqlstate in (_UNDEFINED_COLUMN, _UNDEFINED_TABLE)
    return any(finding.rule in ("unknown_table", "unknown_column") for finding in attempt.findings)


def homes(column: str, snapshot: SchemaSnapshot) -> list[str]:
    """The tables that do have this column, as a query writes them."""
    return [shown_name(table, snapshot) for table in snapshot.tables if table.column(column)][:_HOMES]


def _of_failure(sql: str, failed: Failed, snapshot: SchemaSnapshot) -> list[str]:
    state = f" (SQLSTATE {failed.sqlstate})" if failed.sqlstate else ""
    lines = [f"{failed.message}{state}"]
    if failed.hint:
        lines.append(failed.hint)
    if failed.position and 0 < failed.position <= len(sql):
        start = failed.position - 1
        lines.append(f"At character {failed.position}: {' '.join(sql[start : start + _NEAR].split())}")
        if failed.sqlstate == _UNDEFINED_COLUMN and (named := _IDENTIFIERS.match(sql, start)):
            lines += _where_it_lives(named[0], snapshot)
    return lines


def _where_it_lives(written: str, snapshot: SchemaSnapshot) -> list[str]:
    last = re.split(r"\s*\.\s*", written)[-1]
    column = last[1:-1].replace('""', '"') if last.startswith('"') else last.lower()
    found = homes(column, snapshot)
    if not found:
        return [f"No table has a column {quoted(column)}."]
    return [f"The column {quoted(column)} is in {', '.join(found)}."]
