"""The names that can be seen at a place in a statement, and which columns of which relations they mean."""

from __future__ import annotations

from dataclasses import dataclass, field

from wire.masks import Mask

Origin = tuple[str, str]
"""(``schema.table``, column)"""


@dataclass(slots=True)
class Item:
    """Something in FROM under the name by which its columns are called."""

    alias: str
    columns: dict[str, frozenset[Origin]]
    """Columns that can be named, in order, and where each comes from."""
    hidden: frozenset[str] = frozenset()
    """Columns that exist below and may not be named."""
    opaque: bool = False
    """There may be further columns that nobody knows here, as with functions."""
    relation: bool = False
    """A table or view, whose columns are known for certain."""
    qualified: tuple[str, str] | None = None
    """(schema, table) by which it can be called too: a relation without an alias."""
    key: frozenset[str] = frozenset()
    """Primary key of a relation that was wrapped, which no longer shows that it has one."""
    used: set[str] = field(default_factory=set)
    """Columns named outside aggregates, where a GROUP BY must cover them."""
    masks: dict[str, tuple[Mask, ...]] = field(default_factory=dict)
    """Columns whose every value is as one of these masks has made it."""
    collect: bool = False
    """Whether a name now counts as used: while the parts that GROUP BY must cover are walked."""


@dataclass(slots=True)
class Scope:
    """One query level."""

    parent: Scope | None = None
    items: list[Item] = field(default_factory=list)
    outputs: dict[str, int] = field(default_factory=dict)
    """Output names, for ORDER BY and GROUP BY."""
    shown: list[frozenset[Origin]] = field(default_factory=list)
    """What each output is made of."""
    merged: bool = False
    """A join by USING or NATURAL has made one column of two, which a star shows once."""

    def item(self, alias: str) -> Item | None:
        """The item of this name here or further out."""
        scope: Scope | None = self
        while scope is not None:
            for item in scope.items:
                if item.alias == alias:
                    return item
            scope = scope.parent
        return None

    def qualified(self, schema: str, table: str) -> Item | None:
        """The relation without an alias of this schema and name, here or further out."""
        scope: Scope | None = self
        while scope is not None:
            for item in scope.items:
                if item.qualified == (schema, table):
                    return item
            scope = scope.parent
        return None


@dataclass(slots=True)
class Output:
    """A result column of a query."""

    name: str
    origins: frozenset[Origin] = frozenset()
    denied: bool = False
    """Inside a view: it shows what may not be read, so it was replaced by NULL and must not be named."""
    masks: tuple[Mask, ...] = ()
    """Its every value is as one of these masks has made it; empty where that is not known."""
    literal: bool = False
    """It is a string that is written down, of no type yet: a set operation gives it the other side's."""
    structured: bool = False
    """It holds a value with parts that an owner's function checks."""
    type: str = ""
    """Its type, without a schema, where it is a table's column, cast or counted; ``null`` of a NULL; else
    empty."""


@dataclass(slots=True)
class Outputs:
    """A query's result columns; ``certain`` is False when some could not be told."""

    columns: list[Output] = field(default_factory=list)
    certain: bool = True
    merged: bool = False
    """Columns that a join has merged stand here twice, so that places are not those of the result."""

    def item(self, alias: str, names: list[str]) -> Item:
        """These columns as an item in FROM, the first ones renamed by a column alias list."""
        columns: dict[str, frozenset[Origin]] = {}
        masks: dict[str, tuple[Mask, ...]] = {}
        hidden = set()
        for place, output in enumerate(self.columns):
            name = names[place] if place < len(names) else output.name
            if output.denied:
                hidden.add(name)
            else:
                known = masks.get(name, ()) if name in columns else output.masks
                masks[name] = (*known, *output.masks) if known and output.masks else ()
                columns[name] = columns.get(name, frozenset()) | output.origins
        for name in names[len(self.columns) :]:
            columns[name] = frozenset()
        if self.merged and names:
            masks = {}
        return Item(alias, columns, frozenset(hidden - set(columns)), opaque=not self.certain, masks=masks)


@dataclass(slots=True)
class Cte:
    """A common table expression as those see it that read from it."""

    outputs: Outputs
    rename: str = ""
    """The name it was given because a relation has its own; empty when it kept its name."""


Ctes = dict[str, Cte]
