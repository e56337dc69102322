"""A schema of a library, as snapshots."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from wire.snapshot import Column, SchemaSnapshot, Table


@pytest.fixture(scope="session")
def make_snapshot() -> Callable[[dict[str, str]], SchemaSnapshot]:
    """Builds a snapshot from ``{"schema.table": "column type, …"}``."""

    def make(tables: dict[str, str]) -> SchemaSnapshot:
        return SchemaSnapshot(
            database="library",
            server_version=180000,
            taken_at=datetime(2026, 1, 1, tzinfo=UTC),
            tables=[
                Table(
                    schema_name=name.rpartition(".")[0] or "public",
                    name=name.rpartition(".")[2],
                    columns=[
                        Column(name=part.split()[0], type=" ".join(part.split()[1:]))
                        for part in columns.split(",")
                    ],
                )
                for name, columns in tables.items()
            ],
        )

    return make


@pytest.fixture(scope="session")
def library(make_snapshot: Callable[[dict[str, str]], SchemaSnapshot]) -> SchemaSnapshot:
    return make_snapshot(
        {
            "author": "author_id bigint, name text, country text",
            "book": "book_id bigint, title text, pages integer, publisher_id bigint",
            "book_author": "book_id bigint, author_id bigint",
            "publisher": "publisher_id bigint, name text, city text",
            "loan": "loan_id bigint, copy_id bigint, reader_id bigint, due date",
            "copy": "copy_id bigint, book_id bigint, shelf text",
            "reader": "reader_id bigint, name text, joined date",
            "staff": "staff_id bigint, name text, wage numeric",
        }
    )
