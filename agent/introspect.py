"""The catalog into a snapshot, with the policy applied before anything leaves.

What the policy denies, or the role itself may not select, is absent altogether: its name, its comment, keys
and foreign keys that touch it, its enum labels and sample values. Row filters hide estimates as well.
"""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql

from agent.database import Connection, Database
from agent.errors import IntrospectionFailed
from agent.sandbox.verdict import Shown
from wire.policy import SHARE_ORDER, Policy, PolicyStack, TableRule
from wire.snapshot import Column, ForeignKey, SchemaSnapshot, Table, TableKind

INTROSPECT_SECONDS = 30.0
"""How long one catalog query may take, seconds."""
MAX_SAMPLES = 12
"""Sample values of a column at most."""
MAX_SAMPLE_CHARACTERS = 60
MAX_VALUE_CHARACTERS = 200
"""Of one value, where all of a column's are told."""

_BEGIN = (
    f"BEGIN READ ONLY; SET LOCAL statement_timeout = {int(INTROSPECT_SECONDS * 1000)}; SET LOCAL jit = off;"
    " SET LOCAL lock_timeout = 5000; SET LOCAL idle_in_transaction_session_timeout = 60000;"
    # A hundred thousand columns are put in order; beyond this they would go by the disk.
    " SET LOCAL work_mem = '32MB'"
)
_KINDS: dict[str, TableKind] = {
    "r": "table",
    "p": "partitioned_table",
    "v": "view",
    "m": "materialized_view",
    "f": "foreign_table",
}
_TEXT_TYPES = re.compile(r"^(text|character varying|character|citext|name)\b")

CatalogRow = tuple[Any, ...]
CatalogRows = dict[str, list[CatalogRow]]


def load_queries() -> dict[str, str]:
    """The queries of ``catalog.sql`` by name."""
    text = (files("agent") / "catalog.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)[1:]
    return {name: body.strip().rstrip(";") for name, body in zip(parts[::2], parts[1::2], strict=True)}


QUERIES = load_queries()


async def introspect(
    database: Database,
    policy: Policy | PolicyStack,
    *,
    functions: Callable[[], list[str]] | None = None,
    shown: Callable[[], Awaitable[Mapping[str, Shown] | None]] | None = None,
) -> SchemaSnapshot:
    """Read the catalog and return what the policy shows of it.

    Args:
        functions: names of the functions that the gate lets through; None leaves them unknown.
        shown: what the gate lets statements read; None goes by the policy's names alone, which do not follow
            what a view or a partition holds.

    Raises:
        DatabaseUnavailable: no connection could be had.
        IntrospectionFailed: a catalog query failed.
    """
    rows: CatalogRows = {}
    samples = SHARE_ORDER.index(policy.share.model) >= SHARE_ORDER.index("samples")
    try:
        async with database.transaction(_BEGIN) as conn:
            rows["server"] = await _fetch(conn, "server")
            await conn.execute(_pinned_path(json.loads(rows["server"][0][2])))
            for name in (
                "relations",
                "columns",
                "keys",
                "enums",
                *(["samples", "values"] if samples else []),
            ):
                rows[name] = await _fetch(conn, name)
    except psycopg.Error as error:
        raise _unreadable(error) from error
    names = functions() if functions else []
    judged = await shown() if shown else None
    return await asyncio.to_thread(build_snapshot, rows, policy, names, judged)


async def catalog_state(database: Database) -> str:
    """What tells whether a snapshot has to be taken anew: it changes with whatever one is made of.

    Raises:
        DatabaseUnavailable, IntrospectionFailed: as ``introspect``.
    """
    try:
        async with database.transaction(_BEGIN) as conn:
            server = (await _fetch(conn, "server"))[0]
            await conn.execute(_pinned_path(json.loads(server[2])))
            return json.dumps([*server, *(await _fetch(conn, "state"))[0]])
    except psycopg.Error as error:
        raise _unreadable(error) from error


async def read_catalog(database: Database, name: str) -> list[CatalogRow]:
    """The rows of one query of ``catalog.sql``, as text.

    Raises:
        DatabaseUnavailable, IntrospectionFailed: as ``introspect``.
    """
    try:
        async with database.transaction(_BEGIN) as conn:
            await conn.execute(_pinned_path([]))
            return await _fetch(conn, name)
    except psycopg.Error as error:
        raise _unreadable(error) from error


def _unreadable(error: psycopg.Error) -> IntrospectionFailed:
    return IntrospectionFailed(
        f"PostgreSQL did not let the catalog be read (sqlstate {error.sqlstate or 'none'}).",
        "The agent's role needs to connect and to read pg_catalog, as every role may by default.",
    )


def _pinned_path(role_path: list[str]) -> sql.Composed:
    """``pg_catalog`` first, so that the queries mean PostgreSQL's own; then the role's own."""
    schemas = ["pg_catalog", *(schema for schema in role_path if schema != "pg_catalog"), "pg_temp"]
    return sql.SQL("SET LOCAL search_path = {}").format(sql.SQL(", ").join(map(sql.Identifier, schemas)))


async def _fetch(conn: Connection, name: str) -> list[CatalogRow]:
    cursor = await conn.execute(QUERIES[name].encode())
    return await cursor.fetchall()


def build_snapshot(
    rows: CatalogRows,
    policy: Policy | PolicyStack,
    functions: list[str],
    judged: Mapping[str, Shown] | None = None,
) -> SchemaSnapshot:
    """Put catalog rows (text, as ``catalog.sql`` orders them) together under ``policy`` and ``judged``."""
    policies = policy.policies if isinstance(policy, PolicyStack) else (policy,)
    database, version, search_path = rows["server"][0]
    shown = {
        row[0]: row
        for row in rows["relations"]
        if (policy.permits_table(row[1], row[2]) if judged is None else f"{row[1]}.{row[2]}" in judged)
    }  # oid -> its row
    labels = {oid: [str(label) for label in json.loads(values)] for oid, values in rows["enums"]}
    samples = _samples(rows.get("samples", []))
    values = _complete(rows.get("values", []))
    columns: dict[str, dict[int, Column]] = defaultdict(dict)
    # Tables share many columns (ids, timestamps): one value serves all that are alike.
    alike: dict[tuple[object, ...], Column] = {}
    rules = {oid: _rules(policies, f"{row[1]}.{row[2]}") for oid, row in shown.items()}
    for oid, number, name, kind, not_null, comment, enum_oid in rows["columns"]:
        own = rules.get(oid)
        if own is None or not all(rule.permits(name) for rule in own):
            continue
        verdict = judged.get(f"{shown[oid][1]}.{shown[oid][2]}") if judged is not None else None
        if verdict is not None and name not in verdict.columns:
            continue
        masked = any(name in rule.masks for rule in own) or (verdict is not None and name in verdict.masked)
        filtered = any(rule.row_filter is not None for rule in own) or (
            verdict is not None and verdict.filtered
        )
        found: list[str] = []
        all_of_them: list[str] = []
        if (samples or values) and not masked and not filtered and _TEXT_TYPES.match(kind):
            place = (shown[oid][1], shown[oid][2], name)
            found, all_of_them = samples.get(place, []), values.get(place, [])
        enum = enum_oid if enum_oid in labels else None
        key = (name, kind, not_null, comment, enum, masked, *found, None, *all_of_them)
        column = alike.get(key)
        if column is None:
            column = alike[key] = Column(
                name=name,
                type=kind,
                nullable=not_null != "t",
                comment=comment or "",
                enum_values=labels.get(enum_oid, []),
                samples=found,
                values=all_of_them,
                masked=masked,
            )
        columns[oid][int(number)] = column
    keys = _Keys(rows["keys"], shown, columns)
    tables = [
        Table(
            schema_name=schema_name,
            name=name,
            kind="partition" if is_partition == "t" else _KINDS[kind],
            comment=comment or "",
            columns=list(columns[oid].values()),
            primary_key=keys.primary(oid),
            unique_keys=keys.unique(oid),
            foreign_keys=keys.foreign(oid),
            row_estimate=None
            if int(estimate) < 0 or kind == "v" or any(rule.row_filter is not None for rule in rules[oid])
            else int(estimate),
            partition_of=f"{parent_schema}.{parent}"
            if parent is not None and policy.permits_table(parent_schema, parent)
            else None,
        )
        for (oid, schema_name, name, kind, is_partition, estimate, comment, parent_schema, parent) in (
            shown.values()
        )
        if columns.get(oid)
    ]
    visible_schemas = {table.schema_name for table in tables}
    return SchemaSnapshot(
        database=database,
        server_version=int(version),
        search_path=[name for name in json.loads(search_path) if name in visible_schemas],
        tables=tables,
        functions=sorted(functions),
        taken_at=datetime.now(UTC),
    )


def _rules(policies: tuple[Policy, ...], name: str) -> list[TableRule]:
    """What holds inside a table: nothing where no policy names it."""
    return [rule for policy in policies if (rule := policy.tables.get(name)) is not None]


def _samples(rows: list[CatalogRow]) -> dict[tuple[str, str, str], list[str]]:
    found = {}
    for schema_name, table, column, values in rows:
        short = [
            str(value)
            for value in json.loads(values)
            if value is not None and len(str(value)) <= MAX_SAMPLE_CHARACTERS
        ]
        found[schema_name, table, column] = short[:MAX_SAMPLES]
    return found


def _complete(rows: list[CatalogRow]) -> dict[tuple[str, str, str], list[str]]:
    """Columns with all of their values; those with a value too long to be told are left out whole."""
    found = {}
    for schema_name, table, column, told in rows:
        values = [str(value) for value in json.loads(told) if value is not None]
        if all(len(value) <= MAX_VALUE_CHARACTERS for value in values):
            found[schema_name, table, column] = values
    return found


class _Keys:
    """The keys whose every column is shown, at both ends."""

    def __init__(
        self,
        rows: list[CatalogRow],
        shown: dict[str, CatalogRow],
        columns: dict[str, dict[int, Column]],
    ) -> None:
        self._columns = columns
        self._primary: dict[str, list[str]] = {}
        self._unique: dict[str, list[list[str]]] = defaultdict(list)
        self._foreign: dict[str, list[ForeignKey]] = defaultdict(list)
        for oid, kind, numbers, to_oid, to_numbers in rows:
            names = self._names(oid, numbers)
            if names is None:
                continue
            if kind == "p":
                self._primary[oid] = names
            elif kind == "u":
                self._unique[oid].append(names)
            else:
                to_names = self._names(to_oid, to_numbers)
                if to_names is not None:
                    _, to_schema, to_table, *_ = shown[to_oid]
                    self._foreign[oid].append(
                        ForeignKey(columns=names, to_schema=to_schema, to_table=to_table, to_columns=to_names)
                    )

    def _names(self, oid: str, numbers: str | None) -> list[str] | None:
        known = self._columns.get(oid)
        if known is None or numbers is None:
            return None
        found = [known.get(int(number)) for number in json.loads(numbers)]
        return [column.name for column in found if column is not None] if all(found) else None

    def primary(self, oid: str) -> list[str]:
        return self._primary.get(oid, [])

    def unique(self, oid: str) -> list[list[str]]:
        return self._unique.get(oid, [])

    def foreign(self, oid: str) -> list[ForeignKey]:
        return self._foreign.get(oid, [])


def changes(base: SchemaSnapshot, new: SchemaSnapshot) -> tuple[list[Table], list[str]]:
    """Tables of ``new`` that are not in ``base`` exactly so, and the qualified names that are gone."""
    before = {table.qualified_name: table for table in base.tables}
    after = {table.qualified_name for table in new.tables}
    changed = [table for table in new.tables if before.get(table.qualified_name) != table]
    return changed, sorted(set(before) - after)


def names_shown(snapshot: SchemaSnapshot) -> frozenset[str]:
    """Every name that the snapshot shows: schemas, tables, columns, functions."""
    names = set(snapshot.functions)
    for table in snapshot.tables:
        names |= {table.schema_name, table.name, table.qualified_name}
        names.update(column.name for column in table.columns)
    return frozenset(names)
