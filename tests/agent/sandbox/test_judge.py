"""Each rule of the gate by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import postgast
import pytest

from agent.sandbox.verdict import Verdict
from wire.policy import Policy

Judging = Callable[..., Verdict]
HIDDEN: dict[str, Any] = {"tables": {"app.people": {"deny_columns": ["email"]}}}


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT 1\0", "nul"),
        ("SELECT '\ud800'", "not_utf8"),
        ("SELECT '" + "x" * 40_000 + "'", "too_long"),
        ("  ", "empty"),
        ("-- nothing", "empty"),
        ("SELEC", "syntax"),
        ("SELECT " + "abs(" * 900 + "1" + ")" * 900, "too_deep"),
        ("SELECT 1; SELECT 1", "several_statements"),
        ("DROP TABLE app.people", "not_a_select"),
        ("SELECT 1 INTO x", "into"),
        ("SELECT 1 FROM orders FOR UPDATE", "locking"),
        ("SELECT $1", "parameter"),
        ("WITH x AS (DELETE FROM app.orders RETURNING 1) SELECT 1 FROM x", "writes"),
        ("SELECT xmlelement(NAME a)", "xml"),
        ("SELECT merge_action()", "node"),
        ("SELECT current_user", "server_value"),
        ("SELECT pg_sleep(1)", "function_denied"),
        ("SELECT app.own(1)", "function_denied"),
        ("SELECT set_limit(0.5)", "function_denied"),
        ("SELECT a.b.c.d()", "bad_name"),
        ("SELECT 1 OPERATOR(app.=) 1", "operator_denied"),
        ("SELECT 1 ORDER BY 1 USING OPERATOR(app.=)", "operator_denied"),
        ("SELECT 1 OPERATOR(app.=) ANY (ARRAY[1])", "operator_denied"),
        ("SELECT 'x'::regclass", "type_denied"),
        ("SELECT NULL::app.people", "type_denied"),
        ("SELECT 'x'::app.checked", "type_denied"),
        ("SELECT 'x'::public.odd", "type_denied"),
        ("SELECT note::inet FROM orders", "cast_denied"),
        ("SELECT * FROM orders TABLESAMPLE app.own (1)", "sampler_denied"),
        ("SELECT repeat('x', 10001)", "too_large"),
        ("SELECT repeat(note, 1001) FROM orders", "too_large"),
        ("SELECT lpad('x', 10 * 10000)", "too_large"),
        ("SELECT format('%99999s', 1)", "too_large"),
        ("SELECT format(note, 1) FROM orders", "format_not_constant"),
        ("SELECT array_fill(0, ARRAY[1000, 1000])", "too_large"),
        ("SELECT array_fill(0, ARRAY[id]) FROM orders", "not_bounded"),
        ("SELECT * FROM generate_series(1, 10 ^ 12)", "too_large"),
        ("SELECT 2 ^ 100000", "too_large"),
        ("SELECT ''::char(100000)", "too_large"),
        ("SELECT " + ", ".join(["1"] * 1665), "too_many"),
        ("SELECT 1 FROM " + ", ".join(["orders"] * 65), "too_many"),
        ("SELECT " + ", ".join(["(SELECT 1)"] * 101), "too_many"),
        ("WITH " + ", ".join(f"c{n} AS (SELECT 1)" for n in range(51)) + " SELECT 1", "too_many"),
        ("SELECT " + ", ".join(f"count(DISTINCT id + {n})" for n in range(151)) + " FROM orders", "too_many"),
        ("SELECT " + "(" * 14 + "1" + " BETWEEN SYMMETRIC 0 AND 1)::int" * 14, "grows"),
        ("SELECT " + "(" * 20 + "id" + " IN (id, id + 1))::int" * 20 + " FROM orders", "grows"),
        ("SELECT 1 FROM orders WHERE id IN (" + "1," * 15_000 + "1)", "too_large"),
        ("SELECT * FROM vault.secrets", "relation_denied"),
        ("SELECT * FROM nowhere", "relation_denied"),
        ("SELECT * FROM pg_class", "relation_denied"),
        ("SELECT * FROM other.app.orders", "relation_denied"),
        ("SELECT email FROM people", "column_denied"),
        ("SELECT p.own FROM people p", "unknown_column"),
        ("SELECT (o).own FROM (SELECT orders AS o FROM orders) x", "function_denied"),
        ("SELECT xmin FROM orders", "system_column"),
        ("SELECT (o).ctid FROM orders o", "system_column"),
        ("SELECT (o.*).tableoid FROM orders o", "system_column"),
        ("SELECT a + a AS a FROM (" * 20 + "SELECT id AS a FROM orders" + ") q" * 20, "grows"),
        ("SELECT length(replace(repeat('x', 10000), 'x', repeat('y', 10000)))", "too_large"),
        ("SELECT " + ", ".join(["length(repeat(repeat('x', 1000), 1000))"] * 60), "too_large"),
        (
            "SELECT " + ", ".join(["repeat('9', 10000)::numeric * repeat('8', 10000)::numeric"] * 260),
            "too_large",
        ),
        ("SELECT * FROM peek", "relation_denied"),
        ("SELECT * FROM of_catalog", "relation_denied"),
        ("SELECT * FROM calling", "relation_denied"),
        ("SELECT * FROM reading_files", "view_denied"),
        ("SELECT * FROM stored", "relation_denied"),
    ],
)
def test_refusals(judge: Judging, sql: str, code: str) -> None:
    verdict = judge(sql, **HIDDEN)
    assert not verdict.allowed
    assert verdict.code == code
    assert verdict.sql == ""
    assert verdict.reason


def test_every_code_in_the_source_is_tested_somewhere() -> None:
    """A rule without a case could be deleted without anybody noticing."""
    import re

    source = "\n".join(file.read_text() for file in Path("agent/sandbox").glob("*.py"))
    codes = set(re.findall(r'Refusal\(\s*"\w+",\s*"(\w+)"', source))
    tests = Path(__file__).read_text() + (Path(__file__).parent / "test_gate.py").read_text()
    # The deparser has never been unfaithful; what would happen then is tested with a broken one.
    assert {code for code in codes if f'"{code}"' not in tests} == set()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT c.id, name FROM people c",
        "SELECT app.people.name FROM app.people",
        "SELECT shop.app.people.name FROM shop.app.people",
        "SELECT lower(name) FROM people",
        "SELECT similarity(name, 'x') FROM people WHERE name % 'x'",
        "SELECT 'sad'::mood, 'x'::app.mood[], 'x'::citext",
        "WITH secrets AS (SELECT 1 AS x) SELECT x FROM secrets",
        "SELECT * FROM names",
        "SELECT * FROM log",
        "SELECT * FROM log_2024",
    ],
)
def test_permitted(judge: Judging, sql: str) -> None:
    verdict = judge(sql, **HIDDEN)
    assert verdict.allowed, verdict.reason
    assert postgast.parse(verdict.sql).stmts


def test_a_restricted_table_is_replaced_by_what_may_be_read(judge: Judging) -> None:
    verdict = judge("SELECT * FROM people", **HIDDEN)
    assert verdict.sql == (
        "SELECT * FROM (SELECT people.id AS id, people.name AS name FROM app.people) people"
    )
    assert verdict.rewritten == ("app.people",)


def test_an_unrestricted_table_stays_and_is_qualified(judge: Judging) -> None:
    verdict = judge("SELECT note FROM orders")
    assert verdict.sql == "SELECT note FROM app.orders"
    assert verdict.relations == ("app.orders",)
    assert verdict.columns == ("app.orders.note",)


def test_a_table_with_a_rule_is_wrapped_before_its_hidden_column_exists(judge: Judging) -> None:
    verdict = judge("SELECT * FROM orders", tables={"app.orders": {"deny_columns": ["added_later"]}})
    assert verdict.rewritten == ("app.orders",)


def test_functions_are_taken_from_pg_catalog_whatever_shadows_them(judge: Judging) -> None:
    assert judge("SELECT lower(note) FROM orders").sql == "SELECT pg_catalog.lower(note) FROM app.orders"


def test_a_cte_named_like_a_table_gets_another_name(judge: Judging) -> None:
    verdict = judge("WITH orders AS (SELECT 1 AS id) SELECT orders.id FROM orders")
    assert verdict.sql == "WITH orders_cte1 AS (SELECT 1 AS id) SELECT orders.id FROM orders_cte1 orders"


def test_grouping_by_a_hidden_key_still_covers_its_columns(judge: Judging) -> None:
    verdict = judge("SELECT p.id, p.name FROM people p GROUP BY p.id", **HIDDEN)
    assert verdict.sql.endswith("GROUP BY p.id, p.name")


def test_a_view_over_a_restricted_table_shows_what_is_left(judge: Judging) -> None:
    assert judge("SELECT name FROM names", **HIDDEN).allowed
    assert judge("SELECT email FROM names", **HIDDEN).code == "column_denied"
    assert "email" not in judge("SELECT * FROM names", **HIDDEN).sql


def test_a_view_with_its_own_rule_may_read_what_only_the_default_denies(judge: Judging) -> None:
    assert judge("SELECT * FROM peek", tables={"app.peek": {"allow": True}}).allowed
    denied = {"app.peek": {"allow": True}, "vault.secrets": {"allow": False}}
    assert judge("SELECT * FROM peek", tables=denied).code == "relation_denied"


def test_a_view_with_its_own_rule_may_call_functions(judge: Judging) -> None:
    assert judge("SELECT * FROM calling", tables={"app.calling": {"allow": True}}).allowed


@pytest.mark.parametrize("table", ["log", "log_2024"])
def test_a_rule_for_a_partition_or_its_parent_holds_for_both(judge: Judging, table: str) -> None:
    for named in ("app.log", "app.log_2024"):
        fields: dict[str, Any] = {"tables": {named: {"deny_columns": ["line"]}}}
        assert judge(f"SELECT line FROM {table}", **fields).code == "column_denied"
    assert judge(f"SELECT id FROM {table}", tables={"app.log": {"allow": False}}).code == "relation_denied"


def test_reading_a_parent_is_denied_when_a_partition_is(judge: Judging) -> None:
    assert judge("SELECT id FROM log", tables={"app.log_2024": {"allow": False}}).code == "relation_denied"


def test_a_partition_of_a_listed_table_may_be_read_by_default_deny(judge: Judging) -> None:
    fields: dict[str, Any] = {"schemas": {}, "tables": {"app.log": {"allow": True}}}
    assert judge("SELECT * FROM log_2024", **fields).allowed


def test_nothing_is_permitted_without_a_policy(judge: Judging) -> None:
    assert judge("SELECT * FROM orders", schemas={}).code == "relation_denied"
    assert judge("SELECT 1", schemas={}).allowed


def test_a_denied_table_and_a_missing_one_get_the_same_words(judge: Judging) -> None:
    denied = judge("SELECT * FROM vault.secrets").reason
    missing = judge("SELECT * FROM vault.missing").reason
    assert denied.replace("secrets", "missing") == missing


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        ({"kind": "null"}, "CASE WHEN false THEN people.name END AS name"),
        ({"kind": "constant", "value": "?"}, "ELSE '?' END AS name"),
        ({"kind": "partial", "keep": 3}, 'pg_catalog."left"(people.name::pg_catalog.text, 3)'),
        ({"kind": "hash"}, "pg_catalog.sha256(pg_catalog.convert_to('key' ||"),
    ],
)
def test_masks(judge: Judging, mask: dict[str, Any], shown: str) -> None:
    verdict = judge("SELECT name FROM people", tables={"app.people": {"masks": {"name": mask}}})
    assert verdict.allowed
    assert shown in verdict.sql


def test_a_row_filter_is_inside_and_fenced(judge: Judging) -> None:
    verdict = judge("SELECT name FROM people", tables={"app.people": {"row_filter": "name <> 'x'"}})
    assert "WHERE name <> 'x' AND true OFFSET 0) people" in verdict.sql


@pytest.mark.parametrize("text", ["true) UNION (SELECT 1", "", "1; DROP TABLE x", "true GROUP BY 1", "x <>"])
def test_a_row_filter_that_is_no_condition_closes_its_table(judge: Judging, text: str) -> None:
    verdict = judge("SELECT name FROM people", tables={"app.people": {"row_filter": text}})
    if text.strip():
        assert verdict.code == "bad_row_filter"


def test_a_second_policy_only_tightens(judge: Judging) -> None:
    cloud = Policy.model_validate(
        {
            "default": "allow",
            "tables": {"app.orders": {"deny_columns": ["note"], "row_filter": "id > 5"}},
            "functions": {"allow": ["app.own"], "deny": ["md5"]},
        }
    )
    assert judge("SELECT note FROM orders", cloud).code == "column_denied"
    assert "id > 5" in judge("SELECT id FROM orders", cloud).sql
    assert judge("SELECT * FROM vault.secrets", cloud).code == "relation_denied"
    assert judge("SELECT app.own(1)", cloud).code == "function_denied"
    assert judge("SELECT md5('x')", cloud).code == "function_denied"


def test_the_clouds_row_filter_may_not_call_or_read_what_a_statement_may_not(judge: Judging) -> None:
    for condition in ("pg_sleep(1) IS NULL", "id IN (SELECT id FROM vault.secrets)"):
        cloud = Policy.model_validate(
            {"default": "allow", "tables": {"app.orders": {"row_filter": condition}}}
        )
        assert judge("SELECT id FROM orders", cloud).code == "bad_row_filter", condition


def test_functions_can_be_added_and_taken_away(judge: Judging) -> None:
    assert judge("SELECT own(1)", functions={"allow": ["app.own"]}).sql == "SELECT app.own(1)"
    assert judge("SELECT md5('x')", functions={"deny": ["md5"]}).code == "function_denied"
    assert judge("SELECT app.own(1)", functions={"allow": ["app.own"], "deny": ["app.own"]}).code
    assert judge("SELECT pg_read_file('x')", functions={"allow": ["pg_read_file"]}).code == "function_denied"


def test_a_bound_is_put_on_sizes_that_are_not_written_down(judge: Judging) -> None:
    verdict = judge("SELECT repeat('*', id) FROM orders")
    assert "pg_catalog.repeat('*', pg_catalog.int4smaller(id, 10000))" in verdict.sql


def test_not_materialized_is_dropped(judge: Judging) -> None:
    verdict = judge("WITH a AS NOT MATERIALIZED (SELECT 1 AS x) SELECT x FROM a")
    assert "MATERIALIZED" not in verdict.sql


def test_the_output_keeps_the_names_that_postgresql_would_give(judge: Judging) -> None:
    verdict = judge("SELECT upper(t.lower) FROM (SELECT lower(note) FROM orders) t")
    assert verdict.allowed, verdict.reason
