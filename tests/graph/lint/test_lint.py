"""Every rule against its cases, and the cases against PostgreSQL itself."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from embedded.postgres import temporary_postgres
from graph.lint import RULES, lint
from graph.schema_text import quoted
from wire.policy import Policy, SchemaRule, TableRule
from wire.snapshot import SchemaSnapshot

HERE = Path(__file__).parent
# As the head of unknown_function.yaml states them.
FUNCTIONS = re.findall(
    r"[a-z_.]+",
    """abs avg coalesce count date_part date_trunc generate_series length lower make_interval max min now
    round row_number string_agg sum to_char unnest sales.margin""",
)
CLOUD = Policy(
    default="allow",
    schemas={"sales": SchemaRule(allow=True)},
    tables={
        "sales.customers": TableRule(allow=False),
        "people.employees": TableRule(deny_columns=["title"]),
    },
)


def cases(kind: str, *rules: str) -> list[Any]:
    found = []
    for rule in rules or [rule.name for rule in RULES]:
        for place, case in enumerate(yaml.safe_load((HERE / f"{rule}.yaml").read_text())[kind]):
            found.append(pytest.param(rule, case, id=f"{rule}-{place}"))
    return found


@pytest.fixture
def checked(company: SchemaSnapshot):
    def check(rule: str, sql: str):
        snapshot = company
        if rule == "unknown_function":
            snapshot = company.model_copy(update={"functions": FUNCTIONS})
        return lint(sql, snapshot, cloud_policy=CLOUD if rule == "out_of_policy" else None)

    return check


def test_every_rule_has_cases_and_a_line_in_the_table():
    import graph.lint

    names = {rule.name for rule in RULES}
    assert {path.stem for path in HERE.glob("*.yaml")} == names
    assert all(f"\n{name} " in (graph.lint.__doc__ or "") for name in names)


@pytest.mark.parametrize(("rule", "sql"), cases("pass"))
def test_a_good_draft_passes(checked, rule, sql):
    verdict = checked(rule, sql)
    assert verdict.findings == []
    assert verdict.verdict == "pass"


@pytest.mark.parametrize(("rule", "case"), cases("fail"))
def test_a_bad_draft_is_found_out(checked, rule, case):
    verdict = checked(rule, case["sql"])
    assert verdict.verdict == "reject"
    found = [finding for finding in verdict.findings if finding.rule == rule]
    assert found, verdict.findings
    assert case["says"] in found[0].message
    assert case.get("hint", "") in found[0].hint
    if found[0].position is not None:
        assert 1 <= found[0].position <= len(case["sql"])


@pytest.fixture(scope="session")
def conn(company: SchemaSnapshot):
    """A database with the company's tables, empty."""
    with temporary_postgres() as server, psycopg.connect(server.dsn(), autocommit=True) as conn:
        conn.execute("CREATE SCHEMA people; CREATE SCHEMA sales")
        conn.execute("CREATE TYPE employee_state AS ENUM ('active', 'on leave', 'left')")
        for table in company.tables:
            columns = ", ".join(f"{quoted(column.name)} {column.type}" for column in table.columns)
            key = f", PRIMARY KEY ({', '.join(table.primary_key)})" if table.primary_key else ""
            conn.execute(f"CREATE TABLE {table.qualified_name} ({columns}{key})")
        yield conn


NAMING = ("unknown_table", "unknown_column", "ambiguous_column")


@pytest.mark.postgres
@pytest.mark.parametrize(("rule", "sql"), cases("pass", *NAMING))
def test_postgresql_takes_what_passes(conn, rule, sql):
    conn.execute(f"EXPLAIN {sql}")


@pytest.mark.postgres
@pytest.mark.parametrize(("rule", "case"), cases("fail", *NAMING))
def test_postgresql_refuses_what_is_rejected(conn, rule, case):
    with pytest.raises(
        (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.AmbiguousColumn)
    ):
        conn.execute(f"EXPLAIN {case['sql']}")


@given(st.text(max_size=200))
def test_no_text_breaks_lint(text):
    snapshot = SchemaSnapshot(database="x", server_version=180000, tables=[], taken_at="2026-01-01T00:00:00Z")
    assert lint(text, snapshot).verdict in ("pass", "reject")


@pytest.mark.parametrize("sql", ["SELECT " + "(" * 3000 + "1" + ")" * 3000, "SELECT " + "1+" * 5000 + "1"])
def test_deep_nesting_is_left_to_the_database(company, sql):
    assert lint(sql, company).verdict == "pass"


def test_a_rule_can_be_switched_off(company):
    sql = "SELECT salary FROM people.employees"
    assert lint(sql, company, without={"unknown_column"}).verdict == "pass"
    assert lint(sql, company, without={"lint"}).verdict == "pass"
    assert lint("DROP TABLE x", company, without={"lint"}).verdict == "reject"
