"""Which tables can be joined, and on what: declared foreign keys, and names that speak for themselves.

Many databases declare no foreign key at all. There, two tables are taken to be joinable when they share a
column's name and its kind of type, and the name looks like a key rather than like an everyday attribute.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from graph.context.own_names import own_names
from graph.context.prepared import KEPT
from graph.context.short_names import short_names
from graph.context.words import listed, name_words
from wire.snapshot import Column, SchemaSnapshot, Table

_KEY_ENDINGS = frozenset(
    {"id", "key", "code", "cd", "uuid", "guid", "no", "num", "number", "sk", "pk", "fk", "ref"}
)
_ATTRIBUTES = listed(
    """name names full_name first_name last_name middle_name given_name family_name display_name
    title description comment comments note notes text type kind status state created updated
    modified deleted date time year month day count number total amount price email phone address url active
    created_at updated_at deleted_at created_on updated_on value label"""
)
"""Names that two tables often share without referring to each other."""


_MOST_SIBLINGS = 12
"""Columns that refer to one key, up to which any two of them are taken for a join."""

_MAX_CHAINS = 2_000
"""Chains looked at in a dense schema before none of them counts as the one that is meant."""


@dataclass(frozen=True, slots=True)
class Join:
    """``left.columns`` equal ``right.columns``, pairwise. Tables by qualified name."""

    left: str
    left_columns: tuple[str, ...]
    right: str
    right_columns: tuple[str, ...]
    declared: bool
    """A foreign key says so; otherwise the names do."""

    def turned(self) -> "Join":
        """The same join, told from the other side."""
        return Join(self.right, self.right_columns, self.left, self.left_columns, self.declared)


class JoinGraph:
    """Every way in which the snapshot's tables can be joined in one step."""

    def __init__(self, snapshot: SchemaSnapshot) -> None:
        # A partition's columns look as its parent's do: they would be joins of a table with itself.
        self._tables = snapshot.listed
        self.short = short_names(snapshot)
        """What its names stand for."""
        self.own = own_names(snapshot)
        """What its tables' things are told apart by, and called."""

    @cached_property
    def _joins(self) -> dict[str, list[Join]]:
        found: dict[str, list[Join]] = {table.qualified_name: [] for table in self._tables}
        linked: set[frozenset[str]] = set()
        for table in self._tables:
            for key in table.foreign_keys:
                target = f"{key.to_schema}.{key.to_table}"
                if target in found:
                    join = Join(
                        table.qualified_name, tuple(key.columns), target, tuple(key.to_columns), declared=True
                    )
                    found[join.left].append(join)
                    found[join.right].append(join.turned())
                    linked.add(frozenset((join.left, join.right)))
        for join in self._inferred():
            known = frozenset((join.left, join.right)) in linked or join in found[join.left]
            if not known and join.turned() not in found[join.right]:
                found[join.left].append(join)
                found[join.right].append(join.turned())
        for joins in found.values():
            joins.sort(key=lambda join: not join.declared)
        return found

    def _inferred(self) -> Iterable[Join]:
        holders: dict[tuple[str, str], list[tuple[Table, Column]]] = {}
        for table in self._tables:
            for column in table.columns:
                kind = type_family(column.type)
                if _looks_like_key(column.name) or column.name.lower() in self._natural:
                    holders.setdefault((column.name.lower(), kind), []).append((table, column))
        for holding in holders.values():
            # A name that half of a large schema has (tenant_id) says nothing about any two of its tables.
            if len(holding) > max(12, len(self._tables) // 3):
                continue
            for place, (table, column) in enumerate(holding):
                for other, other_column in holding[place + 1 :]:
                    if self._declares and self._numbers_itself(table, column, other, other_column):
                        continue
                    yield Join(
                        table.qualified_name,
                        (column.name,),
                        other.qualified_name,
                        (other_column.name,),
                        declared=False,
                    )
        yield from self._by_table_name()
        yield from self._by_short_name()
        yield from self._by_role()

    @cached_property
    def _natural(self) -> frozenset[str]:
        """Own keys that no ending gives away, of a database that declares none: ``sku``, ``isbn``."""
        if self._declares:
            return frozenset()
        keys = (self.own.key(table) for table in self._tables)
        return frozenset(key.lower() for key in keys if key) - _KEY_ENDINGS

    @cached_property
    def _declares(self) -> bool:
        return any(table.foreign_keys for table in self._tables)

    @staticmethod
    def _numbers_itself(table: Table, column: Column, other: Table, other_column: Column) -> bool:
        """Whether both columns are their tables' own keys: two numberings that have a name in common."""
        return table.primary_key == [column.name] and other.primary_key == [other_column.name]

    def _by_short_name(self) -> Iterable[Join]:
        """``txcustid`` refers to ``custid`` of a table whose columns all begin with ``cust``; and what refers
        to one key belongs together."""
        referring: dict[tuple[str, str], list[tuple[Table, Column]]] = {}
        for table in self._tables:
            for column in table.columns:
                for target, key in self.short.refers(table, column.name):
                    own = target.column(key)
                    if own is None or type_family(own.type) != type_family(column.type):
                        continue
                    referring.setdefault((target.qualified_name, key), []).append((table, column))
        for (target_name, key), columns in referring.items():
            for place, (table, column) in enumerate(columns):
                yield Join(table.qualified_name, (column.name,), target_name, (key,), declared=False)
                for other, other_column in columns[place + 1 :] if len(columns) <= _MOST_SIBLINGS else ():
                    if other is not table:
                        yield Join(
                            table.qualified_name,
                            (column.name,),
                            other.qualified_name,
                            (other_column.name,),
                            declared=False,
                        )

    def _by_role(self) -> Iterable[Join]:
        """``home_std_id`` refers to ``std_id`` of the one table whose own key that is."""
        keys: dict[str, list[Table]] = {}
        for table in self._tables:
            key = self.own.key(table)
            if key is not None and len(name_words(key)) > 1:
                keys.setdefault(key.lower(), []).append(table)
        for table in self._tables:
            for column in () if table.foreign_keys else table.columns:
                _, _, rest = column.name.lower().partition("_")
                while rest and rest not in keys:
                    _, _, rest = rest.partition("_")
                target = keys[rest][0] if rest and len(keys[rest]) == 1 else table
                own = target.column(self.own.key(target) or "")
                if target is table or own is None or type_family(own.type) != type_family(column.type):
                    continue
                yield Join(
                    table.qualified_name, (column.name,), target.qualified_name, (own.name,), declared=False
                )

    def _by_table_name(self) -> Iterable[Join]:
        """``customer_id`` refers to ``customers.id``, and ``capital_city`` does not."""
        by_stem: dict[str, list[Table]] = {}
        for table in self._tables:
            for name in {table.name.lower(), singular(table.name.lower())}:
                by_stem.setdefault(name, []).append(table)
        for table in self._tables:
            for column in table.columns:
                lower = column.name.lower()
                prefix, _, ending = lower.rpartition("_")
                key, named = (ending, prefix) if prefix and ending in _KEY_ENDINGS else ("", lower)
                for target in by_stem.get(named, ()):
                    # ``customer_id`` is customers.id; a column called ``semester`` is semester.semester_id.
                    # A user's key may be users.id, users.uid and users.userid.
                    names = [key, named[0] + key, named + key] if key else ["id", f"{named}_id"]
                    own = next(filter(None, map(target.column, names)), None)
                    if own is None or target is table or type_family(own.type) != type_family(column.type):
                        continue
                    if not key and type_family(own.type) == "text":
                        continue
                    yield Join(
                        table.qualified_name,
                        (column.name,),
                        target.qualified_name,
                        (own.name,),
                        declared=False,
                    )

    def of(self, table: str) -> list[Join]:
        """Joins of one table, declared ones first; none for a table that is not in the snapshot."""
        return self._joins.get(table, [])

    def referred(self, table: str) -> list[str]:
        """The tables whose own keys a table's columns name: a customer's for ``orders.customer_id``."""
        found = [
            join.right
            for join in self.of(table)
            if (self._is_forward(join) if join.declared else self._holds_key(join.right, join.right_columns))
            and not self._holds_key(join.left, join.left_columns)
        ]
        return list(dict.fromkeys(found))

    def refers(self, table: str, column: str) -> bool:
        """Whether a column of the table refers to another table's things, which many rows may share."""
        referred = self.referred(table)
        return any(join.left_columns == (column,) and join.right in referred for join in self.of(table))

    def between(self, left: str, right: str) -> list[Join]:
        """Direct joins from ``left`` to ``right``; only the declared ones when there are any."""
        direct = [join for join in self.of(left) if join.right == right]
        declared = [join for join in direct if join.declared]
        return declared or direct

    def ways(self, start: Iterable[str], goal: str, *, longest: int = 3) -> list[list[Join]]:
        """Every shortest chain of joins from any of ``start`` to ``goal``; of declared ones if there are any.

        Of several, those whose every join is by a key of one of its two tables go before those that pair rows
        by a third table's key (orders and reviews of one customer).

        Args:
            longest: Joins that a chain may have at most.
        """
        begun = list(dict.fromkeys(start))
        found = self._chains(begun, goal, longest, declared=True)
        found = found or self._chains(begun, goal, longest, declared=False)
        owned = [chain for chain in found if all(map(self._is_by_own_key, chain))]
        return owned or found

    def _is_by_own_key(self, join: Join) -> bool:
        return (
            join.declared
            or self._holds_key(join.left, join.left_columns)
            or self._holds_key(join.right, join.right_columns)
        )

    def _holds_key(self, name: str, columns: tuple[str, ...]) -> bool:
        """Whether the columns are the table's own key, as declared or by their names."""
        table = self._by_name[name]
        if table.primary_key and tuple(table.primary_key) == columns:
            return True
        if len(columns) == 1 and (
            self.short.is_own_key(table, columns[0]) or self.own.key(table) == columns[0]
        ):
            return True
        bare = {column.lower().removesuffix("id").rstrip("_") for column in columns}
        return bare <= {"", table.name.lower(), singular(table.name.lower())}

    def _is_forward(self, join: Join) -> bool:
        """Whether a declared join goes from the table that refers to the one that is referred to."""
        keys = self._by_name[join.left].foreign_keys
        return any(
            f"{key.to_schema}.{key.to_table}" == join.right and tuple(key.columns) == join.left_columns
            for key in keys
        )

    def table(self, name: str) -> Table:
        """The table of a qualified name."""
        return self._by_name[name]

    def is_reference(self, join: Join) -> bool:
        """Whether a join goes from what refers to what is referred to."""
        if join.declared:
            return self._is_forward(join)
        return self._holds_key(join.right, join.right_columns) and not self._holds_key(
            join.left, join.left_columns
        )

    @cached_property
    def _by_name(self) -> dict[str, Table]:
        return {table.qualified_name: table for table in self._tables}

    def _chains(self, start: list[str], goal: str, longest: int, *, declared: bool) -> list[list[Join]]:
        reached = set(start)
        chains: list[list[Join]] = [[]]
        for step in range(longest):
            longer = [
                [*chain, join]
                for chain in chains
                for table in ([chain[-1].right] if chain else start if step == 0 else [])
                for join in self.of(table)
                if join.right not in reached and (join.declared or not declared)
            ]
            if found := [chain for chain in longer if chain[-1].right == goal]:
                return found
            if len(longer) > _MAX_CHAINS:
                return []
            reached |= {chain[-1].right for chain in longer}
            chains = longer
        return []

    def path(self, start: Iterable[str], goal: str, *, longest: int = 3) -> list[str] | None:
        """Tables on a shortest way from any of ``start`` to ``goal``, both ends included.

        Args:
            longest: Joins that the way may take at most. None is returned when there is no such way.
        """
        before: dict[str, str | None] = dict.fromkeys(start)
        queue = deque((table, 0) for table in before)
        while queue:
            table, steps = queue.popleft()
            if table == goal:
                way = [table]
                while (previous := before[way[-1]]) is not None:
                    way.append(previous)
                return way[::-1]
            if steps == longest:
                continue
            for join in self.of(table):
                if join.right not in before:
                    before[join.right] = table
                    queue.append((join.right, steps + 1))
        return None


_JOINS: dict[str, JoinGraph] = {}


def joins_of(snapshot: SchemaSnapshot) -> JoinGraph:
    """The snapshot's joins, made once for each fingerprint."""
    key = snapshot.fingerprint
    if key not in _JOINS:
        if len(_JOINS) >= KEPT:
            _JOINS.clear()
        _JOINS[key] = JoinGraph(snapshot)
    return _JOINS[key]


@lru_cache(maxsize=4_096)
def type_family(type_name: str) -> str:
    """The kind of values: types of one family can be compared with each other."""
    name = type_name.lower().split("(")[0].removesuffix("[]").strip()
    if name in {"smallint", "integer", "bigint", "numeric", "real", "double precision", "decimal", "money"}:
        return "number"
    if name in {"text", "character varying", "character", "citext", "name", "varchar", "char", "bpchar"}:
        return "text"
    if name.startswith("timestamp") or name == "date":
        return "moment"
    return name


@lru_cache(maxsize=65_536)
def _looks_like_key(name: str) -> bool:
    lower = name.lower()
    if lower in _ATTRIBUTES or lower in _KEY_ENDINGS:
        return False
    parts = name_words(name)
    # paperid and aid end in a key's ending without an underscore; city_name names something and so refers.
    glued = (
        len(lower) >= 3 and lower.endswith(("id", "uuid")) and not lower.endswith(("paid", "valid", "void"))
    )
    named = len(parts) > 1 and parts[-1] in {"name", "symbol", "ticker", "sku", "slug"}
    return bool(parts) and (parts[-1] in _KEY_ENDINGS or glued or named)


def singular(name: str) -> str:
    """A table's name as one of its rows is called."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    if name.endswith(("sses", "xes", "ches", "shes")):
        return name[:-2]
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name
