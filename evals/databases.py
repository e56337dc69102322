"""Makes the databases of a suite on a throw-away server, each from ``DIR/<db>/<db>.sql``.

Beside it there may be variants, ``<db>.*.sql``: the same tables with other rows, on which answers are scored
as well, so that a query which is right by luck is found out. ``<db>/demo.toml`` instead has the demo database
made in several sizes (see ``evals.demo_variants``). They are loaded anew for every run: scripts may date
their rows relative to the day of loading.
"""

import glob
import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from embedded.demo.role import SCHEMAS
from embedded.postgres import EmbeddedPostgres, temporary_postgres
from evals.demo_variants import make_variants
from evals.errors import DatabaseError, EvalError
from evals.gold import split_statements
from evals.sql_script import create_database, run_script
from wire.policy import Policy

_log = logging.getLogger(__name__)

GENERATED = "demo.toml"
READER = "custard_eval"
"""The role under which questions are answered: it may read every table and do nothing else."""

_FURNISHING = re.compile(
    r"\s*(ALTER\s+\w+\s.*\bOWNER\s+TO|GRANT|REVOKE|COMMENT|SET|SELECT\s+pg_catalog\.set_config|"
    r"(CREATE|ALTER|COMMENT\s+ON)\s+(EXTENSION|ROLE|PUBLICATION|EVENT))\b",
    re.IGNORECASE | re.DOTALL,
)
"""Statements of a dump without which the tables and rows are the same."""


@dataclass(frozen=True, slots=True)
class LoadedDatabase:
    """A database of the suite, ready to be asked."""

    name: str
    owner_dsn: str
    """For scoring."""
    reader_dsn: str
    """For the agent."""
    policy: Policy | None = None
    """What its owner lets be read; None lets everything."""
    search_path: tuple[str, ...] = ()
    """Where the reader looks for bare names; empty where the owner looks there as well."""


@dataclass
class SuiteServer:
    """The server that holds a suite's databases, and those that are loaded already."""

    server: EmbeddedPostgres
    root: Path
    _password: str
    _loaded: dict[str, list[LoadedDatabase]]

    def scripts(self, name: str) -> list[Path]:
        """Where the database's script is, and those of its variants in order of their names.

        Raises:
            DatabaseError: there is none.
        """
        folder = self.root / name
        path = folder / f"{name}.sql"
        if name and (folder / GENERATED).is_file():
            return [folder / GENERATED]
        if not name or not path.is_file():
            raise DatabaseError(
                f"There is no script for the database {name!r}: {path} is missing.",
                "--databases names a folder that holds <db>/<db>.sql for each `db` of the cases.",
            )
        return [path, *sorted(other for other in folder.glob(f"{glob.escape(name)}.*.sql"))]

    def database(self, name: str) -> LoadedDatabase:
        """The database that is asked: the first of its variants. Raises as ``variants`` does."""
        return self.variants(name)[0]

    def variants(self, name: str) -> list[LoadedDatabase]:
        """Load the database and its variants when it is asked for first.

        Raises:
            DatabaseError: there is no script, or the server refuses it.
        """
        if name not in self._loaded:
            scripts = self.scripts(name)
            if scripts[0].name == GENERATED:
                self._loaded[name] = [
                    LoadedDatabase(
                        made.name, self.server.dsn(made.name), made.agent_dsn, made.policy, SCHEMAS
                    )
                    for made in make_variants(self.server.dsn(), name, scripts[0])
                ]
            else:
                self._loaded[name] = [
                    self._load(name if number == 1 else f"{name}_{number}", script)
                    for number, script in enumerate(scripts, 1)
                ]
        return self._loaded[name]

    def _load(self, name: str, path: Path) -> LoadedDatabase:
        try:
            script = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise DatabaseError(f"{path} cannot be read: {error}", "Save it as UTF-8.") from error
        admin = self.server.dsn()
        try:
            create_database(admin, name)
            with psycopg.connect(self.server.dsn(name), autocommit=True) as conn:
                run_script(conn, script)
        except psycopg.Error as first:
            _log.info("%s: %s; loading statement by statement", path.name, first)
            create_database(admin, name)
            self._load_piecemeal(name, script)
        with psycopg.connect(self.server.dsn(name), autocommit=True) as conn:
            conn.execute("ANALYZE")
            _let_read(conn, name)
        return LoadedDatabase(name, self.server.dsn(name), self.server.dsn(name, READER, self._password))

    def _load_piecemeal(self, name: str, script: str) -> None:
        """Pass over what only furnishes a dump (owners, grants, extensions); anything else must run."""
        try:
            statements = split_statements(script)
        except EvalError as error:
            raise DatabaseError(f"The script of {name} cannot be read: {error}", error.hint) from error
        with psycopg.connect(self.server.dsn(name), autocommit=True) as conn:
            for statement in statements:
                try:
                    run_script(conn, statement)
                except psycopg.Error as error:
                    if _FURNISHING.match(statement):
                        continue
                    place = " ".join(statement.split())[:120]
                    raise DatabaseError(
                        f"The script of {name} fails at {place!r}: {error}".strip(),
                        "It must run on an empty PostgreSQL database.",
                    ) from error


@contextmanager
def suite_server(root: Path) -> Iterator[SuiteServer]:
    """Start a throw-away server for the databases under ``root``.

    Raises:
        DatabaseError: ``root`` is not a folder.
    """
    if not root.is_dir():
        raise DatabaseError(f"There is no folder {root}.", "--databases names a folder that exists.")
    with temporary_postgres() as server:
        password = secrets.token_urlsafe(18)
        with psycopg.connect(server.dsn(), autocommit=True) as conn:
            conn.execute(
                sql.SQL("CREATE ROLE {} LOGIN NOINHERIT PASSWORD {}").format(
                    sql.Identifier(READER), sql.Literal(password)
                )
            )
            # Sums of floats must come out the same on every run.
            conn.execute("ALTER SYSTEM SET max_parallel_workers_per_gather = 0")
            conn.execute("SELECT pg_reload_conf()")
        yield SuiteServer(server, root, password, {})


def _let_read(conn: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    schemas = [str(row[0]) for row in conn.execute(_SCHEMAS).fetchall()]
    for schema in schemas:
        for grant in ("GRANT USAGE ON SCHEMA {} TO {}", "GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}"):
            conn.execute(_text(grant, schema))
    has_public = "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace LIMIT 1"
    if schemas and conn.execute(has_public).fetchone() is None:
        # Nothing is in public: the author's session must have looked elsewhere.
        path = ", ".join(map(_quoted, schemas))
        for role in (READER, "CURRENT_USER"):
            conn.execute(f"ALTER ROLE {role} IN DATABASE {_quoted(name)} SET search_path = {path}".encode())


_SCHEMAS = """
SELECT nspname FROM pg_namespace
WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)' ORDER BY 1
"""


def _text(template: LiteralString, schema: str) -> sql.Composed:
    return sql.SQL(template).format(sql.Identifier(schema), sql.Identifier(READER))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
