"""The corpus: a database made to be attacked, statements that must run and statements that must not."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from tests.patience import HANG_SECONDS
from wire.outcome import ResultColumn
from wire.policy import Policy, parse_policy

HERE = Path(__file__).parent
PROOF = HERE.parents[2] / "docs" / "security" / "proof.md"
CANARY = "CANARY"

_SERVER = """
select 'relations', count(*)::text, coalesce(sum(c.oid::bigint), 0)::text from pg_class c
union all select 'functions', count(*)::text, '' from pg_proc
union all select 'roles', string_agg(rolname || rolsuper, ',' order by rolname), '' from pg_authid
union all select 'settings', count(*)::text, string_agg(setconfig::text, ',' order by setconfig::text)
    from pg_db_role_setting
union all select 'grants', string_agg(c.relacl::text, ',' order by c.oid), '' from pg_class c
union all select 'large objects', count(*)::text, '' from pg_largeobject_metadata
union all select 'slots', count(*)::text, '' from pg_replication_slots
union all select 'advisory locks', count(*)::text, '' from pg_locks
    where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())
union all select 'listeners', count(*)::text, '' from pg_listening_channels()
union all select 'prepared', count(*)::text, '' from pg_prepared_xacts
union all select 'files', f.size::text, ''
    from pg_stat_file(current_setting('data_directory') || '/custard_mark', true) f
"""
_STATE = f"""
{_SERVER}
union all select 'sequence', last_value::text, is_called::text from shop.invoice_number
union all select 'orders', count(*)::text, coalesce(sum(total), 0)::text from shop.orders
union all select 'lines', count(*)::text, sum(quantity)::text from shop.order_lines
union all select 'customers', count(*)::text, md5(string_agg(c::text, '' order by id)) from shop.customers c
union all select 'categories', count(*)::text, '' from shop.categories
union all select 'secrets', count(*)::text, md5(string_agg(value, '' order by id)) from vault.secrets
"""
_TABLES = """
select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.oid >= 16384 order by 1
"""


@dataclass(frozen=True)
class Case:
    """A statement of the corpus."""

    family: str
    sql: str
    bounded: bool = False
    """It may run, but must end within the limits, show no canary and leave nothing behind."""
    since: int = 0
    """The major version from which on PostgreSQL knows what it uses."""


@dataclass
class Recording:
    """A sink that keeps everything."""

    names: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def columns(self, columns: list[ResultColumn]) -> None:
        self.names = [column.name for column in columns]

    async def rows(self, body: bytes, row_count: int) -> None:
        self.bodies.append(body)

    @property
    def table(self) -> list[list[Any]]:
        """All rows."""
        return [row for body in self.bodies for row in json.loads(body)]

    @property
    def text(self) -> str:
        """All bytes that would have left."""
        return "".join(self.names) + b"".join(self.bodies).decode()


@dataclass(frozen=True)
class CorpusDatabase:
    """The corpus's database on one server."""

    dsn: str = field(repr=False)
    """The superuser's: the gate must hold when nothing behind it does."""
    major: int

    def state(self) -> dict[str, tuple[str, ...]]:
        """Everything that an attack might have changed, by what it is."""
        with psycopg.connect(self.dsn) as conn:
            return {what: tuple(rest) for what, *rest in conn.execute(_STATE.encode()).fetchall()}


@dataclass(frozen=True)
class MadeSchema:
    """One of the further schemas on one server."""

    name: str
    dsn: str = field(repr=False)
    """The superuser's: the gate must hold when nothing behind it does."""
    major: int

    def statements(self, file: str) -> list[str]:
        """The statements of a file, with an empty line between them, that this server knows."""
        return [sql for sql in read_statements(self.name, file) if _since(sql) <= self.major]

    def count(self, file: str) -> int:
        """How many statements a file has, those for newer servers included."""
        return len(read_statements(self.name, file))

    def policy(self, file: str) -> Policy:
        """A policy of its folder."""
        return patient(parse_policy((HERE / self.name / file).read_text(encoding="utf-8")))

    def server(self) -> list[tuple[str, ...]]:
        """What an attack might have changed beside rows: names, locks, a file that the traps leave."""
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(_SERVER.encode()).fetchall()

    def rows(self) -> dict[str, tuple[int, str]]:
        """A digest of every table."""
        found = {}
        with psycopg.connect(self.dsn) as conn:
            for (table,) in conn.execute(_TABLES).fetchall():
                digest = f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM ONLY {table} t"
                row = conn.execute(digest.encode()).fetchone()
                assert row is not None
                found[table] = row
        return found


def patient(policy: Policy) -> Policy:
    """With time for a machine that stands still for a while: what ran into a limit was not refused."""
    limits = policy.limits.model_copy(update={"statement_seconds": HANG_SECONDS})
    return policy.model_copy(update={"limits": limits})


def read_statements(folder: str, file: str) -> list[str]:
    """The statements of a file, with an empty line between them."""
    return re.split(r"\n[ \t]*\n", (HERE / folder / file).read_text(encoding="utf-8").strip())


def _since(sql: str) -> int:
    found = re.match(r"-- from (\d+)\n", sql)
    return int(found[1]) if found else 0


def make_schema(server: Any, name: str) -> str:
    """Make a schema's database on a server; the superuser's connection string for it.

    The first line of its file may name a search path.
    """
    text = (HERE / name / "schema.sql").read_text(encoding="utf-8")
    path = re.match(r"-- search_path: (.*)\n", text)
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{name}"'.encode())
        conn.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'UTC'".encode())
        if path:
            conn.execute(f'ALTER DATABASE "{name}" SET search_path = {path[1]}'.encode())
    dsn: str = server.dsn(name)
    with psycopg.connect(dsn) as conn:
        conn.execute(text.encode())
    return dsn


def _cases(folder: str) -> list[Case]:
    found = []
    for file in sorted((HERE / folder).glob("*.sql")):
        for part in re.split(r"\n[ \t]*\n", file.read_text(encoding="utf-8")):
            sql = part.strip("\n")
            if not sql.strip():
                continue
            bounded = sql.startswith("-- bounded\n")
            since = re.match(r"-- from (\d+)\n", sql)
            sql = sql.removeprefix("-- bounded\n")
            if since:
                sql = sql[since.end() :]
            found.append(Case(file.stem, sql, bounded, int(since[1]) if since else 0))
    return found


def _made() -> list[Case]:
    """Hostile statements that no file should hold: too long, too deep, or not text."""
    chain = ", ".join(f"c{n} AS (SELECT x + 1 AS x FROM c{n - 1})" for n in range(1, 400))
    many = "CASE WHEN true THEN " * 300 + "1" + " END" * 300
    texts = {
        "bytes": [
            "SELECT 1\0",
            "SELECT 1\0; DROP TABLE shop.orders",
            "SELECT '\0'",
            "\0",
            "SELECT '\ud800'",
            "SELECT '\udcff\udcfe'",
            "",
            " \n\t ",
            "SELECT 1 -- " + "x" * 40_000,
            "SELECT '" + "x" * 1_000_000 + "'",
            "SELECT " + "1, " * 500_000 + "1",
            "\ufeff" * 20_000,
        ],
        "depth": [
            "SELECT " + "(" * 10_000 + "1" + ")" * 10_000,
            "SELECT " + "1+" * 9_000 + "1",
            "SELECT " + "1+" * 16_000 + "1",
            "SELECT " + "- " * 9_000 + "id FROM shop.orders",
            "SELECT " + "NOT " * 7_000 + "true",
            "SELECT " + "abs(" * 5_000 + "1" + ")" * 5_000,
            "SELECT * FROM " + "(SELECT * FROM " * 200 + "shop.orders" + ") a" * 200,
            "SELECT " + "ARRAY[" * 3_000 + "1" + "]" * 3_000,
            "SELECT " + many,
            "SELECT 'a'" + "::text" * 4_000,
            "SELECT 'a'" + " || 'a'" * 4_000,
            "SELECT " + "(SELECT " * 500 + "1" + ")" * 500,
            "/*" * 10_000 + " SELECT 1",
            "SELECT 1 " + "UNION ALL SELECT 1 " * 1_500,
            "SELECT x" + "[1]" * 9_000 + " FROM shop.orders",
        ],
        "width": [
            "SELECT * FROM " + ", ".join(["shop.orders"] * 200),
            f"WITH c0 AS (SELECT 1 AS x), {chain} SELECT * FROM c399",
            "SELECT " + ", ".join(["1"] * 1_700),
            "SELECT id FROM shop.orders WHERE id IN (" + ", ".join(["1"] * 50_000) + ")",
            "SELECT " + ", ".join(f"(SELECT {n})" for n in range(150)),
        ],
        "unicode": [
            "SELECT * FROM vault\u200b.secrets",
            "SELECT * FROM \uff56ault.secrets",
            "\u202eSELECT 1; DROP TABLE shop.orders",
            "SELECT value FROM vault\u00a0.\u00a0secrets",
            "SELECT value FROM \u201cvault\u201d.\u201csecrets\u201d",
            "SELECT pg_s\u200dleep(1)",
            "SELECT \u037e DROP TABLE shop.orders",
            "SELECT email\u0301 , email FROM customers",
            "DROP\u2028TABLE shop.orders",
        ],
    }
    return [Case(family, sql) for family, statements in texts.items() for sql in statements]


@pytest.fixture(scope="session")
def legitimate() -> list[Case]:
    """Analytic statements that must run."""
    return _cases("legitimate")


@pytest.fixture(scope="session")
def hostile() -> list[Case]:
    """Statements that must be refused, or at least stay within bounds."""
    return _cases("hostile") + _made()


@pytest.fixture(scope="session")
def policy() -> Policy:
    """Denied tables and columns, a mask, a row filter."""
    return patient(parse_policy((HERE / "policy.toml").read_text()))


@pytest.fixture(scope="session")
def open_policy() -> Policy:
    """Everything but the vault."""
    return patient(parse_policy((HERE / "open.toml").read_text()))


@pytest.fixture(scope="session")
def corpus(place: Any) -> CorpusDatabase:
    """The database, on the wheel's PostgreSQL and on Debian's."""
    with psycopg.connect(place.server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE corpus")
        conn.execute("ALTER DATABASE corpus SET search_path = shop, public")
        conn.execute("ALTER DATABASE corpus SET timezone = 'UTC'")
    dsn = place.server.dsn("corpus")
    with psycopg.connect(dsn) as conn:
        conn.execute((HERE / "schema.sql").read_bytes())
    return CorpusDatabase(dsn, place.major)


@pytest.fixture(scope="session")
def made(place: Any) -> Callable[[str], MadeSchema]:
    """One of the further schemas by its name, made when it is first asked for."""
    found: dict[str, MadeSchema] = {}

    def make(name: str) -> MadeSchema:
        if name not in found:
            found[name] = MadeSchema(name, make_schema(place.server, name), place.major)
        return found[name]

    return make


@pytest.fixture(scope="session")
def make_one() -> Callable[[Any, str], str]:
    """``make_schema``."""
    return make_schema


def relations_by_sqlglot(sql: str, path: tuple[str, ...]) -> set[str] | None:
    """The relations that sqlglot sees a statement read, as ``schema.table``; None where it cannot read it.

    Args:
        path: schemas that a bare name may be in; it counts as all of them.
    """
    try:
        trees = sqlglot.parse(sql, read="postgres")
        if len(trees) != 1 or trees[0] is None:
            return None
        scopes = traverse_scope(trees[0])
    except (sqlglot.errors.SqlglotError, RecursionError, ValueError, AttributeError, IndexError):
        return None
    found = set()
    for scope in scopes:
        for source in scope.sources.values():
            if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
                schemas = [source.db] if source.db else path
                names = [_folded(source.args.get("db"))] if source.db else list(schemas)
                found.add("\n".join(f"{schema}.{_folded(source.this)}" for schema in names))
    return found


def _folded(name: Any) -> str:
    return str(name.this) if name.args.get("quoted") else str(name.this).lower()


@pytest.fixture(scope="session")
def write_part() -> Any:
    """Puts a part between its marks in ``docs/security/proof.md``, when ``CUSTARD_WRITE_PROOF`` is set."""

    def write(mark: str, lines: list[str]) -> None:
        if not os.environ.get("CUSTARD_WRITE_PROOF"):
            return
        start, end = f"<!-- {mark} -->", f"<!-- end {mark} -->"
        part = "\n".join([start, *lines, end])
        text = PROOF.read_text(encoding="utf-8")
        if start in text:
            before, rest = text.split(start, 1)
            text = before + part + rest.split(end, 1)[1]
        else:
            text = text.rstrip() + "\n\n" + part + "\n"
        PROOF.write_text(text, encoding="utf-8")

    return write


@pytest.fixture(scope="session")
def second_opinion() -> Any:
    """``relations_by_sqlglot``."""
    return relations_by_sqlglot


@pytest.fixture
def recording() -> type[Recording]:
    """Makes sinks that keep everything."""
    return Recording


@pytest.fixture
def canary() -> str:
    """What no byte that leaves may hold."""
    return CANARY
