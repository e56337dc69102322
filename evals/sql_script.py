"""Runs the SQL script that makes a database: plain statements, or what ``pg_dump`` writes.

psql's own commands are not known here: ``\\connect`` and its like are passed over, except that rows after
``COPY … FROM stdin`` are fed to the server.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

_COPY = re.compile(r"^\s*COPY\s.+\sFROM\s+stdin\b.*;\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive statements, or one COPY with the rows it reads."""

    statements: str
    rows: str | None = None


def pieces(script: str) -> Iterator[Piece]:
    """Cut a script where COPY's rows interrupt it."""
    text: list[str] = []
    lines = iter(script.splitlines(keepends=True))
    for line in lines:
        if _COPY.match(line):
            yield Piece("".join(text))
            text.clear()
            rows: list[str] = []
            for row in lines:
                if row.rstrip("\r\n") == "\\.":
                    break
                rows.append(row)
            yield Piece(line, "".join(rows))
        elif not line.startswith("\\"):
            text.append(line)
    yield Piece("".join(text))


def run_script(conn: psycopg.Connection[tuple[object, ...]], script: str) -> None:
    """Run a script on an autocommit connection, in order.

    Raises:
        psycopg.Error: the server refused a statement; what came before it stays.
    """
    for piece in pieces(script):
        if not piece.statements.strip():
            continue
        if piece.rows is None:
            # No parameters: psycopg then sends the text as one simple query, many statements and all.
            conn.execute(piece.statements.encode())
        else:
            with conn.cursor() as cursor, cursor.copy(piece.statements.encode()) as copy:
                copy.write(piece.rows)


def create_database(admin_dsn: str, name: str) -> None:
    """Make an empty database, replacing one of the same name."""
    with psycopg.connect(admin_dsn, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        conn.execute(
            sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(sql.Identifier(name))
        )
