"""How the catalog is read from a server."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from agent.sandbox.catalog import SYSTEM, Cast, Catalog, ColumnInfo, Relation, Routine, TypeInfo
from agent.sandbox.operands import Signature
from agent.sandbox.queries import (
    BUILTINS,
    CALLS,
    CASTS,
    COLUMNS,
    COMPOSITES,
    COMPUTED,
    GUARDED,
    HEAD,
    INHERITS,
    OPERANDS,
    OPERATORS,
    READS,
    RELATIONS,
    ROUTINES,
    SHARED_OPERANDS,
    SYSTEM_NAMES,
    TYPES,
)
from agent.sandbox.rows import fetch

if TYPE_CHECKING:  # the process that judges statements has no use for a driver
    from psycopg import AsyncConnection


async def load(connection: AsyncConnection[Any]) -> Catalog:
    """Read the catalogs through this connection, in whatever transaction it is in.

    Raises:
        psycopg.Error: the server refused or went away.
    """

    async def rows(query: str) -> list[list[Any]]:
        return await fetch(connection, query)

    async def views() -> list[list[Any]]:
        """The relations, read while no schema's names can be left out of a view's definition."""
        async with connection.transaction():
            [[before]] = await rows("select current_setting('search_path')")
            await connection.execute("select pg_catalog.set_config('search_path', 'pg_catalog', true)")
            found = await rows(RELATIONS)
            await connection.execute("select pg_catalog.set_config('search_path', %s, true)", (before,))
        return found

    [[database, server_version, path]] = await rows(HEAD)
    columns: dict[int, list[ColumnInfo]] = defaultdict(list)
    for oid, number, name, type_name, joins in await rows(COLUMNS):
        columns[oid].append(ColumnInfo(number, name, type_name, joins))
    parents: dict[int, list[int]] = defaultdict(list)
    children: dict[int, list[int]] = defaultdict(list)
    for child, parent in await rows(INHERITS):
        parents[child].append(parent)
        children[parent].append(child)
    computed: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for oid, column, source in await rows(COMPUTED):
        computed[oid].append((column, source))
    reads: dict[int, set[tuple[int, str | None]]] = defaultdict(set)
    for view, oid, column, schema in await rows(READS):
        reads[view].add((0 if schema in SYSTEM else oid, column))
    calls: dict[int, set[str]] = defaultdict(set)
    for view, name in await rows(CALLS):
        calls[view].add(name)
    relations = {
        oid: Relation(
            oid=oid,
            schema=schema,
            name=name,
            kind=kind,
            columns=tuple(columns[oid]),
            primary_key=frozenset(key),
            parents=tuple(sorted(parents[oid])),
            children=tuple(sorted(children[oid])),
            definition=definition,
            reads=tuple(sorted(reads[oid], key=str)),
            calls=tuple(sorted(calls[oid])),
            extension=extension,
            computed=tuple(sorted(computed[oid])),
            barrier=barrier,
            version=version or "",
        )
        for oid, schema, name, kind, extension, definition, key, barrier, version in await views()
    }
    builtins = await rows(BUILTINS)
    composites: dict[str, dict[str, str]] = defaultdict(dict)
    for type_name, column, column_type in await rows(COMPOSITES):
        composites[type_name][column] = column_type
    guarded = [
        ((relations[oid].qualified_name, column), ordered, structured)
        for oid, column, ordered, structured in await rows(GUARDED)
        if oid in relations
    ]
    found = await rows(CASTS)
    own, brought = [], []
    for schema, name, left, right, of_extension in await rows(OPERANDS):
        signature = Signature((left or "-", right or "-"), 2)
        if of_extension:
            brought.append((name, signature))
        else:
            own.append((schema, name, signature))
    return Catalog(
        database=database,
        # Not in SQL: an owner may have made casting a text to an integer their own function's business.
        server_version=int(server_version),
        search_path=tuple(path),
        relations=relations,
        system_relations=frozenset(name for [name] in await rows(SYSTEM_NAMES)),
        routines=tuple(
            Routine(
                schema,
                name,
                extension,
                constructs,
                tuple(Signature(tuple(types), required, more) for required, more, types in signatures or ()),
            )
            for schema, name, extension, constructs, signatures in await rows(ROUTINES)
        ),
        builtin_functions=frozenset(name for name, _ in builtins),
        overlaid=frozenset(name for name, own in builtins if own),
        composites=dict(composites),
        types=tuple(TypeInfo(*row) for row in await rows(TYPES)),
        operators=tuple((schema, name, extension) for schema, name, extension in await rows(OPERATORS)),
        own_operators=tuple(own),
        brought_operators=tuple(brought),
        builtin_operators=tuple(
            (name, Signature((left or "-", right or "-"), 2))
            for name, left, right in await rows(SHARED_OPERANDS)
        ),
        checked_columns=frozenset(column for column, _, _ in guarded),
        structured_columns=frozenset(column for column, _, structured in guarded if structured),
        ordered_columns=frozenset(column for column, ordered, _ in guarded if ordered),
        casts=tuple(
            Cast(
                source,
                target,
                function,
                implicit,
                builtin,
                frozenset(targets),
                frozenset(types),
                frozenset(
                    (relations[int(oid)].qualified_name, column)
                    for oid, column in held
                    if int(oid) in relations
                ),
                called,
                alike,
            )
            for source, target, function, implicit, builtin, targets, types, held, called, alike in found
        ),
        loaded_at=time.monotonic(),
    )
