"""Where ``policy`` commands get a server's names from: a database, or the snapshot of one in a file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
from pydantic import ValidationError

from agent.database import Database
from agent.errors import DatabaseUnavailable, SettingsError
from agent.sandbox.catalog import Catalog, ColumnInfo, Relation
from agent.sandbox.judge import Judge
from agent.sandbox.vocabulary import FUNCTIONS
from agent.sandbox.wrapping import MaskKey, quote
from wire.policy import PolicyStack
from wire.snapshot import SchemaSnapshot, TableKind

FIRST_OID = 16_384
"""PostgreSQL's first for objects that are not its own."""
_BEGIN = "BEGIN READ ONLY; SET LOCAL statement_timeout = 5000; SET LOCAL lock_timeout = 2000"
_KINDS: dict[TableKind, str] = {
    "table": "r",
    "partitioned_table": "p",
    "partition": "r",
    "view": "v",
    "materialized_view": "m",
    "foreign_table": "f",
}


async def load_catalog(dsn: str) -> Catalog:
    """The names of a server.

    Raises:
        DatabaseUnavailable: it cannot be reached, or does not show them.
    """
    try:
        async with Database(dsn, size=1) as database, database.transaction("BEGIN READ ONLY") as connection:
            return await Catalog.load(connection)
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"PostgreSQL did not show its catalog (sqlstate {error.sqlstate or 'none'})."
        ) from error


async def refused_filters(dsn: str, stack: PolicyStack, catalog: Catalog) -> list[tuple[str, str]]:
    """Tables whose row filter PostgreSQL does not take, each with what it says: an unknown column, or a
    condition that is none. Nothing is run but EXPLAIN.

    Raises:
        DatabaseUnavailable: the server cannot be reached.
    """
    judge = Judge(stack, catalog, MaskKey(""))
    found = []
    async with Database(dsn, size=1) as database:
        for relation in catalog.relations.values():
            if not judge.access.of(relation).filters:
                continue
            verdict = judge.judge(f"TABLE {quote(relation.schema)}.{quote(relation.name)}")
            if not verdict.allowed:
                continue
            try:
                async with database.transaction(_BEGIN) as connection:
                    await connection.execute(b"EXPLAIN " + verdict.sql.encode())
            except psycopg.errors.InsufficientPrivilege:
                continue  # whoever checks need not be who reads
            except psycopg.Error as error:
                said = error.diag.message_primary or str(error)
                found.append((relation.qualified_name, said))
    return found


async def read_snapshot(path: Path) -> Catalog:
    """The names in a snapshot's file, as ``custard schema show --json`` prints one.

    Raises:
        SettingsError: it cannot be read, or is not a snapshot.
    """
    try:
        text = await asyncio.to_thread(path.read_bytes)
    except OSError as error:
        raise SettingsError(f"The snapshot {path} cannot be read: {error.strerror}.") from error
    try:
        return catalog_of(SchemaSnapshot.model_validate_json(text))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise SettingsError(
            f"{path} is not a snapshot: {place}: {first['msg']}.",
            "`custard schema show --json` prints one.",
        ) from error


def catalog_of(snapshot: SchemaSnapshot) -> Catalog:
    """A catalog with what a snapshot tells.

    It has no views' definitions and no names that the policy of its moment denied: views are judged by their
    own names alone.
    """
    oids = {table.qualified_name: FIRST_OID + place for place, table in enumerate(snapshot.tables)}
    children: dict[str, list[int]] = {}
    for table in snapshot.tables:
        if table.partition_of is not None:
            children.setdefault(table.partition_of, []).append(oids[table.qualified_name])
    relations = {}
    for table in snapshot.tables:
        oid = oids[table.qualified_name]
        parent = oids.get(table.partition_of) if table.partition_of is not None else None
        relations[oid] = Relation(
            oid,
            table.schema_name,
            table.name,
            _KINDS[table.kind],
            tuple(
                ColumnInfo(place, column.name, column.type) for place, column in enumerate(table.columns, 1)
            ),
            primary_key=frozenset(table.primary_key),
            parents=(parent,) if parent is not None else (),
            children=tuple(children.get(table.qualified_name, ())),
        )
    return Catalog(
        database=snapshot.database,
        server_version=snapshot.server_version,
        search_path=tuple(snapshot.search_path),
        relations=relations,
        builtin_functions=FUNCTIONS | frozenset(snapshot.functions),
    )
