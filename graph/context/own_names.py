"""What tells the things of a table apart, and what they are called: ``studio.std_id`` and ``studio.std_nm``.

A declared key says it. Where a database declares none, names do, and where the names are short, the place:
the first column of a table is its own key unless it speaks of another table.
"""

from graph.context.prepared import once
from graph.context.short_names import short_names
from graph.context.words import listed, name_words, stem
from wire.snapshot import SchemaSnapshot, Table

_ENDINGS = frozenset({"id", "key", "code", "cd", "no", "num", "nbr", "number", "uuid", "guid", "pk"})
_WIDE = 3
_EVERYDAY = listed(
    """
    active amount brand category city colour color comment country county date day description email
    gender genre grade group kind label language level location make material mode model month name note
    origin phone place position price quantity rank rating region role score season section sector sex shift
    size source stage state status street team title town type unit value version week weight year zone
    """
)
"""What many things have and none is told by."""
_LABELS = frozenset({"name", "title", "label"})
_PLAIN = frozenset(map(stem, ("full", "display", "company", "business", "trade", "official", "legal")))
"""Words before a label that speak of no other thing."""
_IDS, _NUMBERS = ("id", "code", "key"), ("_no", "_num", "_nbr", "_number")
"""How names of keys end, those first that hardly say anything else."""
_PARTS = (("first", "name"), ("last", "name"))


class OwnNames:
    """The keys and labels of one snapshot's tables."""

    def __init__(self, snapshot: SchemaSnapshot) -> None:
        self._short = short_names(snapshot)
        keyed = sum(bool(table.primary_key) for table in snapshot.listed)
        self._declared = 2 * keyed > len(snapshot.listed)
        """Whether keys are declared, and what has none is a view."""
        self._tables = snapshot.listed
        self._first: dict[str, int] = {}
        for table in self._tables if not self._declared else ():
            name = table.columns[0].name.lower() if table.columns else ""
            self._first[name] = self._first.get(name, 0) + 1
        self._keys: dict[str, str | None] = {}
        self._called: dict[str, tuple[str, ...]] = {}

    def key(self, table: Table) -> str | None:
        """The one column that is the table's own key; None where several are, or none that is known."""
        name = table.qualified_name
        if name not in self._keys:
            self._keys[name] = self._key(table)
        return self._keys[name]

    def called(self, table: Table) -> tuple[str, ...]:
        """The column by which people know the table's things, or the two that hold a person's name."""
        name = table.qualified_name
        if name not in self._called:
            self._called[name] = self._labels(table)
        return self._called[name]

    def _key(self, table: Table) -> str | None:
        if table.primary_key:
            return table.primary_key[0] if len(table.primary_key) == 1 else None
        for endings in (_IDS, _NUMBERS):
            named = [one.name for one in table.columns if _is_named_for(one.name, table.name, endings)]
            if len(named) == 1:
                return named[0]
        if self._declared or not table.columns:
            return None
        first = table.columns[0].name
        pieces = name_words(first)
        if self._first[first.lower()] > 1 or pieces[-1:] == []:
            return None
        if pieces[-1] not in _ENDINGS:
            return first if self._is_natural(table) else None
        rest = "".join(pieces[:-1])
        others = (other for other in self._tables if other is not table)
        if not _shortens(rest, table.name) and any(_shortens(rest, other.name) for other in others):
            return None
        return first

    def _is_natural(self, table: Table) -> bool:
        """Whether other tables refer to the first column by its name: a ``sku``, an ``isbn`` or a ``vin``.

        One word: of two, the second says of what kind it is, and no kind of key was found in it. Other tables
        have it further back, so it is not theirs.
        """
        first = table.columns[0]
        ordered = [column.name for column in table.columns]
        if len(ordered) < _WIDE or ordered == sorted(ordered):
            return False  # a pair of things, or columns whose places say nothing
        name = first.name.lower()
        if len(name_words(name)) > 1 or name.endswith("id") or name in _EVERYDAY:
            return False
        if not first.type.startswith(("text", "char", "integer", "bigint")):
            return False
        holders = [
            other
            for other in self._tables
            if other is not table
            and any(one.name == first.name and one.type == first.type for one in other.columns[1:])
        ]
        return bool(holders)

    def _labels(self, table: Table) -> tuple[str, ...]:
        short, key = self._short, self.key(table)
        own = {stem(word) for word in (*short.table_words(table), *name_words(table.name))} | _PLAIN
        if key is not None:
            own |= {stem(word) for word in short.column_words(table, key)}
        said = {column.name: short.column_words(table, column.name) for column in table.columns}
        labels = [name for name, words in said.items() if words[-1:] and words[-1] in _LABELS]
        parts = [name for part in _PARTS for name in labels if tuple(said[name]) == part]
        if len(parts) == len(_PARTS):
            return tuple(parts)
        plain = [name for name in labels if {stem(word) for word in said[name][:-1]} <= own]
        bare = [name for name in plain if len(said[name]) == 1]
        glued = [name for name in said if name.lower() == f"{table.name.lower()}name"]
        for found in (plain, bare, glued):
            if len(found) == 1:
                return (found[0],)
        return ()


def _is_named_for(column: str, table: str, endings: tuple[str, ...]) -> bool:
    """``id``, ``product_id`` and ``productid`` of product or products, and ``order_no`` of orders."""
    bare, lower = column.lower(), table.lower()
    for ending in endings:
        if bare.endswith(ending):
            rest = bare.removesuffix(ending).rstrip("_")
            return rest in {"", lower} or (bool(rest) and stem(rest) == stem(lower))
    return False


def _shortens(letters: str, table: str) -> bool:
    """Whether letters begin a word of the table's name, or are its letters in order: ``std`` of studio."""
    pieces = name_words(table)
    return any(_in_order(letters, piece) for piece in (*pieces, "".join(pieces)))


def _in_order(letters: str, word: str) -> bool:
    if len(letters) < 2 or letters[:1] != word[:1]:
        return False
    rest = iter(word)
    return all(letter in rest for letter in letters)


own_names = once(OwnNames)
"""The own names of a snapshot."""
