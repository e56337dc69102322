"""``custard-agent grants``: the script that makes a role which may read what the policy permits, and no
more."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator
from typing import Any

from agent.sandbox.access import RelationAccess
from agent.sandbox.catalog import Catalog, Relation
from agent.sandbox.commands import DSN_VARIABLE
from agent.sandbox.filters import qualified
from agent.sandbox.judge import Judge
from agent.sandbox.shape import children, unwrap
from agent.sandbox.verdict import Refusal
from agent.sandbox.wrapping import MaskKey, literal, quote
from wire.policy import PolicyStack

DEFAULT_ROLE = "custard_agent"
TEMP_FILE_LIMIT = "1GB"


def needed(stack: PolicyStack, catalog: Catalog) -> dict[int, tuple[str, ...]]:
    """The columns that the agent's role must be able to read, by relation.

    More than may be shown: a mask is computed from the value, and a row filter may look at a hidden column or
    ask a hidden table. A view whose definition takes its place is not read itself; what is below it is.
    """
    judge = Judge(stack, catalog, MaskKey(""))
    access = judge.access
    found: dict[int, set[str]] = {}

    def add(relation: Relation, judged: RelationAccess) -> None:
        if judged.inline and relation.kind == "v":
            for oid, _ in relation.reads:
                base = catalog.relations.get(oid)
                below = access.of(base, judged.trust) if base is not None else None
                if base is not None and below is not None and below.allowed:
                    add(base, below)
            return
        found.setdefault(relation.oid, set()).update(judged.readable)
        for filtering, columns in _filtered_by(catalog, relation, judged):
            found.setdefault(filtering.oid, set()).update(columns)

    for relation in catalog.relations.values():
        judged = access.of(relation)
        if judged.allowed and judge.readable(relation) is not None:
            add(relation, judged)
    return {
        oid: tuple(column.name for column in catalog.relations[oid].columns if column.name in columns)
        for oid, columns in found.items()
    }


def harmless(stack: PolicyStack, catalog: Catalog) -> dict[int, tuple[str, ...]]:
    """Columns of views that the role need not be able to read and may, by relation.

    They are those views whose definition takes their place because a table below has hidden columns, and only
    that: what the view itself shows is then no more than a statement would get.
    """
    judge = Judge(stack, catalog, MaskKey(""))

    def only_hides(judged: RelationAccess) -> bool:
        if judged.masks or judged.filters:
            return False
        below = [catalog.relations.get(oid) for oid, _ in judged.relation.reads]
        return all(one is not None and only_hides(judge.access.of(one, judged.trust)) for one in below)

    found = {}
    for relation in catalog.relations.values():
        judged = judge.access.of(relation)
        if relation.kind == "v" and judged.allowed and judged.inline and only_hides(judged):
            found[relation.oid] = judge.readable(relation) or ()
    return found


def script(stack: PolicyStack, catalog: Catalog, role: str = DEFAULT_ROLE) -> str:
    """The SQL, to be run by the owner of the tables; running it twice is running it once."""
    who = quote(role)
    limits = stack.limits
    columns = needed(stack, catalog)
    relations = sorted((catalog.relations[oid] for oid in columns), key=lambda one: one.qualified_name)
    schemas = sorted({relation.schema for relation in relations})
    milliseconds = int(limits.statement_seconds * 1000)
    lines = [
        f"-- A role for the agent on {catalog.database}: it may read what the policy permits, and no more.",
        "-- Give it a password of its own with \\password; nothing here holds one.",
        "DO $custard$ BEGIN",
        f"  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {literal(role)}) THEN",
        f"    CREATE ROLE {who};",
        "  END IF;",
        "END $custard$;",
        f"ALTER ROLE {who} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        f" CONNECTION LIMIT {limits.concurrent + 2};",
        f"ALTER ROLE {who} SET default_transaction_read_only = on;",
        f"ALTER ROLE {who} SET statement_timeout = {milliseconds};",
        f"ALTER ROLE {who} SET lock_timeout = {int(limits.lock_seconds * 1000)};",
        f"ALTER ROLE {who} SET idle_in_transaction_session_timeout = {milliseconds + 5000};",
        "-- Only a superuser may set the next one; without it, sorting may fill the disk.",
        f"-- ALTER ROLE {who} SET temp_file_limit = '{TEMP_FILE_LIMIT}';",
        "",
        "-- What it had before, so that a stricter policy takes effect.",
    ]
    every = sorted({relation.schema for relation in catalog.relations.values()})
    for schema in every:
        lines.append(f"REVOKE ALL ON ALL TABLES IN SCHEMA {quote(schema)} FROM {who};")
        lines.append(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {quote(schema)} FROM {who};")
        lines.append(f"REVOKE ALL ON SCHEMA {quote(schema)} FROM {who};")
    lines += ["", "-- What it may read, column by column."]
    lines.append(f"GRANT CONNECT ON DATABASE {quote(catalog.database)} TO {who};")
    lines += [f"GRANT USAGE ON SCHEMA {quote(schema)} TO {who};" for schema in schemas]
    for relation in relations:
        names = columns[relation.oid]
        table = f"{quote(relation.schema)}.{quote(relation.name)}"
        if names:
            lines.append(f"GRANT SELECT ({', '.join(quote(name) for name in names)}) ON {table} TO {who};")
    lines += [
        "",
        "-- These touch every role, so they are left to you:",
        f"-- REVOKE TEMPORARY ON DATABASE {quote(catalog.database)} FROM PUBLIC;",
        *(f"-- REVOKE CREATE ON SCHEMA {quote(schema)} FROM PUBLIC;" for schema in every),
        *(f"-- REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {quote(schema)} FROM PUBLIC;" for schema in every),
        *(
            f"-- GRANT EXECUTE ON FUNCTION {'.'.join(quote(part) for part in name.split('.', 1))} TO {who};"
            for name in stack.owner.functions.allow
        ),
    ]
    return "\n".join(lines) + "\n"


def _filtered_by(
    catalog: Catalog, relation: Relation, judged: RelationAccess
) -> Iterator[tuple[Relation, set[str]]]:
    """What a relation's row filters look at: columns of its own, and of tables that their subqueries ask.

    A name counts for each of these tables that has such a column: only the server could tell whose it is.
    """
    for condition, owners in judged.filters:
        try:
            filtering = qualified(catalog, condition, owners=owners)
        except Refusal:
            continue
        asked = [catalog.by_qualified_name[name] for name in filtering.relations]
        names, everything = _named(filtering.expression)
        for one in (relation, *asked):
            columns = {column.name for column in one.columns}
            found = columns if everything and one is not relation else columns & names
            # PostgreSQL lets nobody count rows who may not read one column at least.
            yield one, found or ({one.columns[0].name} if one is not relation and one.columns else set())


def _named(expression: Any) -> tuple[set[str], bool]:
    """Every name in its column references, and whether it has a ``*``, which reads all there are."""
    names: set[str] = set()
    everything = False
    waiting: list[Any] = [expression]
    while waiting:
        value = unwrap(waiting.pop())
        if value is None:
            continue
        if value.DESCRIPTOR.name == "ColumnRef":
            names |= {part.string.sval for part in value.fields}
        everything |= value.DESCRIPTOR.name == "A_Star"
        waiting.extend(children(value))
    return names, everything


def handle(arguments: argparse.Namespace) -> int:
    """Run ``grants``: print the script.

    Raises:
        SettingsError: no database is named, or the policy cannot be read.
        DatabaseUnavailable: the server cannot be reached.
    """
    from agent.check import load_policy
    from agent.database import Database
    from agent.errors import SettingsError

    dsn = arguments.dsn or os.environ.get(DSN_VARIABLE, "")
    if not dsn:
        raise SettingsError("No database is named.", f"Pass --dsn or set {DSN_VARIABLE}.")
    stack = PolicyStack(owner=load_policy(arguments.policy))

    async def work() -> Catalog:
        async with Database(dsn, size=1) as database, database.transaction("BEGIN READ ONLY") as connection:
            return await Catalog.load(connection)

    print(script(stack, asyncio.run(work()), arguments.role), end="")
    return 0
