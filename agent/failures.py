"""PostgreSQL's errors as ``Failed``, without what an error could give away.

An error message may quote a cell (``invalid input syntax for type integer: "alice@…"``) or name a relation
that the policy hides behind a view. So a message leaves as it is only when everything it quotes was in the
statement already; else its class's own sentence takes its place. The sqlstate always leaves.
"""

import re
from collections.abc import Collection

import psycopg

from wire.outcome import Failed, FailureCode

_SENTENCES = {
    "21000": "A subquery that must give one row gave more.",
    "22001": "A text is too long for its type.",
    "22003": "A number is out of its type's range.",
    "22007": "A text could not be read as a date or time.",
    "22008": "A date or time is out of range.",
    "22012": "Division by zero.",
    "2201B": "A regular expression is not valid.",
    "2201E": "The argument of a logarithm is out of range.",
    "2201F": "The arguments of a power are out of range.",
    "22021": "The database holds text that is not valid in its encoding.",
    "22023": "An argument of a function is not valid.",
    "22025": "An escape sequence of a pattern is not valid.",
    "22032": "A text is not valid JSON.",
    "22P02": "A value could not be read as the type it is cast to.",
    "2203F": "A JSON value is not a number where one is needed.",
    "25006": "The transaction is read-only.",
    "42501": "The database role may not read something that the statement needs.",
    "53100": "The database's disk is full.",
    "53200": "The database is out of memory.",
    "53400": "The statement needs more temporary space than the database allows.",
    "54001": "The statement is too deeply nested for the database.",
    "55P03": "The statement waited too long for a lock.",
    "57P01": "The database is shutting down.",
}
_CLASSES = {
    "08": "The connection to the database was lost.",
    "0A": "PostgreSQL does not support something that the statement asks for.",
    "22": "A value in the data does not fit what the statement does with it.",
    "23": "A constraint of the database was violated.",
    "25": "The statement is not possible in a read-only transaction.",
    "26": "The statement names a prepared statement.",
    "28": "The database does not let the agent's role in.",
    "34": "The statement names a cursor.",
    "3D": "The database does not exist.",
    "40": "The database rolled the transaction back.",
    "42": "PostgreSQL does not accept the statement.",
    "53": "The database is short of resources.",
    "54": "The statement exceeds a limit of PostgreSQL.",
    "55": "Something that the statement needs is not ready for use.",
    "57": "The database stopped the statement.",
    "58": "The database's machine failed.",
    "P0": "A function of the database raised an error.",
    "XX": "PostgreSQL met an internal error.",
}
_HINTS = {
    "22012": "Guard the divisor: x / NULLIF(y, 0).",
    "22P02": "Cast only what can be read as that type, or filter the rest out first.",
    "21000": "Add LIMIT 1, aggregate, or compare with IN.",
    "40001": "Ask again in a moment: others changed or replayed what it was reading.",
    "40P01": "Ask again in a moment: others held what it was waiting for.",
    "55P03": "Try again in a moment.",
}
_OPEN_CLASSES = frozenset({"42", "0A", "22", "34", "21"})
"""Classes whose own message may leave when it quotes nothing but the statement."""
_RETRYABLE_CLASSES = frozenset({"08", "40", "53", "57"})
_UNAVAILABLE = frozenset({"57P01", "57P02", "57P03", "53300"})

_QUOTED = re.compile(r'"((?:[^"]|"")*)"|“([^”]*)”|«([^»]*)»|\'([^\']*)\'')
_NAMED = re.compile(r"\b(?:column|relation|table|view|sequence|function|schema)\s+([^\s\"“«'(),;:]+)")
_WORD = re.compile(r'"(?:[^"]|"")*"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*')


def from_database(
    error: psycopg.Error,
    *,
    submitted: str,
    executed: str,
    prefix: int = 0,
    known_names: Collection[str] = (),
    elapsed_ms: float = 0.0,
) -> Failed:
    """What PostgreSQL said of a statement.

    Args:
        submitted: the statement as it came.
        executed: the statement as it ran; the gate may have rewritten it.
        prefix: characters that preceded ``executed`` in what was sent.
        known_names: names that the policy shows: a message or hint may mention them.
    """
    sqlstate = error.sqlstate
    if sqlstate is None:
        return Failed(
            code="database_unavailable",
            message="The connection to the database was lost while the statement ran.",
            hint="Ask again in a moment; check the database if it goes on.",
            retryable=True,
            elapsed_ms=elapsed_ms,
        )
    diagnosis = error.diag
    raw_position = diagnosis.statement_position
    place = int(raw_position) - prefix if raw_position and raw_position.isdigit() else None
    if place is not None and not 1 <= place <= len(executed) + 1:
        place = None
    message = (diagnosis.message_primary or "").strip()
    hint = (diagnosis.message_hint or "").strip()
    if not _may_leave(message, sqlstate, place, submitted, known_names):
        message = _SENTENCES.get(sqlstate) or _CLASSES.get(
            sqlstate[:2], "The database refused the statement."
        )
    if not _may_leave(hint, sqlstate, place, submitted, known_names):
        hint = ""
    code: FailureCode = "database_unavailable" if sqlstate in _UNAVAILABLE else "database"
    return Failed(
        code=code,
        message=message,
        hint=hint or _HINTS.get(sqlstate, ""),
        sqlstate=sqlstate,
        position=map_position(place, submitted=submitted, executed=executed),
        retryable=sqlstate[:2] in _RETRYABLE_CLASSES and sqlstate != "57014",
        elapsed_ms=elapsed_ms,
    )


def _may_leave(
    text: str, sqlstate: str, place: int | None, submitted: str, known_names: Collection[str]
) -> bool:
    if not text or sqlstate[:2] not in _OPEN_CLASSES or sqlstate == "42501":
        return False
    # Only parse analysis knows a place. Without one the error came while rows were read, and what its
    # message quotes or counts may be a cell.
    if place is None and sqlstate[:2] == "22":
        return False
    lowered = submitted.lower()
    quoted = [next(part for part in match if part) for match in _QUOTED.findall(text) if any(match)]
    for fragment in [*quoted, *_NAMED.findall(text)]:
        if fragment.lower() in lowered or fragment in known_names:
            continue
        if all(part in known_names or part.lower() in lowered for part in fragment.split(".")):
            continue
        return False
    return True


def map_position(place: int | None, *, submitted: str, executed: str) -> int | None:
    """Where in ``submitted`` lies what PostgreSQL points at in ``executed``.

    Both 1-based characters. A rewritten statement has other offsets: then the word pointed at is looked for,
    and counts when it stands in ``submitted`` exactly once. None when that cannot be told.
    """
    if place is None or submitted == executed:
        return place
    pointed = _WORD.match(executed, place - 1)
    if pointed is None:
        return None
    wanted = _plain(pointed.group())
    found = [match.start() + 1 for match in _WORD.finditer(submitted) if _plain(match.group()) == wanted]
    return found[0] if len(found) == 1 else None


def _plain(word: str) -> str:
    if word.startswith('"'):
        return word[1:-1].replace('""', '"')
    return word.lower()
