"""Making the demo database: generate, load, open it to the agent, and put it in place in one move.

It is built under another name and renamed when it is whole, so that a stop in the middle never leaves half a
database where a whole one is expected. A comment on the database says which one it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass, field
from datetime import UTC, date, datetime
from importlib.resources import files
from itertools import chain, groupby, islice
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from embedded.demo.billing import billing_tables
from embedded.demo.chance import USUAL, Calendar, Shape
from embedded.demo.people import Row, make_staff, people_tables
from embedded.demo.role import AGENT_ROLE, agent_password, ensure_role, grant_permitted, set_password
from embedded.demo.sales import make_customers, sales_tables
from embedded.demo.support import support_tables
from embedded.demo.web import event_years, web_tables
from embedded.errors import DemoError
from wire.conninfo import HINT, UNREADABLE, is_plain
from wire.policy import parse_policy

DEMO_VERSION = 1
"""Raised whenever the tables or the generator change; an older database is then made anew."""

DEMO_NAME = "custard_demo"
DEFAULT_SEED = 7
FRESH_DAYS = 30
"""A database that ends longer ago than this is made anew: "last month" should not be empty."""

TYPICAL_ROWS = 370_000
MARK = "Custard demo "
LOCK_KEY = 7_021_955
LOCK_SECONDS = 180
COPY_ROWS = 5_000

Progress = Callable[[int, int], None]
"""Rows done, and rows in all (about, until the end)."""


@dataclass(frozen=True)
class DemoDatabase:
    """A demo database that is ready. ``agent_dsn`` holds the agent's password."""

    name: str
    agent_dsn: str = field(repr=False)
    policy_toml: str = field(repr=False)
    rows: int
    tables: int
    today: date
    """The last day in the data."""

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"{self.name}: {self.rows:,} rows in {self.tables} tables, up to {self.today}"


@dataclass(frozen=True)
class _Mark:
    """What the comment on a finished database says."""

    version: int
    seed: int
    today: date
    rows: int
    tables: int
    shape: tuple[float, ...] = astuple(USUAL)

    def __str__(self) -> str:
        return MARK + json.dumps({**vars(self), "today": self.today.isoformat()})

    @classmethod
    def read(cls, comment: str | None) -> _Mark | None:
        if comment is None or not comment.startswith(MARK):
            return None
        values: dict[str, Any] = json.loads(comment.removeprefix(MARK))
        values["today"] = date.fromisoformat(values["today"])
        values["shape"] = tuple(values.get("shape", astuple(USUAL)))
        return cls(**values)


def policy_toml() -> str:
    """The demo's policy file."""
    return files("embedded.demo").joinpath("policy.toml").read_text(encoding="utf-8")


def create_demo(
    admin_dsn: str,
    progress: Progress | None = None,
    *,
    today: date | None = None,
    seed: int = DEFAULT_SEED,
    name: str = DEMO_NAME,
    shape: Shape = USUAL,
) -> DemoDatabase:
    """Make the demo database on a server, or take the one that is there.

    Args:
        admin_dsn: any database of the server, as a role that may create databases and roles.
        progress: told how far it is.
        today: the last day in the data. None means now, and takes a database that is up to 30 days old.
        seed: another seed gives other people, customers and figures in the same tables.
        name: the database's name.
        shape: a smaller, larger or more uneven company than the usual one.

    Raises:
        DemoError: the server cannot be reached, or does not permit it, or has something else of that name.
    """
    if not is_plain(admin_dsn, conninfo_to_dict):
        raise DemoError(f"CUSTARD_DEMO_DSN: {UNREADABLE}", HINT)
    try:
        with closing(psycopg.connect(admin_dsn, autocommit=True)) as admin:
            admin.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            admin.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
            ensure_role(admin)
            mark = _present(admin, name)
            if mark is None or not _serves(mark, today, seed, shape):
                day = today or datetime.now(UTC).date()
                mark = _build(admin, admin_dsn, name, day, seed, shape, progress)
            demo = DemoDatabase(
                name, _agent_dsn(admin_dsn, name), policy_toml(), mark.rows, mark.tables, mark.today
            )
            _admit(admin, demo.agent_dsn)
            return demo
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise DemoError(
            f"The demo database cannot be made: {said}",
            "CUSTARD_DEMO_DSN must name a role that may create databases and roles, or be left out.",
        ) from error


def demo_tables(today: date, seed: int, shape: Shape = USUAL) -> Iterator[tuple[str, list[Row]]]:
    """Every table's name and rows, referenced ones first. The same arguments give the same rows anywhere."""
    calendar = Calendar(today)
    staff = make_staff(calendar, seed, shape)
    customers = make_customers(calendar, seed, shape)
    return chain(
        people_tables(staff, calendar, seed),
        sales_tables(customers, staff, calendar, seed, shape),
        billing_tables(customers, calendar, seed),
        support_tables(customers, staff, calendar, seed, shape),
        web_tables(customers, calendar, seed, shape),
    )


def _present(admin: psycopg.Connection, name: str) -> _Mark | None:
    found = admin.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [name]
    ).fetchone()
    if found is None:
        return None
    mark = _Mark.read(found[0])
    if mark is None:
        raise DemoError(
            f"This server already has a database {name} that the demo did not make.",
            "Rename it, or put the demo on another server with CUSTARD_DEMO_DSN.",
        )
    return mark


def _serves(mark: _Mark, today: date | None, seed: int, shape: Shape) -> bool:
    if (mark.version, mark.seed, mark.shape) != (DEMO_VERSION, seed, astuple(shape)):
        return False
    if today is not None:
        return mark.today == today
    return 0 <= (datetime.now(UTC).date() - mark.today).days <= FRESH_DAYS


def _build(
    admin: psycopg.Connection,
    admin_dsn: str,
    name: str,
    today: date,
    seed: int,
    shape: Shape,
    progress: Progress | None,
) -> _Mark:
    draft = f"{name}_in_the_making"
    old, new = sql.Identifier(name), sql.Identifier(draft)
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(new))
    admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(new))
    with closing(psycopg.connect(make_conninfo(admin_dsn, dbname=draft), autocommit=True)) as conn:
        with conn.transaction():
            rows, tables = _fill(conn, today, seed, shape, progress)
            grant_permitted(conn, parse_policy(policy_toml()))
        conn.execute("ANALYZE")
    mark = _Mark(DEMO_VERSION, seed, today, rows, tables, astuple(shape))
    admin.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(new, sql.Literal(str(mark))))
    admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(old))
    admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, old))
    if progress is not None:
        progress(rows, rows)
    return mark


def _fill(
    conn: psycopg.Connection, today: date, seed: int, shape: Shape, progress: Progress | None
) -> tuple[int, int]:
    """Make, load and key the tables; how many rows and how many tables they are."""
    conn.execute(_script("tables.sql"))
    for year in event_years(Calendar(today)):
        conn.execute(
            sql.SQL("CREATE TABLE {} PARTITION OF web.events FOR VALUES FROM ({}) TO ({})").format(
                sql.Identifier("web", f"events_{year}"),
                sql.Literal(f"{year}-01-01 00:00:00+00"),
                sql.Literal(f"{year + 1}-01-01 00:00:00+00"),
            )
        )
    done = tables = 0
    for table, rows in demo_tables(today, seed, shape):
        tables += 1
        for target, part in _targets(table, rows):
            for count in _copy(conn, target, part):
                done += count
                if progress is not None:
                    progress(done, max(done, TYPICAL_ROWS))
    conn.execute(_script("keys.sql"))
    return done, tables


def _targets(table: str, rows: list[Row]) -> Iterable[tuple[str, Iterable[Row]]]:
    """Where rows go: events straight into their year's partition, since only a plain table takes FREEZE."""
    if table != "web.events":
        return [(table, rows)]
    return ((f"{table}_{year}", part) for year, part in groupby(rows, key=lambda row: str(row[1])[:4]))


def _copy(conn: psycopg.Connection, table: str, rows: Iterable[Row]) -> Iterator[int]:
    """Load rows, telling how many after every few thousand.

    FREEZE leaves nothing for a vacuum to do later, and may be used since the table is of this transaction.
    """
    statement = sql.SQL("COPY {} FROM STDIN (FREEZE)").format(sql.Identifier(*table.split(".")))
    remaining = iter(rows)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        while block := list(islice(remaining, COPY_ROWS)):
            for row in block:
                copy.write_row(row)
            yield len(block)


def _agent_dsn(admin_dsn: str, name: str) -> str:
    """The same server as the agent's role, by nothing but its password."""
    kept = {"host", "hostaddr", "port", "sslmode", "sslrootcert", "connect_timeout"}
    server = {key: value for key, value in conninfo_to_dict(admin_dsn).items() if key in kept}
    return make_conninfo("", **server, dbname=name, user=AGENT_ROLE, password=agent_password())


def _admit(admin: psycopg.Connection, agent_dsn: str) -> None:
    """Make sure that the agent gets in; the password is set anew when another data folder had set its own."""
    try:
        psycopg.connect(agent_dsn, connect_timeout=10).close()
    except psycopg.OperationalError:
        set_password(admin)
        psycopg.connect(agent_dsn, connect_timeout=10).close()


def _script(name: str) -> bytes:
    return files("embedded.demo").joinpath(name).read_bytes()
