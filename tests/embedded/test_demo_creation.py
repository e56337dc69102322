"""Making the demo database: the same from the same seed, once, and never over somebody else's."""

import hashlib
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from embedded.demo import billing, create_demo, sales, support, web
from embedded.demo.chance import Calendar
from embedded.demo.database import DEMO_VERSION, demo_tables
from embedded.demo.people import make_staff
from embedded.errors import DemoError
from embedded.postgres import EmbeddedPostgres

TODAY = date(2026, 11, 23)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the rows: how it is made does not depend on how much of it there is."""
    monkeypatch.setattr(sales, "CUSTOMERS", 60)
    monkeypatch.setattr(sales, "ORDERS", 300)
    monkeypatch.setattr(support, "TICKETS", 200)
    monkeypatch.setattr(web, "VISITS", 300)


def _digest(today: date, seed: int) -> dict[str, str]:
    return {
        table: hashlib.sha256(repr(rows).encode()).hexdigest() for table, rows in demo_tables(today, seed)
    }


def _sum(server: EmbeddedPostgres, name: str = "custard_demo") -> object:
    with psycopg.connect(server.dsn(name)) as conn:
        return conn.execute(
            "SELECT md5(string_agg(o::text, '' ORDER BY order_id)) FROM sales.orders AS o"
        ).fetchone()


def _databases(server: EmbeddedPostgres) -> set[str]:
    with psycopg.connect(server.dsn()) as conn:
        return {name for (name,) in conn.execute("SELECT datname FROM pg_database").fetchall()}


def _run(server: EmbeddedPostgres, statement: sql.SQL | sql.Composed) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        conn.execute(statement)


def test_a_seed_and_a_day_give_the_same_rows() -> None:
    first = _digest(TODAY, 7)
    assert _digest(TODAY, 7) == first
    assert len(first) == 18


def test_another_seed_changes_what_can_be_asked_about() -> None:
    first, second = _digest(TODAY, 7), _digest(TODAY, 8)
    same = {table for table in first if first[table] == second[table]}
    assert same == {"people.departments", "people.offices", "billing.plans"}
    counts = {
        sum("Engineer" in person.title for person in make_staff(Calendar(TODAY), seed).current)
        for seed in (7, 8, 9)
    }
    assert len(counts) == 3


@pytest.mark.parametrize(
    "today", [date(2028, 2, 29), date(2027, 1, 1), date(2026, 12, 31), date(2026, 3, 31)]
)
def test_any_day_will_do_as_the_last(today: date) -> None:
    tables = dict(demo_tables(today, 7))
    for rows, column in ((tables["sales.orders"], 3), (tables["billing.payments"], 2)):
        assert max(str(row[column]) for row in rows) <= today.isoformat()
    issued = {str(row[3])[:7] for row in tables["billing.invoices"]}
    assert len(issued) >= 59, "bills in every month"
    assert billing.TRIAL_DAYS == 14


def test_the_second_call_takes_what_the_first_made(server: EmbeddedPostgres) -> None:
    first = create_demo(server.dsn(), today=TODAY)
    before = _oid(server)
    steps: list[tuple[int, int]] = []
    second = create_demo(server.dsn(), lambda *step: steps.append(step), today=TODAY)
    assert second == first
    assert _oid(server) == before
    assert steps == []


def test_another_seed_day_or_version_makes_it_anew(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_demo(server.dsn(), today=TODAY)
    seven = _sum(server)
    create_demo(server.dsn(), today=TODAY, seed=8)
    assert _sum(server) != seven
    create_demo(server.dsn(), today=TODAY, seed=7)
    assert _sum(server) == seven
    before = _oid(server)
    monkeypatch.setattr("embedded.demo.database.DEMO_VERSION", DEMO_VERSION + 1)
    create_demo(server.dsn(), today=TODAY, seed=7)
    assert _oid(server) != before
    assert _sum(server) == seven


def test_variants_stand_side_by_side(server: EmbeddedPostgres) -> None:
    create_demo(server.dsn(), today=TODAY)
    other = create_demo(server.dsn(), today=TODAY, seed=8, name="custard_demo_8")
    assert _sum(server) != _sum(server, "custard_demo_8")
    with psycopg.connect(other.agent_dsn) as conn:
        assert conn.info.dbname == "custard_demo_8"
        assert conn.execute("SELECT count(*) > 0 FROM employees").fetchone() == (True,)


class Noon(datetime):
    """A clock that stands: the real one may strike midnight in the middle of a test."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Noon":
        return cls(2027, 3, 1, 12, tzinfo=tz)


def test_it_is_made_anew_when_it_has_aged(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.demo.database.datetime", Noon)
    now = Noon.now().date()
    for age, again in ((29, False), (31, True)):
        create_demo(server.dsn(), today=now - timedelta(days=age))
        before = _oid(server)
        assert (create_demo(server.dsn()).today == now) == again
        assert (_oid(server) != before) == again


def test_what_a_stop_in_the_middle_left_is_cleared(server: EmbeddedPostgres) -> None:
    _run(server, sql.SQL("DROP DATABASE IF EXISTS custard_demo"))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        create_demo(server.dsn(), stop, today=TODAY)
    assert "custard_demo" not in _databases(server)
    assert create_demo(server.dsn(), today=TODAY).rows > 0
    assert not {name for name in _databases(server) if name.endswith("in_the_making")}


def test_a_database_or_role_of_somebody_elses_is_left_alone(server: EmbeddedPostgres) -> None:
    _run(server, sql.SQL("CREATE DATABASE theirs"))
    with pytest.raises(DemoError, match="did not make"):
        create_demo(server.dsn(), today=TODAY, name="theirs")
    assert "theirs" in _databases(server)
    create_demo(server.dsn(), today=TODAY)
    _run(server, sql.SQL("COMMENT ON ROLE custard_agent IS 'theirs'"))
    try:
        with pytest.raises(DemoError, match="role custard_agent"):
            create_demo(server.dsn(), today=TODAY)
    finally:
        _run(server, sql.SQL("COMMENT ON ROLE custard_agent IS 'Made by the Custard demo for its agent'"))


def test_another_data_folder_gets_in_as_well(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create_demo(server.dsn(), today=TODAY)
    monkeypatch.setenv("CUSTARD_HOME", str(tmp_path / "another"))
    second = create_demo(server.dsn(), today=TODAY)
    assert second.agent_dsn != first.agent_dsn
    psycopg.connect(second.agent_dsn).close()
    assert (tmp_path / "another" / "demo-agent.password").stat().st_mode & 0o077 == 0


def test_an_administrator_need_not_be_a_superuser(server: EmbeddedPostgres) -> None:
    _run(server, sql.SQL("DROP DATABASE IF EXISTS custard_demo"))
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        conn.execute("DROP DATABASE IF EXISTS custard_demo_8")
        conn.execute("DROP ROLE IF EXISTS custard_agent")
        conn.execute("CREATE ROLE builder LOGIN CREATEDB CREATEROLE PASSWORD 'b'")
    made = create_demo(server.dsn(user="builder", password="b"), today=TODAY)
    with psycopg.connect(made.agent_dsn) as conn:
        assert conn.execute("SELECT count(*) > 0 FROM employees").fetchone() == (True,)


def test_a_server_that_will_not_have_it_is_named_as_the_cause(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE ROLE humble LOGIN PASSWORD 'h'")
    with pytest.raises(DemoError, match="permission denied"):
        create_demo(server.dsn(user="humble", password="h"), today=TODAY, name="humble_demo")
    with pytest.raises(DemoError, match="cannot be made") as raised:
        create_demo("host=127.0.0.1 port=1 dbname=postgres", today=TODAY)
    assert "CUSTARD_DEMO_DSN" in raised.value.hint


def _oid(server: EmbeddedPostgres) -> object:
    with psycopg.connect(server.dsn()) as conn:
        return conn.execute("SELECT oid FROM pg_database WHERE datname = 'custard_demo'").fetchone()
