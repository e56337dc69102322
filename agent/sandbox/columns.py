"""The columns of a query as ``growth`` counts them, and which of them a name means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

COLUMN = 10
"""Characters that a table's column is taken to have: what is long in it was not made by the statement."""
SMALL = 20
"""Characters of a number, a date, a truth."""
OUTLINE = 4_096
"""Characters that a table's path or polygon is taken to have: as many as one written down may have."""

GATHERED = 1
"""It holds what many rows had, and nobody knows here how many."""
JOINING = 2
"""It may be of a type whose values other operators than ``||`` put together, or hold one that is."""
OUTLINED = 4
"""It may be a path or polygon, or hold one."""


class Cell(NamedTuple):
    """What a column stands for."""

    nodes: int
    """Parts of its expression that are copied with it."""
    size: int
    """Characters that its value is taken to have."""
    traits: int = 0
    """``GATHERED``, ``JOINING`` and ``OUTLINED``, added up."""


TABLE_COLUMN = Cell(1, COLUMN)
FIELDS = "*"
"""Stands for the columns that ``(x).*`` becomes, whose names nobody knows here."""
Columns = list[tuple[str, Cell]]


@dataclass(slots=True)
class Item:
    """Something in FROM."""

    alias: str
    columns: Columns
    rows: int = 1


@dataclass(slots=True)
class Level:
    """A query, and those around it."""

    outer: Level | None
    items: list[Item] = field(default_factory=list)
    arms: int = 1
    """Queries that UNION ALL joins below: conditions are copied to each."""


def traits_of(cells: Iterable[Cell]) -> int:
    """What is true of one of these."""
    found = 0
    for cell in cells:
        found |= cell.traits
    return found


def column_of(reference: Any, level: Level) -> Cell:
    """What a name stands for; a column of a table where nothing else has it."""
    parts = [part.string.sval for part in reference.fields if part.WhichOneof("node") == "string"]
    if is_star(reference) or not parts:
        return row_of(starred(reference, level))
    here: Level | None = level
    seen = TABLE_COLUMN
    while here is not None:
        qualified = len(parts) > 1
        items = [item for item in here.items if not qualified or item.alias == parts[-2]]
        columns = [column for item in items for column in item.columns]
        cells = [cell for name, cell in columns if name == parts[-1]]
        if cells:
            return _any_of(cells)
        whole = [item for item in here.items if item.alias == parts[-1]] if not qualified else []
        if whole:
            return row_of(whole[0].columns)
        for name, cell in columns:
            if name == FIELDS:
                seen = _any_of([seen, cell])
        if qualified and items:
            break
        # A bare name that a table here may have may be a column further out as well: then it counts as that.
        here = here.outer
    return seen


def row_of(columns: Columns) -> Cell:
    """A whole row: each of its columns, and quotes around them once it is text."""
    cells = [cell for _, cell in columns]
    size = 2 * sum(cell.size for cell in cells)
    return Cell(1 + sum(cell.nodes for cell in cells), size, traits_of(cells))


def starred(reference: Any, level: Level) -> Columns:
    """The columns that a star stands for."""
    names = [part.string.sval for part in reference.fields if part.WhichOneof("node") == "string"]
    items = level.items
    here: Level | None = level
    while names and here is not None:
        items = [item for item in here.items if item.alias == names[-1]]
        here = None if items else here.outer
    return [column for item in items for column in item.columns]


def is_star(reference: Any) -> bool:
    """Whether a reference ends in a star."""
    return bool(reference.fields) and reference.fields[-1].WhichOneof("node") == "a_star"


def is_star_of(indirection: Any) -> bool:
    """Whether it is ``(x).*``."""
    last = indirection.indirection[-1]
    return bool(last.WhichOneof("node") == "a_star")


def sealed(columns: Columns) -> Columns:
    """The columns of a query that is computed by itself: nothing of it is copied."""
    return [(name, Cell(1, cell.size, cell.traits)) for name, cell in columns]


def renamed(columns: Columns, names: list[str]) -> Columns:
    """The columns under the names of a column alias list."""
    if names and any(name == FIELDS for name, _ in columns):
        # How many columns stand before another is not known, so each name may mean any of them.
        return [*((name, _most(columns)) for name in names), *columns]
    return [
        (names[place] if place < len(names) else name, cell) for place, (name, cell) in enumerate(columns)
    ]


def _most(columns: Columns) -> Cell:
    return _any_of([cell for _, cell in columns])


def _any_of(cells: list[Cell]) -> Cell:
    """What may be any of these."""
    return Cell(
        max(cell.nodes for cell in cells),
        max(cell.size for cell in cells),
        traits_of(cells),
    )


def joined(left: Columns, right: Columns) -> Columns:
    """The columns of a set operation: either side's nodes are copied, and a value is one side's."""
    if any(name == FIELDS for name, _ in (*left, *right)):
        most = _most([*left, *right])
        both = Cell(2 * most.nodes, most.size, most.traits)
        return [*((name, both) for name, _ in left), (FIELDS, both)]
    return [
        (name, _any_of([cell, other])._replace(nodes=cell.nodes + other.nodes))
        for (name, cell), (_, other) in zip(left, right, strict=False)
    ]
