"""Types and casts: whose functions PostgreSQL would call by way of them, written or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from postgast import pg_query_pb2 as pb

from agent.sandbox import bounds
from agent.sandbox.access import NO_TRUST, Access, Trust
from agent.sandbox.catalog import Cast, Relation
from agent.sandbox.scope import Origin, Output
from agent.sandbox.verdict import Refusal
from agent.sandbox.vocabulary import words
from agent.sandbox.words import Words
from agent.sandbox.wrapping import MaskKey

FILLING = words("""
    array_agg array_append array_cat array_fill array_position array_positions array_prepend array_remove
    array_replace json_populate_record json_populate_recordset jsonb_populate_record
    jsonb_populate_record_valid jsonb_populate_recordset lag lead width_bucket
""")
"""Functions for which PostgreSQL makes values of the type of another, or of its elements: checks are run."""
FILLING_OPERATORS = frozenset({"#="})


@dataclass(frozen=True, slots=True)
class _Made:
    """A cast that a statement writes."""

    target: str
    columns: frozenset[Origin]
    """Columns that its value is made of."""
    types: frozenset[str]
    """Types that parts of its value are cast to."""
    vague: bool
    """Its value has parts of which neither is known."""
    literal: bool = False
    """Its value is written down and has no type yet: the type's own input reads it, and no cast."""


@dataclass(slots=True)
class _Met:
    """What an expression was made of."""

    columns: set[Origin] = field(default_factory=set)
    structured: bool = False
    """A value with parts that an owner's function checks is among it."""


class Casting:
    """What a walk knows, and what it learns of the types that values have and are made into.

    Args:
        access: the policy on this server.
        words: the vocabulary on this server.
        key: the secret of hash masks.
    """

    def __init__(self, access: Access, words: Words, key: MaskKey) -> None:
        self._access = access
        self._catalog = access.catalog
        self._words = words
        self._key = key
        self._in_view = False
        self._depth = 0
        self._trust: Trust = NO_TRUST
        self._aggregate = 0
        self.relations: set[str] = set()
        self.columns: set[tuple[str, str]] = set()
        self.rewritten: set[str] = set()
        self.cte_names: set[str] = set()
        self.inspected: set[int] = set()
        """Where literals stand whose values a rule has looked at, in bytes of the statement."""
        self._read: dict[int, Relation] = {}
        self._cast_to: set[str] = set()
        self._casts = [cast for cast in self._catalog.casts if not words.admits(cast.function)]
        self._made: list[_Made] = []
        self._converted: set[Cast] = set()
        """Casts that a set operation may make."""
        self._vague = False
        self._exposed: set[Origin] = set()
        """Columns whose values are handed to something that might cast them."""
        self._exposed_types: set[str] = set()
        self._exposed_unknown = False
        self._whole: set[Origin] = set()
        """Columns that are read for more than a field of theirs."""
        self._parting = False
        """Whether a column is looked at of which a field is taken."""
        self._shielded = False
        self._watching = bool(self._casts or self._catalog.ordered_columns)
        self._delivers = False
        """Whether the query that is walked is the statement itself."""
        self._fills = False
        """Whether values are made whose type is checked by a function of the owner's."""
        self._rows = False
        """Whether a row was looked at as a whole."""
        self.sorted_by: set[Origin] = set()
        """Columns by which rows are sorted, grouped or told apart."""
        self.statement: Any = None
        """The whole statement that is judged, or None."""

    def check_casts(self) -> None:
        """Refuse a cast for which the owner's database has a function of its own: casting would call it.

        One that PostgreSQL makes by itself counts wherever a value that it could be made of is handed to an
        operator or function.

        Raises:
            Refusal: a value that this statement can have may be cast so.
        """
        for cast in self._casts:
            written = any(self._may_mean(cast, made) for made in self._made)
            silent = cast.implicit and bool(
                self._exposed & cast.columns
                or (self._exposed_types & cast.types and not cast.builtin)
                or (self._exposed_unknown and self._whole & cast.columns)
                or self._reads_rows(cast)
            )
            if written or silent or cast in self._converted:
                raise Refusal(
                    "function",
                    "cast_denied",
                    f"Casting {cast.source} to {cast.target} would call a function that is not permitted.",
                    "Leave the cast out; the owner can admit its function in the policy's functions.allow.",
                )

    def check_types(self) -> None:
        """Refuse what would call the owner's functions by way of a type: its order, or its check.

        Raises:
            Refusal: columns of such a type are used in that way, or may be.
        """
        ordered = self._catalog.ordered_columns
        if (self.sorted_by | self._exposed) & ordered:
            raise _by_type("compares values", "Show the column as it is, without sorting or comparing.")
        if self._fills:
            raise _by_type("checks values", "Make no values of the column's type.")

    @contextmanager
    def sorting(self) -> Iterator[None]:
        """While inside, what is looked at is put into order."""
        before, self.columns = self.columns, set()
        try:
            yield
        finally:
            self.sorted_by |= self.columns
            self.columns |= before

    def _may_mean(self, cast: Cast, made: _Made) -> bool:
        if made.target not in cast.targets:
            return False
        if made.literal and cast.source != cast.target and not cast.source.startswith("_"):
            return False
        if cast.builtin:
            return True
        if made.types & cast.types or made.columns & cast.columns or self._reads_rows(cast):
            return True
        # Where a value comes from cannot always be told; then it may be any that the statement reads.
        return made.vague and bool(self._whole & cast.columns or self._cast_to & cast.types)

    def _reads_rows(self, cast: Cast) -> bool:
        """Whether the cast is one of the rows of a relation that is read."""
        return any(relation.name == cast.source for relation in self._read.values())

    @contextmanager
    def _making(self, target: str, *, literal: bool = False) -> Iterator[None]:
        """While inside, what is looked at is cast to ``target``."""
        before = self.columns, self._cast_to, self._vague
        self.columns, self._cast_to, self._vague = set(), set(), False
        try:
            yield
        finally:
            columns, types = frozenset(self.columns), frozenset(self._cast_to)
            self._made.append(_Made(target, columns, types, self._vague, literal))
            self.columns |= before[0]
            self._cast_to |= before[1]
            self._vague |= before[2]

    @contextmanager
    def _parts(self, taken: bool) -> Iterator[None]:
        """While inside, what is looked at is a column of which, where ``taken``, a field is taken."""
        before, self._parting = self._parting, taken
        try:
            yield
        finally:
            self._parting = before

    @contextmanager
    def _meeting(self) -> Iterator[_Met]:
        """While inside, what is looked at is noted; afterwards it says what it was."""
        met = _Met()
        before, self.columns = self.columns, set()
        rows, self._rows = self._rows, False
        try:
            yield met
        finally:
            met.columns = self.columns
            met.structured = self._structured()
            self.columns, self._rows = before | self.columns, rows or self._rows

    def _structured(self) -> bool:
        """Whether a value with parts that an owner's function checks is among what is noted just now."""
        return bool(self.columns & self._catalog.structured_columns) or (
            self._rows and bool(self.columns & self._catalog.checked_columns)
        )

    def _expose(self, *values: frozenset[Origin]) -> None:
        """Note that values made of these columns are handed to something that might cast them."""
        for origins in values:
            self._exposed |= origins
            self._exposed_unknown = self._exposed_unknown or not origins

    def _fills_from(self, name: str, value: Any, columns: set[Origin], delivered: bool) -> bool:
        """Whether values of these columns' types, or of their elements', are made by what is over them.

        Args:
            delivered: it is a result column of the statement, so that nothing is done with it any more.
        """
        if not columns:
            return False
        word = value.funcname[-1].string.sval if name == "FuncCall" else ""
        if word in ("lag", "lead"):
            return len(value.args) > 2  # the third stands in for a row that there is not
        if word and word != "array_agg":
            return word in FILLING
        if name == "SubLink" and value.sub_link_type != pb.ARRAY_SUBLINK:
            return False
        if name in ("CoalesceExpr", "MinMaxExpr"):
            return False
        if name != "A_Expr":
            return not delivered
        return value.name[-1].string.sval in FILLING_OPERATORS

    def _type_of(self, origin: Origin) -> str:
        relation = self._catalog.by_qualified_name.get(origin[0])
        found = (one.type for one in relation.columns if one.name == origin[1]) if relation else ()
        return next(iter(found), "")

    def _convert(self, left: Output, right: Output) -> None:
        """Note which casts of the owner's a set operation may make between its sides' columns: it looks for
        one after PostgreSQL has shown what it has parsed."""
        if left.literal or right.literal or "null" in (left.type, right.type):
            return
        if left.type and left.type == right.type:
            return
        origins, known = left.origins | right.origins, {left.type, right.type}
        for cast in self._casts:
            if "" not in known and not known >= {cast.source, cast.target}:
                continue
            held = cast.builtin or origins & cast.columns or self._cast_to & cast.types
            if cast.implicit and cast.alike and held:
                self._converted.add(cast)

    def _type(self, type_name: Any, text: str | None = None) -> None:
        """Hold a type to the vocabulary and the bounds, and qualify it.

        Args:
            text: the literal that is cast to it; None of any other value.
        """
        if type_name.setof or type_name.pct_type:
            raise Refusal("function", "type_denied", "SETOF and %TYPE are not permitted.")
        words = tuple(part.string.sval for part in type_name.names)
        if not words:
            return
        name = self._words.type(words)
        self._cast_to.add(name[-1])
        if name != words:
            del type_name.names[:]
            for word in name:
                type_name.names.add().string.sval = word
        self.inspected.update(bounds.literals(type_name))
        bounds.bound_type(type_name, text, self._words.holds_outline(name))


def _by_type(does: str, hint: str) -> Refusal:
    return Refusal(
        "function",
        "type_denied",
        f"A column has a type that {does} by a function that is not permitted.",
        hint,
    )
