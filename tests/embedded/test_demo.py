"""What is in the demo database, and who may see it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from embedded.demo import AGENT_ROLE, policy_toml
from wire.policy import parse_policy

TODAY = date(2026, 11, 23)
Ask = Callable[..., list[tuple[Any, ...]]]

ENGINEERS = (
    "SELECT count(*) FROM people.employees WHERE title ILIKE '%engineer%'",
    "SELECT count(*) FROM people.employees WHERE title LIKE '%Engineer%'",
    "SELECT count(DISTINCT e.employee_id) FROM people.employees e JOIN people.departments d"
    " ON e.department_id = d.department_id WHERE d.department_name = 'Engineering'",
    "SELECT count(*) FROM people.employees JOIN people.departments USING (department_id)"
    " WHERE department_name ILIKE '%engineer%'",
    "SELECT employees FROM people.headcount_by_department WHERE department_name = 'Engineering'",
)

COLUMNS = """
SELECT n.nspname, c.relname, a.attname, c.relkind,
       has_column_privilege(%(role)s, c.oid, a.attnum, 'SELECT'),
       has_column_privilege(%(role)s, c.oid, a.attnum, 'INSERT, UPDATE, REFERENCES')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = ANY(ARRAY['people', 'sales', 'billing', 'support', 'web']) AND c.relkind IN ('r', 'p', 'v')
"""


@pytest.fixture(scope="session")
def ask(made: Any) -> Ask:
    """Runs a query as the superuser."""

    def run(sql: str, **values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(made.server.dsn(made.demo.name)) as conn:
            return conn.execute(sql.encode(), values or None).fetchall()

    return run


@pytest.fixture
def agent(made: Any) -> Any:
    """A connection as the demo's agent makes it."""
    with psycopg.connect(made.demo.agent_dsn, autocommit=True) as conn:
        yield conn


def test_it_is_as_large_as_promised(made: Any, ask: Ask) -> None:
    assert made.demo.rows >= 250_000
    assert made.demo.tables >= 14
    assert made.demo.tables == 18
    tables = ask(
        "SELECT n.nspname, c.oid::regclass::text "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('people', 'sales', 'billing', 'support', 'web') "
        "AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
    )
    counted = [ask(f"SELECT count(*) FROM {table}")[0][0] for _, table in tables]
    assert len(tables) == made.demo.tables
    assert sum(counted) == made.demo.rows
    assert min(counted) > 0
    assert len({schema for schema, _ in tables}) == 5


def test_progress_goes_up_and_ends_whole(made: Any) -> None:
    done = [step for step, _ in made.progress]
    assert done == sorted(done)
    assert made.progress[-1] == (made.demo.rows, made.demo.rows)
    assert all(step <= total for step, total in made.progress)


def test_there_is_one_number_of_engineers(ask: Ask) -> None:
    counts = {ask(sql)[0][0] for sql in ENGINEERS}
    assert len(counts) == 1
    assert 100 < counts.pop() < 300
    assert ask("SELECT count(DISTINCT title) FROM people.employees WHERE title LIKE '%Engineer'")[0][0] >= 6


def test_five_years_end_today(ask: Ask) -> None:
    for sql in (
        "SELECT min(ordered_on), max(ordered_on) FROM sales.orders",
        "SELECT min(issued_on), max(issued_on) FROM billing.invoices",
        "SELECT min(opened_at)::date, max(coalesce(resolved_at, opened_at))::date FROM support.tickets",
        "SELECT min(occurred_at)::date, max(occurred_at)::date FROM web.events",
    ):
        first, last = ask(sql)[0]
        assert date(2021, 11, 1) <= first <= date(2022, 1, 15), sql
        assert date(2026, 11, 20) <= last <= TODAY, sql


def test_every_table_and_column_that_needs_words_has_them(ask: Ask) -> None:
    without = ask(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('people', 'sales', 'billing', 'support', 'web') "
        "AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition AND obj_description(c.oid) IS NULL"
    )
    assert without == []
    nullable = ask(
        "SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN pg_class c "
        "ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('people', 'sales', 'billing', 'support') AND c.relkind = 'r' AND a.attnum > 0 "
        "AND NOT a.attnotnull AND col_description(a.attrelid, a.attnum) IS NULL"
    )
    assert nullable == []


def test_every_table_has_a_key_and_the_schemas_hang_together(ask: Ask) -> None:
    without = ask(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('people', 'sales', 'billing', 'support', 'web') AND c.relkind IN ('r', 'p') "
        "AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'p')"
    )
    assert without == []
    foreign = ask("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0")
    assert foreign[0][0] == 21
    assert ask("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated") == [(0,)]


def test_what_is_stored_twice_agrees(ask: Ask) -> None:
    assert ask(
        "SELECT count(*) FROM sales.orders o JOIN (SELECT order_id, sum(quantity * unit_price) AS total "
        "FROM sales.order_items GROUP BY 1) i USING (order_id) WHERE o.total_amount = i.total"
    ) == ask("SELECT count(*) FROM sales.orders")
    assert ask("SELECT sum(amount) FROM billing.payments") == ask(
        "SELECT sum(amount) FROM billing.invoices WHERE status = 'paid'"
    )
    assert ask(
        "SELECT count(*) FROM billing.subscriptions s JOIN billing.plans p USING (plan_id) "
        "WHERE s.monthly_amount <> s.seats * p.price_per_seat"
    ) == [(0,)]


def test_it_has_the_shapes_that_questions_are_about(ask: Ask) -> None:
    top, whole = ask(
        "SELECT sum(total) FILTER (WHERE place <= 100), sum(total) FROM (SELECT sum(total_amount) AS total, "
        "row_number() OVER (ORDER BY sum(total_amount) DESC) AS place "
        "FROM sales.orders GROUP BY customer_id) AS ranked"
    )[0]
    assert top > whole / 4, "a few customers bring much"
    counted = ask("SELECT extract(month FROM ordered_on)::int, count(*) FROM sales.orders GROUP BY 1")
    by_month: dict[int, int] = dict(counted)
    assert by_month[11] > 1.2 * by_month[8], "there are seasons"
    for column, table in (
        ("resolved_at", "support.tickets"),
        ("satisfaction_rating", "support.tickets"),
        ("cancelled_on", "billing.subscriptions"),
        ("sales_rep_id", "sales.orders"),
        ("customer_id", "web.events"),
        ("discontinued_on", "sales.products"),
    ):
        nulls, rows = ask(f"SELECT count(*) FILTER (WHERE {column} IS NULL), count(*) FROM {table}")[0]
        assert 0 < nulls < rows, column
    assert ask("SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'")[0][0] == 6
    for name in ("order_status", "ticket_priority", "subscription_status", "invoice_status"):
        labels = ask(
            "SELECT count(*) FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE typname = %(n)s",
            n=name,
        )
        assert labels[0][0] >= 3


def test_the_role_may_read_exactly_what_the_policy_permits(ask: Ask) -> None:
    policy = parse_policy(policy_toml())
    columns = ask(COLUMNS, role=AGENT_ROLE)
    denied = set()
    for schema, table, column, _, reads, writes in columns:
        assert reads == policy.permits_column(schema, table, column), f"{schema}.{table}.{column}"
        assert not writes
        if not reads:
            denied.add(f"{schema}.{table}.{column}")
    assert denied == {
        "people.employees.birth_date",
        "people.employees.national_id",
        "people.employees.personal_email",
        *(f"people.salary_history.{name}" for name in SALARY_COLUMNS),
        "sales.customers.contact_email",
        "sales.customers.contact_phone",
        "billing.payments.card_last_four",
        "support.ticket_messages.body",
    }


SALARY_COLUMNS = ("salary_history_id", "employee_id", "effective_on", "annual_salary", "change_reason")


def test_the_policys_own_tests_hold_in_the_database(agent: Any) -> None:
    for case in parse_policy(policy_toml()).tests:
        if case.expect == "allow":
            assert agent.execute(case.sql).fetchone() is not None
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                agent.execute(case.sql)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO billing.plans VALUES (9, 'Free', 0)",
        "UPDATE sales.orders SET total_amount = 0",
        "DELETE FROM support.tickets",
        "TRUNCATE web.events",
        "CREATE TABLE people.mine (x int)",
        "CREATE TABLE public.mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "DROP TABLE people.employees",
        "ALTER TABLE people.employees DISABLE TRIGGER ALL",
        "GRANT SELECT ON people.salary_history TO PUBLIC",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "COPY people.offices TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT * FROM people.salary_history",
        "SELECT * FROM people.employees",
        "SELECT e FROM people.employees AS e",
        "SELECT body FROM support.ticket_messages",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_the_role_can_do_nothing_else_even_in_a_writable_transaction(agent: Any, statement: str) -> None:
    agent.execute("SET default_transaction_read_only = off")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        agent.execute(statement)


def test_the_role_is_read_only_bounded_and_nobodys_heir(ask: Ask, agent: Any) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        agent.execute("CREATE TEMPORARY TABLE mine (x int)")
    settings = {
        name: agent.execute(f"SHOW {name}").fetchone()[0] for name in ("statement_timeout", "lock_timeout")
    }
    assert settings == {"statement_timeout": "30s", "lock_timeout": "2s"}
    role = ask(
        "SELECT rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit "
        "FROM pg_roles WHERE rolname = %(role)s",
        role=AGENT_ROLE,
    )
    assert role == [(False, False, False, False, False, False, 20)]
    owned = ask(
        "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = "
        "(SELECT oid FROM pg_roles WHERE rolname = %(role)s)",
        role=AGENT_ROLE,
    )
    assert owned == [(0,)]


def test_names_need_no_schema(agent: Any) -> None:
    assert agent.execute("SELECT count(*) FROM employees JOIN departments USING (department_id)").fetchone()[
        0
    ]


def test_a_secret_is_not_printed(made: Any) -> None:
    password = str(psycopg.conninfo.conninfo_to_dict(made.demo.agent_dsn)["password"])
    assert password not in repr(made.demo)
    assert password not in made.demo.summary


def test_the_page_about_it_names_every_table_and_everything_denied(ask: Ask) -> None:
    page = (Path(__file__).parents[2] / "docs" / "demo-database.md").read_text(encoding="utf-8")
    for schema, table, column, kind, reads, _ in ask(COLUMNS, role=AGENT_ROLE):
        if not (schema == "web" and table.startswith("events_")):
            assert f"`{table}`" in page, f"{schema}.{table} ({kind})"
        assert reads or f"`{column}`" in page or table == "salary_history", column
