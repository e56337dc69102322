"""What the agent tells about a database: its tables at a moment, after the policy has been applied.

A snapshot never names a table or column that the owner's policy denies. It holds structure, comments and
estimates; values only where ``Policy.share`` allows samples.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from functools import cached_property
from typing import Literal

from pydantic import ConfigDict, Field

from wire.base import Message

TableKind = Literal["table", "partitioned_table", "partition", "view", "materialized_view", "foreign_table"]


class Column(Message):
    """A column that may be read."""

    name: str
    type: str
    """As ``format_type`` prints it."""
    nullable: bool = True
    comment: str = ""
    enum_values: list[str] = Field(default_factory=list)
    """Labels in order, for an enum type."""
    samples: list[str] = Field(default_factory=list)
    """Common values, most frequent first; empty unless the policy shares samples."""
    values: list[str] = Field(default_factory=list)
    """Every value, where statistics say that they are few and short; empty when they may not be all.

    Shared under the same condition as ``samples``. They are there to compare with, not for prompts.
    """
    masked: bool = False
    """True when the policy rewrites the values: they can be shown but not relied upon."""


class ForeignKey(Message):
    """``columns`` of this table refer to ``to_columns`` of ``to_schema.to_table``, pairwise."""

    columns: list[str]
    to_schema: str
    to_table: str
    to_columns: list[str]


class Table(Message):
    """A relation that may be read."""

    schema_name: str
    name: str
    kind: TableKind = "table"
    comment: str = ""
    columns: list[Column]
    primary_key: list[str] = Field(default_factory=list)
    unique_keys: list[list[str]] = Field(default_factory=list)
    foreign_keys: list[ForeignKey] = Field(default_factory=list)
    row_estimate: int | None = None
    """The planner's estimate; None when the table was never analysed."""
    partition_of: str | None = None
    """``schema.table`` of the partitioned parent."""

    @property
    def qualified_name(self) -> str:
        """``schema.table``, unquoted."""
        return f"{self.schema_name}.{self.name}"

    def column(self, name: str) -> Column | None:
        """The column of exactly this name, or None."""
        return next((column for column in self.columns if column.name == name), None)


class SchemaSnapshot(Message):
    """Every relation that may be read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    database: str
    server_version: int
    """``server_version_num``: 150018 is 15.18."""
    search_path: list[str] = Field(default_factory=lambda: ["public"])
    """Schemas whose tables need no prefix, in order."""
    tables: list[Table]
    functions: list[str] = Field(default_factory=list)
    """Names of functions that the sandbox lets through, sorted; empty means unknown, not none."""
    taken_at: datetime

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (first 32 hex digits) of the structure: estimates, samples and the moment do not count."""
        return hashlib.sha256(_structure_text(self).encode()).hexdigest()[:32]

    def table(self, schema_name: str, name: str) -> Table | None:
        """The table of exactly this schema and name, or None."""
        return self._by_name.get((schema_name, name))

    @cached_property
    def listed(self) -> list[Table]:
        """The tables to tell people and models of: a partition is not one where its parent can be read.

        It holds nothing that its parent does not; naming both makes models count twice, and people wonder.
        """
        names = {table.qualified_name for table in self.tables}
        return [table for table in self.tables if table.partition_of not in names]

    def named(self, name: str) -> Iterator[Table]:
        """Every table of this name, those on the search path first."""
        found = [table for table in self.tables if table.name == name]
        order = {schema: place for place, schema in enumerate(self.search_path)}
        yield from sorted(found, key=lambda table: order.get(table.schema_name, len(order)))

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Table]:
        return {(table.schema_name, table.name): table for table in self.tables}


def _structure_text(snapshot: SchemaSnapshot) -> str:
    """The structure as JSON with sorted keys and without blanks.

    Put together by hand: dumping a hundred thousand columns through pydantic takes seconds, and most of them
    are alike, so that the text of one serves many.
    """
    known: dict[int, str] = {}
    tables = ",".join(_table_text(table, known) for table in snapshot.tables)
    head = {
        "database": snapshot.database,
        "functions": snapshot.functions,
        "search_path": snapshot.search_path,
        "server_version": snapshot.server_version,
    }
    return f'{_dumped(head)[:-1]},"tables":[{tables}]}}'


def _table_text(table: Table, known: dict[int, str]) -> str:
    columns = []
    for column in table.columns:
        text = known.get(id(column))
        if text is None:
            text = known[id(column)] = _dumped(
                {
                    "comment": column.comment,
                    "enum_values": column.enum_values,
                    "masked": column.masked,
                    "name": column.name,
                    "nullable": column.nullable,
                    "type": column.type,
                }
            )
        columns.append(text)
    rest = {
        "comment": table.comment,
        "foreign_keys": [key.model_dump() for key in table.foreign_keys],
        "kind": table.kind,
        "name": table.name,
        "partition_of": table.partition_of,
        "primary_key": table.primary_key,
        "schema_name": table.schema_name,
        "unique_keys": table.unique_keys,
    }
    return f'{{"columns":[{",".join(columns)}],{_dumped(rest)[1:]}'


def _dumped(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
