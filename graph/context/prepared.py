"""What is worked out once for a snapshot and serves every question about it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from wire.snapshot import SchemaSnapshot

_T = TypeVar("_T")

KEPT = 8
"""Snapshots of which something is kept, the last ones asked about: one of ten thousand tables is large."""


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """A snapshot as a cache's key: the very object, whose hundred thousand columns need not be compared."""

    snapshot: SchemaSnapshot

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and other.snapshot is self.snapshot

    def __hash__(self) -> int:
        return id(self.snapshot)


def once(make: Callable[[SchemaSnapshot], _T]) -> Callable[[SchemaSnapshot], _T]:
    """A function of a snapshot that works only when it is given another one than before."""
    kept = lru_cache(maxsize=KEPT)(lambda key: make(key.snapshot))
    return lambda snapshot: kept(Key(snapshot))


@once
def column_names(snapshot: SchemaSnapshot) -> frozenset[str]:
    """The names of all columns, in lower case."""
    return frozenset(column.name.lower() for table in snapshot.tables for column in table.columns)
