"""The shape of a statement: its text without the literals on which no rule of the gate depends.

Two statements of one shape differ in numbers and strings only, so that the grammar reads them alike. What
the gate found of one holds for the other, literals exchanged, wherever no rule looked at their values. This
module finds the literals; it takes a text apart only where PostgreSQL's lexer could not see it otherwise, and
leaves every other text without a shape.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.sandbox.verdict import Verdict

_UNCLEAR = re.compile(r"--|/\*|[\\$\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Comments, dollar quotes, escapes, control characters: with them a quote may not be what it looks like."""
_TOKEN = re.compile(
    r"""
    "(?:[^"]|"")*"                                                  # a quoted name
    | (?P<text>(?<![\w&'])'[^'\\\r\n]*'(?!'))                       # a plain string
    | '(?:[^']|'')*'                                                # any other string
    | (?P<float>(?<![\w.])[1-9]\d{0,8}\.\d{1,9}(?![\w.]))           # 12.5
    | (?P<int>(?<![\w.])(?:0|[1-9]\d{0,8})(?![\w.]))                # 12
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A literal that could be another."""

    kind: str
    """text, int or float: one lexical class each."""
    value: str
    """As it stands in the statement, quotes included."""
    start: int
    """Where it begins, in bytes of the statement's UTF-8."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A statement taken apart."""

    parts: tuple[str, ...]
    """The text around the literals; one more than there are literals. With the kinds, what a shape is."""
    slots: tuple[Slot, ...]

    @property
    def key(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Equal for statements of one shape."""
        return self.parts, tuple(slot.kind for slot in self.slots)

    def fixed_from(self, inspected: Sequence[int]) -> frozenset[int]:
        """The places of the literals at which a rule has looked.

        Args:
            inspected: bytes of the statement at which such a literal begins; before a negative number's sign.
        """
        return frozenset(
            next((place for place, slot in enumerate(self.slots) if slot.start >= start), -1)
            for start in inspected
        )

    def values(self, places: frozenset[int]) -> tuple[str, ...]:
        """The literals at these places."""
        return tuple(slot.value for place, slot in enumerate(self.slots) if place in places)

    def with_values(self, values: Sequence[str]) -> str:
        """The statement with other literals."""
        pieces = [self.parts[0]]
        for value, part in zip(values, self.parts[1:], strict=True):
            pieces += (value, part)
        return "".join(pieces)


@dataclass(frozen=True, slots=True)
class Template:
    """A verdict that lets statements of one shape pass, with gaps for their literals."""

    verdict: Verdict
    fixed: frozenset[int]
    """Places of the literals that a rule looked at: a statement must have the same ones there."""
    order: tuple[int, ...]
    """Places of the others in the order in which the text to run has them."""
    pieces: tuple[str, ...]
    """That text around them."""

    def text(self, shape: Shape) -> str:
        """The text to run for a statement of the shape that has the same fixed literals."""
        built = [self.pieces[0]]
        for place, piece in zip(self.order, self.pieces[1:], strict=True):
            built += (shape.slots[place].value, piece)
        return "".join(built)


def shape_of(sql: str) -> Shape | None:
    """The statement's shape; None when it has no literals or cannot be taken apart with certainty."""
    if _UNCLEAR.search(sql):
        return None
    ascii_only = sql.isascii()
    parts, slots, end = [], [], 0
    for token in _TOKEN.finditer(sql):
        kind = token.lastgroup
        if kind is None:
            continue
        start = token.start()
        place = start if ascii_only else len(sql[:start].encode())
        slots.append(Slot(kind, token.group(), place))
        parts.append(sql[end:start])
        end = token.end()
    if not slots:
        return None
    parts.append(sql[end:])
    return Shape(tuple(parts), tuple(slots))


def markers(shape: Shape, fixed: frozenset[int]) -> list[str]:
    """The shape's literals with every free one exchanged for one that occurs nowhere else."""
    made = []
    text = shape.with_values(shape.values(frozenset(range(len(shape.slots)))))
    for place, slot in enumerate(shape.slots):
        number = 900_000_001 + 2 * place
        match slot.kind:
            case _ if place in fixed:
                made.append(slot.value)
            case "text":
                made.append(f"'custard slot {number}'")
            case "int":
                made.append(str(number))
            case _:
                made.append(f"{number}.125")
    return [] if any(mark in text for place, mark in enumerate(made) if place not in fixed) else made


def template(shape: Shape, fixed: frozenset[int], marked: Verdict, made: Sequence[str]) -> Template | None:
    """A template out of the verdict on the marked statement; None when a marker is not in it exactly once.

    Args:
        marked: what the gate said of the statement with ``markers`` in it.
        made: those markers.
    """
    places = []
    for place, mark in enumerate(made):
        if place in fixed:
            continue
        start = marked.sql.find(mark)
        if start < 0 or marked.sql.find(mark, start + 1) >= 0:
            return None
        places.append((start, place))
    places.sort()
    pieces, end = [], 0
    for start, place in places:
        pieces.append(marked.sql[end:start])
        end = start + len(made[place])
    pieces.append(marked.sql[end:])
    return Template(marked, fixed, tuple(place for _, place in places), tuple(pieces))
