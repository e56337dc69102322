"""``custard-agent doctor``: whether the agent's role may do no more than it should, naming each grant.

The gate decides what runs; the role is what holds when the gate is wrong. So a role that could write, read
what the policy denies, or reach files and other sessions is a danger even while no statement asks for it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from agent.sandbox.catalog import Catalog
from agent.sandbox.commands import DSN_VARIABLE
from agent.sandbox.rows import fetch
from agent.sandbox.wrapping import literal, quote
from wire.policy import PolicyStack

if TYPE_CHECKING:
    from psycopg import AsyncConnection

EXIT_REFUSED = 3

DANGEROUS_ROLES = (
    "pg_checkpoint",
    "pg_create_subscription",
    "pg_database_owner",
    "pg_execute_server_program",
    "pg_maintain",
    "pg_monitor",
    "pg_read_all_data",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_read_server_files",
    "pg_signal_autovacuum_worker",
    "pg_signal_backend",
    "pg_stat_scan_tables",
    "pg_write_all_data",
    "pg_write_server_files",
)
"""PostgreSQL's own roles that read, write or disturb more than tables that were granted."""

DANGEROUS_FUNCTIONS = (
    "lo_export",
    "lo_import",
    "pg_ls_dir",
    "pg_read_binary_file",
    "pg_read_file",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_stat_file",
    "pg_switch_wal",
)
"""Functions of ``pg_catalog`` that only superusers may call, unless somebody granted them."""


@dataclass(frozen=True, slots=True)
class Danger:
    """Something that the agent's role may do and should not."""

    code: str
    severity: Literal["refuse", "warn"]
    what: str
    remedy: str
    """SQL that takes it away; where that would touch other roles too, a sentence."""
    on: str = ""
    """The relation, schema, function or server that it is about, as ``what`` names it; empty when it is about
    the role itself."""


_ROLE = """
select r.rolname::text as n, r.rolsuper as su, r.rolcreaterole as cr, r.rolcreatedb as cd, r.rolreplication as
rp,
       r.rolbypassrls as rls, current_database()::text as db,
       pg_has_role(d.datdba, 'MEMBER') as dbowner,
       has_database_privilege(d.oid, 'CREATE') as dbcreate, has_database_privilege(d.oid, 'TEMP') as temp
from pg_catalog.pg_roles r, pg_catalog.pg_database d
where r.rolname = current_user and d.datname = current_database()
"""

_MEMBER = """
select r.rolname::text as n from pg_catalog.pg_roles r
where r.rolname <> current_user and pg_has_role(r.oid, 'MEMBER')
order by 1
"""

_OWNED = """
select n.nspname || '.' || c.relname as n from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where pg_has_role(c.relowner, 'MEMBER') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~
'^pg_'
  and n.nspname <> 'information_schema'
order by 1
"""

_WRITES = """
select n.nspname::text as s, c.relname::text as r, p.name::text as p
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
cross join unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) as p (name)
where c.relkind in ('r', 'p', 'v', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and case when p.name in ('INSERT', 'UPDATE', 'REFERENCES') then has_any_column_privilege(c.oid, p.name)
           else has_table_privilege(c.oid, p.name) end
order by 1, 2, 3
"""

_SEQUENCES = """
select n.nspname::text as s, c.relname::text as r from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'S' and n.nspname !~ '^pg_'
  and (has_sequence_privilege(c.oid, 'USAGE') or has_sequence_privilege(c.oid, 'UPDATE'))
order by 1, 2
"""

_SCHEMAS = """
select n.nspname::text as s from pg_catalog.pg_namespace n
where has_schema_privilege(n.oid, 'CREATE') and n.nspname !~ '^pg_toast|^pg_temp' order by 1
"""

_READS = """
select a.attrelid::int8 as o, a.attname::text as c
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_'
  and n.nspname <> 'information_schema' and has_schema_privilege(n.oid, 'USAGE')
  and has_column_privilege(c.oid, a.attnum, 'SELECT')
order by 1, a.attnum
"""

_DEFINERS = """
select p.oid::regprocedure::text as f from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and has_function_privilege(p.oid, 'EXECUTE') and has_schema_privilege(n.oid, 'USAGE')
order by 1
"""

_BUILTINS = """
select distinct p.proname::text as f from pg_catalog.pg_proc p
where p.pronamespace = 'pg_catalog'::regnamespace and has_function_privilege(p.oid, 'EXECUTE')
  and p.proname = any (array[{names}])
order by 1
"""

_SERVERS = """
select s.srvname::text as s from pg_catalog.pg_foreign_server s where has_server_privilege(s.oid, 'USAGE')
order by 1
"""


async def examine(connection: AsyncConnection[Any], stack: PolicyStack) -> list[Danger]:
    """Everything that is wrong with the role of this connection, the worst first.

    Raises:
        psycopg.Error: the server refused or went away.
    """
    [role] = await fetch(connection, _ROLE)
    name, superuser, create_role, create_db, replication, bypass, database, owns, create, temp = role
    who = quote(name)
    found: list[Danger] = []
    flags = (
        (superuser, "superuser", "is a superuser: nothing in the database holds it", "NOSUPERUSER"),
        (bypass, "bypasses_rls", "passes row level security by", "NOBYPASSRLS"),
        (create_role, "creates_roles", "may create roles and give itself any of them", "NOCREATEROLE"),
        (create_db, "creates_databases", "may create databases", "NOCREATEDB"),
        (replication, "replicates", "may stream the whole cluster", "NOREPLICATION"),
    )
    for is_so, code, what, word in flags:
        if is_so:
            found.append(Danger(code, "refuse", f"{name} {what}.", f"ALTER ROLE {who} {word};"))
    if superuser:
        # A superuser has every other privilege too; naming each would bury the one line that matters.
        return found
    for (member,) in await fetch(connection, _MEMBER):
        severity: Literal["refuse", "warn"] = "refuse" if member in DANGEROUS_ROLES else "warn"
        found.append(
            Danger("member", severity, f"{name} can become {member}.", f"REVOKE {quote(member)} FROM {who};")
        )
    if owns:
        found.append(
            Danger(
                "owns_database",
                "refuse",
                f"{name} owns the database {database}.",
                f"ALTER DATABASE {quote(database)} OWNER TO …;",
            )
        )
    for (relation,) in await fetch(connection, _OWNED):
        found.append(
            Danger(
                "owns", "refuse", f"{name} owns {relation}.", f"ALTER TABLE {relation} OWNER TO …;", relation
            )
        )
    found += await _writes(connection, name)
    if create:
        found.append(
            Danger(
                "creates_schemas",
                "refuse",
                f"{name} may create schemas in {database}.",
                f"REVOKE CREATE ON DATABASE {quote(database)} FROM {who};",
            )
        )
    found += await _calls(connection, name)
    found += await _reads(connection, name, stack)
    if temp:
        found.append(
            Danger(
                "temporary_tables",
                "warn",
                f"{name} may make temporary tables in {database}.",
                f"REVOKE TEMPORARY ON DATABASE {quote(database)} FROM PUBLIC; (this touches every role)",
            )
        )
    return sorted(found, key=lambda danger: danger.severity == "warn")


async def _writes(connection: AsyncConnection[Any], name: str) -> list[Danger]:
    who = quote(name)
    found = []
    for schema, relation, privilege in await fetch(connection, _WRITES):
        table = f"{quote(schema)}.{quote(relation)}"
        found.append(
            Danger(
                "writes",
                "refuse",
                f"{name} has {privilege} on {schema}.{relation}.",
                f"REVOKE {privilege} ON {table} FROM {who}, PUBLIC;",
                f"{schema}.{relation}",
            )
        )
    for schema, sequence in await fetch(connection, _SEQUENCES):
        found.append(
            Danger(
                "writes_sequence",
                "refuse",
                f"{name} may advance the sequence {schema}.{sequence}.",
                f"REVOKE ALL ON SEQUENCE {quote(schema)}.{quote(sequence)} FROM {who}, PUBLIC;",
                f"{schema}.{sequence}",
            )
        )
    for (schema,) in await fetch(connection, _SCHEMAS):
        found.append(
            Danger(
                "creates",
                "refuse",
                f"{name} may create objects in the schema {schema}.",
                f"REVOKE CREATE ON SCHEMA {quote(schema)} FROM {who}, PUBLIC;",
                schema,
            )
        )
    return found


async def _calls(connection: AsyncConnection[Any], name: str) -> list[Danger]:
    who = quote(name)
    found = []
    names = ", ".join(literal(function) for function in DANGEROUS_FUNCTIONS)
    for (function,) in await fetch(connection, _BUILTINS.format(names=names)):
        found.append(
            Danger(
                "dangerous_function",
                "refuse",
                f"{name} may call {function}, which leaves the database.",
                f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM {who}, PUBLIC;",
            )
        )
    for (function,) in await fetch(connection, _DEFINERS):
        found.append(
            Danger(
                "definer_function",
                "warn",
                f"{name} may call {function}, which runs with its owner's rights.",
                f"REVOKE EXECUTE ON FUNCTION {function} FROM {who}, PUBLIC; (this touches every role)",
                function,
            )
        )
    for (server,) in await fetch(connection, _SERVERS):
        found.append(
            Danger(
                "foreign_server",
                "refuse",
                f"{name} may use the foreign server {server}.",
                f"REVOKE USAGE ON FOREIGN SERVER {quote(server)} FROM {who}, PUBLIC;",
                server,
            )
        )
    return found


async def _reads(connection: AsyncConnection[Any], name: str, stack: PolicyStack) -> list[Danger]:
    """What the role sees and the policy denies."""
    from agent.grants import harmless, needed

    catalog = await Catalog.load(connection)
    allowed = needed(stack, catalog)
    for oid, names in harmless(stack, catalog).items():
        allowed[oid] = (*allowed.get(oid, ()), *names)
    seen: dict[int, set[str]] = {}
    for oid, column in await fetch(connection, _READS):
        seen.setdefault(oid, set()).add(column)
    found = []
    for oid, columns in seen.items():
        relation = catalog.relations.get(oid)
        if relation is None:
            continue
        more = sorted(columns - set(allowed.get(oid, ())))
        if not more:
            continue
        table = f"{quote(relation.schema)}.{quote(relation.name)}"
        what = relation.qualified_name
        if oid in allowed:
            what += f" ({', '.join(more)})"
        found.append(
            Danger(
                "sees_more",
                "refuse",
                f"{name} may read {what}, which the policy denies.",
                f"REVOKE ALL ON {table} FROM {quote(name)}, PUBLIC; then run the script of `grants`",
                what,
            )
        )
    return found


def handle(arguments: argparse.Namespace) -> int:
    """Run ``doctor``; returns 0, or 3 when the role is refused.

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

    async def work() -> list[Danger]:
        async with Database(dsn, size=1) as database, database.transaction("BEGIN READ ONLY") as connection:
            return await examine(connection, stack)

    dangers = asyncio.run(work())
    for danger in dangers:
        if arguments.json:
            print(json.dumps(asdict(danger)))
        else:
            print(f"{'✗' if danger.severity == 'refuse' else '!'} {danger.what}\n    {danger.remedy}")
    if not dangers and not arguments.json:
        print("✓ The role may read what the policy permits, and nothing else.")
    return EXIT_REFUSED if any(danger.severity == "refuse" for danger in dangers) else 0
