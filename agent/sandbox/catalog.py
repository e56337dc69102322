"""What the gate knows of the server: relations, what they are made of, and names that could shadow others.

Loaded from ``pg_catalog`` with a handful of flat queries, and plain data from then on, so that it can be
handed to the process that judges statements.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agent.sandbox.rows import fetch

if TYPE_CHECKING:  # the process that judges statements has no use for a driver
    from psycopg import AsyncConnection

READABLE_KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
}
"""``pg_class.relkind`` of what a statement may read from."""

SYSTEM = ("pg_catalog", "information_schema", "pg_toast")


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column that exists, whatever a policy says of it."""

    number: int
    name: str
    type: str
    """As ``format_type`` prints it."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or the like outside the system's schemas."""

    oid: int
    schema: str
    name: str
    kind: str
    columns: tuple[ColumnInfo, ...]
    primary_key: frozenset[str] = frozenset()
    parents: tuple[int, ...] = ()
    """Tables it is a partition of or inherits from, directly."""
    children: tuple[int, ...] = ()
    definition: str | None = None
    """A view's SELECT, every name in it qualified."""
    reads: tuple[tuple[int, str | None], ...] = ()
    """(oid, column) that a view's definition depends on; column None for the relation as a whole."""
    calls: tuple[str, ...] = ()
    """``schema.name`` of functions outside ``pg_catalog`` that a view's definition calls."""
    extension: str | None = None
    computed: tuple[tuple[str, str], ...] = ()
    """(generated column, column that it is computed from)."""

    @property
    def qualified_name(self) -> str:
        """``schema.name``, unquoted."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Routine:
    """A function outside ``pg_catalog``, all its overloads in one."""

    schema: str
    name: str
    extension: str | None
    constructs: bool = False
    """Every overload is what PostgreSQL made for a range type: it puts bounds together and no more."""


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A type outside ``pg_catalog``."""

    schema: str
    name: str
    kind: str
    """``pg_type.typtype``: b base, c composite, d domain, e enum, r range, m multirange."""
    extension: str | None
    of_relation: bool
    """True for the row type of a table or view."""
    checked: bool
    """True for a domain whose constraints call functions outside ``pg_catalog``."""


@dataclass(frozen=True)
class Catalog:
    """The server's names at a moment."""

    database: str = ""
    server_version: int = 0
    search_path: tuple[str, ...] = ("public",)
    """Schemas whose names need no prefix, in order, system schemas left out."""
    relations: dict[int, Relation] = field(default_factory=dict)
    system_relations: frozenset[str] = frozenset()
    """Names of the relations in ``pg_catalog``, which every search path has first."""
    routines: tuple[Routine, ...] = ()
    builtin_functions: frozenset[str] = frozenset()
    """Names of functions that this server's ``pg_catalog`` has."""
    types: tuple[TypeInfo, ...] = ()
    operators: tuple[tuple[str, str, str | None], ...] = ()
    """(schema, name, extension) of operators outside ``pg_catalog``."""
    casts: tuple[tuple[str, str], ...] = ()
    """(source, target) types of casts whose function neither ``pg_catalog`` nor an extension has."""
    loaded_at: float = 0.0
    """``time.monotonic()`` at the end of loading."""

    @classmethod
    async def load(cls, connection: AsyncConnection[Any]) -> Catalog:
        """Read the catalogs through this connection, in whatever transaction it is in.

        Raises:
            psycopg.Error: the server refused or went away.
        """
        return await _load(connection)

    @cached_property
    def by_name(self) -> dict[tuple[str, str], Relation]:
        """Relations by schema and name."""
        return {(relation.schema, relation.name): relation for relation in self.relations.values()}

    @cached_property
    def by_qualified_name(self) -> dict[str, Relation]:
        """Relations by ``schema.name``; either part may have dots of its own. Two that read alike are left
        out."""
        found: dict[str, Relation] = {}
        twice = set()
        for relation in self.relations.values():
            twice |= {relation.qualified_name} & found.keys()
            found[relation.qualified_name] = relation
        return {name: relation for name, relation in found.items() if name not in twice}

    def build_indexes(self) -> None:
        """Make now what lookups would make on their first use, so that no statement is charged for it."""
        _ = self.by_name, self.names, self.routine_index, self.type_index, self.execution_path

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that some relation has, in whatever schema, the system's own included."""
        return self.system_relations | {relation.name for relation in self.relations.values()}

    @cached_property
    def routine_index(self) -> dict[str, list[Routine]]:
        """Functions outside ``pg_catalog`` by name, those on the search path first."""
        order = {schema: place for place, schema in enumerate(self.search_path)}
        found: dict[str, list[Routine]] = defaultdict(list)
        for routine in sorted(self.routines, key=lambda one: order.get(one.schema, len(order))):
            found[routine.name].append(routine)
        return dict(found)

    @cached_property
    def type_index(self) -> dict[str, list[TypeInfo]]:
        """Types outside ``pg_catalog`` by name, those on the search path first."""
        order = {schema: place for place, schema in enumerate(self.search_path)}
        found: dict[str, list[TypeInfo]] = defaultdict(list)
        for info in sorted(self.types, key=lambda one: order.get(one.schema, len(order))):
            found[info.name].append(info)
        return dict(found)

    @cached_property
    def execution_path(self) -> tuple[str, ...]:
        """The ``search_path`` under which a judged statement must run.

        Every relation, function and type in it is qualified by then; what still goes by the path are
        operators. So ``pg_catalog`` comes first, the temporary schema last, and a schema in which somebody
        put an operator of their own is left out: nothing can take the place of ``=``.
        """
        shadowing = {schema for schema, _, extension in self.operators if extension is None}
        rest = [schema for schema in self.search_path if schema not in shadowing]
        return ("pg_catalog", *rest, "pg_temp")

    def resolve(self, schema: str, name: str) -> Relation | None:
        """The relation that PostgreSQL would take for this name; ``schema`` empty goes by the search path."""
        if schema:
            return self.by_name.get((schema, name))
        for candidate in self.search_path:
            relation = self.by_name.get((candidate, name))
            if relation is not None:
                return relation
        return None

    def ancestors(self, relation: Relation) -> list[Relation]:
        """What it is a partition of or inherits from, however far up."""
        return self._closure(relation, lambda one: one.parents)

    def descendants(self, relation: Relation) -> list[Relation]:
        """Its partitions and heirs, however far down."""
        return self._closure(relation, lambda one: one.children)

    def _closure(self, relation: Relation, step: Any) -> list[Relation]:
        found: dict[int, Relation] = {}
        waiting = list(step(relation))
        while waiting:
            oid = waiting.pop()
            if oid in found or oid not in self.relations:
                continue
            found[oid] = self.relations[oid]
            waiting.extend(step(found[oid]))
        return list(found.values())


_HEAD: str = """
select current_database()::text, current_setting('server_version_num')::int,
       array(select s::text from unnest(current_schemas(false)) as s
             where s::text not like 'pg\\_%' and s::text <> 'information_schema')
"""

_RELATIONS: str = """
select c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text, e.extname::text,
       case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
       array(select a.attname::text from pg_catalog.pg_index i
             join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
             where i.indrelid = c.oid and i.indisprimary)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.objsubid = 0 and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""

_COLUMNS: str = """
select a.attrelid::int8, a.attnum::int, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod)
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by a.attrelid, a.attnum
"""

_COMPUTED: str = """
select distinct a.attrelid::int8 as r, a.attname::text as g, b.attname::text as c
from pg_catalog.pg_attribute a
left join pg_catalog.pg_attrdef f on f.adrelid = a.attrelid and f.adnum = a.attnum
join pg_catalog.pg_depend d
  on d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = a.attrelid and d.refobjsubid <> a.attnum
  and (d.classid = 'pg_catalog.pg_class'::regclass and d.objid = a.attrelid and d.objsubid = a.attnum
       or d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = f.oid)
join pg_catalog.pg_attribute b on b.attrelid = a.attrelid and b.attnum = d.refobjsubid
where a.attnum > 0 and not a.attisdropped and a.attgenerated <> ''
"""

_INHERITS: str = "select inhrelid::int8, inhparent::int8 from pg_catalog.pg_inherits"

_READS: str = """
select distinct r.ev_class::int8, d.refobjid::int8, a.attname::text, n.nspname::text
from pg_catalog.pg_rewrite r
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
  and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid <> r.ev_class
join pg_catalog.pg_class c on c.oid = d.refobjid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and d.refobjsubid
> 0
"""

_CALLS: str = """
select distinct r.ev_class::int8, n.nspname || '.' || p.proname
from pg_catalog.pg_rewrite r
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
  and d.refclassid = 'pg_catalog.pg_proc'::regclass
join pg_catalog.pg_proc p on p.oid = d.refobjid
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where n.nspname <> 'pg_catalog'
"""

_ROUTINES: str = """
select n.nspname::text as s, p.proname::text as f, e.extname::text as e,
       bool_and(p.prolang = 12 and p.prosrc ~ '^(multi)?range_constructor[0-3]$') as c
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where n.nspname not in ('pg_catalog', 'information_schema')
group by 1, 2, 3
"""

_BUILTINS: str = """
select distinct p.proname::text from pg_catalog.pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace
"""

_TYPES: str = """
select n.nspname::text, t.typname::text, t.typtype::text, e.extname::text,
       coalesce(c.relkind <> 'c', false),
       exists (select from pg_catalog.pg_constraint k
               join pg_catalog.pg_depend f on f.classid = 'pg_catalog.pg_constraint'::regclass
                 and f.objid = k.oid and f.refclassid = 'pg_catalog.pg_proc'::regclass
               where k.contypid = t.oid)
from pg_catalog.pg_type t
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_class c on c.oid = t.typrelid
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and t.typelem = 0
"""

_OPERATORS: str = """
select distinct n.nspname::text, o.oprname::text, e.extname::text
from pg_catalog.pg_operator o
join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
left join pg_catalog.pg_depend d
  on d.classid = 'pg_catalog.pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e'
left join pg_catalog.pg_extension e on e.oid = d.refobjid
where n.nspname not in ('pg_catalog', 'information_schema')
"""

_CASTS: str = """
select s.typname::text, t.typname::text
from pg_catalog.pg_cast c
join pg_catalog.pg_type s on s.oid = c.castsource
join pg_catalog.pg_type t on t.oid = c.casttarget
join pg_catalog.pg_proc p on p.oid = c.castfunc
where p.pronamespace <> 'pg_catalog'::regnamespace
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_cast'::regclass and d.objid = c.oid and d.deptype = 'e')
"""

_SYSTEM_NAMES: str = """
select c.relname::text from pg_catalog.pg_class c where c.relnamespace = 'pg_catalog'::regnamespace
"""


async def _load(connection: AsyncConnection[Any]) -> Catalog:
    async def rows(query: str) -> list[list[Any]]:
        return await fetch(connection, query)

    [[database, version, path]] = await rows(_HEAD)
    columns: dict[int, list[ColumnInfo]] = defaultdict(list)
    for oid, number, name, type_name in await rows(_COLUMNS):
        columns[oid].append(ColumnInfo(number, name, type_name))
    parents: dict[int, list[int]] = defaultdict(list)
    children: dict[int, list[int]] = defaultdict(list)
    for child, parent in await rows(_INHERITS):
        parents[child].append(parent)
        children[parent].append(child)
    computed: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for oid, column, source in await rows(_COMPUTED):
        computed[oid].append((column, source))
    reads: dict[int, set[tuple[int, str | None]]] = defaultdict(set)
    for view, oid, column, schema in await rows(_READS):
        reads[view].add((0 if schema in SYSTEM else oid, column))
    calls: dict[int, set[str]] = defaultdict(set)
    for view, name in await rows(_CALLS):
        calls[view].add(name)
    relations = {
        oid: Relation(
            oid=oid,
            schema=schema,
            name=name,
            kind=kind,
            columns=tuple(columns[oid]),
            primary_key=frozenset(key),
            parents=tuple(parents[oid]),
            children=tuple(children[oid]),
            definition=definition,
            reads=tuple(sorted(reads[oid], key=str)),
            calls=tuple(sorted(calls[oid])),
            extension=extension,
            computed=tuple(sorted(computed[oid])),
        )
        for oid, schema, name, kind, extension, definition, key in await rows(_RELATIONS)
    }
    return Catalog(
        database=database,
        server_version=version,
        search_path=tuple(path),
        relations=relations,
        system_relations=frozenset(name for [name] in await rows(_SYSTEM_NAMES)),
        routines=tuple(Routine(*row) for row in await rows(_ROUTINES)),
        builtin_functions=frozenset(name for [name] in await rows(_BUILTINS)),
        types=tuple(TypeInfo(*row) for row in await rows(_TYPES)),
        operators=tuple((schema, name, extension) for schema, name, extension in await rows(_OPERATORS)),
        casts=tuple((source, target) for source, target in await rows(_CASTS)),
        loaded_at=time.monotonic(),
    )
