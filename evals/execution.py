"""Runs queries for scoring: straight on the suite's own database, read-only, each in its own transaction."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from evals.results import ResultSet
from evals.score import MAX_ROWS

STATEMENT_SECONDS = 20
"""Longest time one query may take, predicted or accepted."""


class ScoringConnection:
    """One connection to a database of the suite. Not for serving: it trusts the statement's author.

    Args:
        dsn: whose rows are compared.
        search_path: schemas by which bare names of tables are looked up; the role's own when empty.
    """

    def __init__(self, dsn: str, search_path: Sequence[str] = ()) -> None:
        # One worker: sums of floats then come out the same on every run.
        options = (
            f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c max_parallel_workers_per_gather=0"
            " -c default_transaction_read_only=on -c lock_timeout=2000"
        )
        self._conn = psycopg.connect(dsn, options=options, autocommit=True)
        if search_path:
            schemas = sql.SQL(", ").join(map(sql.Identifier, search_path)).as_string()
            self._conn.execute("SELECT set_config('search_path', %s, false)", [schemas])
        # Cases of one database may be scored side by side.
        self._lock = threading.Lock()
        # Raw, so that % means what PostgreSQL takes it for.
        self._conn.cursor_factory = psycopg.RawCursor

    def __call__(self, query: str) -> ResultSet:
        """Run one query and read at most ``MAX_ROWS`` rows.

        Raises:
            psycopg.Error: the server refused it, or it returns no rows.
        """
        with self._lock, self._conn.transaction(force_rollback=True), self._conn.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            # An empty parameter list asks for the extended protocol: one statement, never several.
            cursor.execute(query.encode(), (), prepare=False)
            if cursor.description is None:
                raise psycopg.ProgrammingError("the statement returns no rows")
            columns = tuple(column.name for column in cursor.description)
            return ResultSet(columns, tuple(cursor.fetchmany(MAX_ROWS)))

    def close(self) -> None:
        self._conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
