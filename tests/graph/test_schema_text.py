"""The schema as models read it: true, compact, in a fixed order, within its budget."""

import pytest

from graph.schema_text import estimated_tokens, quoted, schema_text, shown_name
from wire.snapshot import Column, SchemaSnapshot, Table


def test_a_table_with_everything(company):
    assert schema_text(company, tables=["people.employees"]) == (
        "TABLE people.employees ( -- Everyone on the payroll, past and present\n"
        "  id integer PRIMARY KEY,\n"
        "  name text,\n"
        "  title text, -- Job title; such as 'Engineer', 'Designer'\n"
        "  department_id integer REFERENCES people.departments(id),\n"
        "  hired_on date,\n"
        "  state employee_state -- one of 'active', 'on leave', 'left'\n"
        ");"
    )


def test_only_tables_off_the_search_path_carry_their_schema(company):
    text = schema_text(company)
    assert "TABLE offices (" in text
    assert "VIEW recent_orders (" in text
    assert "TABLE sales.orders (" in text


def test_names_are_quoted_where_sql_needs_it(company):
    assert '"Opened" date' in schema_text(company)
    assert '"order" integer' in schema_text(company)
    assert [quoted(name) for name in ("a_1", "A", "1a", "select", 'x"y')] == [
        "a_1", '"A"', '"1a"', '"select"', '"x""y"',
    ]  # fmt: skip


def test_the_order_does_not_depend_on_the_snapshots(company):
    backwards = company.model_copy(update={"tables": company.tables[::-1]})
    assert schema_text(backwards) == schema_text(company)


def test_detail_goes_before_tables(company):
    whole = schema_text(company)
    tokens = estimated_tokens(whole)
    shorter = schema_text(company, token_budget=tokens - 1)
    assert "such as" not in shorter
    assert "-- Job title" in shorter
    bare = schema_text(company, token_budget=estimated_tokens(shorter) - 1)
    assert "Job title" not in bare
    assert bare.count("TABLE ") + bare.count("VIEW ") == 6


def test_what_does_not_fit_is_at_least_named(company):
    text = schema_text(company, token_budget=60)
    assert "-- Further tables:" in text
    assert "sales.orders" in text


@pytest.mark.parametrize("budget", [200, 2_000])
def test_a_thousand_tables_stay_within_the_budget(company, budget):
    columns = [Column(name=f"c{place}", type="integer", comment="x" * 500) for place in range(20)]
    tables = [Table(schema_name="s", name=f"t{place:04}", columns=columns) for place in range(1000)]
    text = schema_text(company.model_copy(update={"tables": tables}), token_budget=budget)
    assert estimated_tokens(text) <= budget * 2


def test_a_partition_is_left_out_beside_its_parent(company):
    parent = Table(schema_name="s", name="p", kind="partitioned_table", columns=[])
    part = Table(schema_name="s", name="p1", kind="partition", columns=[], partition_of="s.p")
    text = schema_text(company.model_copy(update={"tables": [parent, part]}))
    assert "p1" not in text


def test_a_hostile_comment_stays_on_its_line():
    column = Column(name="c", type="text", comment="fine\n); DROP TABLE x; --", samples=["a'b\nc"])
    table = Table(schema_name="public", name="t", columns=[column])
    snapshot = SchemaSnapshot(
        database="d", server_version=180000, tables=[table], taken_at="2026-01-01T00:00:00Z"
    )
    assert len(schema_text(snapshot).splitlines()) == 3
    assert "'a''b c'" in schema_text(snapshot)


def test_a_shadowed_table_keeps_its_schema(company):
    tables = [Table(schema_name=name, name="t", columns=[]) for name in ("b", "public")]
    snapshot = company.model_copy(update={"tables": tables})
    assert [shown_name(table, snapshot) for table in tables] == ["b.t", "t"]
