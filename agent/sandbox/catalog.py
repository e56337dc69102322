"""What the gate knows of the server: relations, what they are made of, and names that could shadow others.

Loaded from ``pg_catalog`` with a handful of flat queries, and plain data from then on, so that it can be
handed to the process that judges statements.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agent.sandbox.operands import Signature

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

JOINS = "joins"
"""A type of which an operator other than ``||`` makes one value of two: text search queries, multiranges."""
OUTLINES = "outlines"
"""A path or polygon, which is moreover compared point by point."""

SYSTEM = ("pg_catalog", "information_schema", "pg_toast")

IMPLIED = frozenset({"=", "<>", "<", "<=", ">", ">=", "~", "!~", "~~", "!~~", "~~*", "!~~*"})
"""Operators that a statement can use without writing them: IN, BETWEEN, LIKE, CASE, NULLIF, USING."""


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column that exists, whatever a policy says of it."""

    number: int
    name: str
    type: str
    """As ``format_type`` prints it."""
    joins: str = ""
    """``JOINS``, ``OUTLINES`` or empty, of its type and those inside it."""


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
    barrier: bool = False
    """A view made ``WITH (security_barrier)``: no condition from outside is tried on what it leaves out."""
    version: str = ""
    """Of a view: the transaction that last defined it, as ``pg_rewrite.xmin`` prints it."""
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
    signatures: tuple[Signature, ...] = ()
    """What each of its overloads takes."""


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
    """True when making a value calls a function outside ``pg_catalog``: a domain's constraint does, its own
    or that of a type inside this one, and so does a range whose bounds an owner's function compares."""
    joins: str = ""
    """``JOINS``, ``OUTLINES`` or empty, of itself and the types inside it."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A cast by a function that neither PostgreSQL nor an extension brought: casting calls it."""

    source: str
    target: str
    function: str
    """``schema.name``."""
    implicit: bool = False
    """An operator or function that takes the target may call it without a cast being written."""
    builtin: bool = False
    """The source is a type of ``pg_catalog``, which a value may have anywhere."""
    targets: frozenset[str] = frozenset()
    """Types that a cast may name to mean the target: itself, domains over it, arrays of those."""
    types: frozenset[str] = frozenset()
    """Types of the owner's that hold such a value: the type itself, arrays, domains, composites, ranges."""
    columns: frozenset[tuple[str, str]] = frozenset()
    """(``schema.table``, column) whose type is one of those."""
    function_oid: int = 0
    alike: bool = False
    """Both types are of one category, so that a set operation makes the cast between its sides' columns."""


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
    overlaid: frozenset[str] = frozenset()
    """Those of them to which somebody has added an overload of their own inside ``pg_catalog``."""
    composites: dict[str, dict[str, str]] = field(default_factory=dict)
    """Composite types by the name that ``format_type`` prints; their fields and the fields' types."""
    types: tuple[TypeInfo, ...] = ()
    operators: tuple[tuple[str, str, str | None], ...] = ()
    """(schema, name, extension) of operators that PostgreSQL did not bring."""
    own_operators: tuple[tuple[str, str, Signature], ...] = ()
    """(schema, name, operands) of those that no extension brought either."""
    brought_operators: tuple[tuple[str, Signature], ...] = ()
    """(name, operands) of those that an extension brought."""
    builtin_operators: tuple[tuple[str, Signature], ...] = ()
    """(name, operands) of PostgreSQL's own for which an extension has one of the same name."""
    checked_columns: frozenset[tuple[str, str]] = frozenset()
    """(``schema.table``, column) whose type's values are checked by a function of the owner's."""
    structured_columns: frozenset[tuple[str, str]] = frozenset()
    """Those of them whose values have parts: arrays, ranges, composites, also by way of a domain. A literal
    that meets one is read as one, and checked; one that meets a domain over a plain type is not."""
    ordered_columns: frozenset[tuple[str, str]] = frozenset()
    """(``schema.table``, column) whose values are put into order, or hashed, by a function of the owner's."""
    casts: tuple[Cast, ...] = ()
    loaded_at: float = 0.0
    """``time.monotonic()`` at the end of loading."""

    @classmethod
    async def load(cls, connection: AsyncConnection[Any]) -> Catalog:
        """Read the catalogs through this connection, in whatever transaction it is in.

        Raises:
            psycopg.Error: the server refused or went away.
        """
        from agent.sandbox.loading import load  # which makes catalogs, and so knows this module

        return await load(connection)

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

        Relations and types in it are qualified by then; what still goes by the path are operators, and those
        functions for which an extension has an overload. So ``pg_catalog`` comes first, the temporary schema
        last, and a schema in which somebody put an operator of their own that a statement can use without
        writing it is left out: nothing can take the place of ``=``.
        """
        shadowing = {schema for schema, name, _ in self.own_operators if name in IMPLIED}
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
