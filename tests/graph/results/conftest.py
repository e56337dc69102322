"""A small shop to check results of."""

from datetime import UTC, datetime

import pytest

from graph.results import check_rows
from wire.outcome import ResultColumn, Rows
from wire.snapshot import Column, ForeignKey, SchemaSnapshot, Table

_TABLES = {
    "customer": "customer_id bigint, name text, email text, country text",
    "orders": "order_id bigint, customer_id bigint, ordered_at timestamp, total numeric",
    "line": "line_id bigint, order_id bigint, quantity integer",
}
_KEYS = {"orders": ("customer_id", "customer"), "line": ("order_id", "orders")}


@pytest.fixture(scope="session")
def snapshot() -> SchemaSnapshot:
    tables = []
    for name, columns in _TABLES.items():
        keys = [_KEYS[name]] if name in _KEYS else []
        tables.append(
            Table(
                schema_name="public",
                name=name,
                columns=[
                    Column(name=one.split()[0], type=" ".join(one.split()[1:])) for one in columns.split(", ")
                ],
                primary_key=[columns.split()[0]],
                foreign_keys=[
                    ForeignKey(columns=[key], to_schema="public", to_table=table, to_columns=[key])
                    for key, table in keys
                ],
            )
        )
    return SchemaSnapshot(
        database="shop", server_version=180000, tables=tables, taken_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


@pytest.fixture
def found(snapshot):
    """Names of the checks that find something odd."""

    def look(question, sql, rows, columns=None, without=()):
        width = len(rows[0]) if rows else 1
        names = columns or [f"c{place}" for place in range(width)]
        result = Rows(
            columns=[ResultColumn(name=name, type="text") for name in names],
            preview=[list(row) for row in rows],
            row_count=len(rows),
        )
        return [finding.rule for finding in check_rows(question, sql, result, snapshot, without)]

    return look
