"""What kind of value an operand is, as far as a statement tells, and whether an owner's signature takes it.

An owner's function or operator may stand beside an extension's of the same name in the same schema. Which of
them PostgreSQL takes depends on the operands' types. They are not inferred here; only where a type is written
down, or is that of a column, can an overload be ruled out. Anything else counts as taking everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.sandbox.vocabulary import words

_STRINGS = words("text varchar bpchar char name citext character")
_NUMBERS = words("int2 int4 int8 float4 float8 numeric smallint integer bigint real")
_TIMES = words("date timestamp timestamptz time timetz interval")
_PLAIN = words(
    "bool boolean bytea uuid json jsonb inet interval time timetz money point hstore ltree cube vector"
)
BROUGHT = words("hstore ltree cube vector")
"""Families that are types of extensions: PostgreSQL has no operator of its own for them."""
_LONG = {
    "character varying": "string",
    "double precision": "number",
    "cidr": "inet",
    "anyarray": "array",
    "anycompatiblearray": "array",
    "time without time zone": "time",
    "time with time zone": "time",
    "timestamp without time zone": "time",
    "timestamp with time zone": "time",
}


LITERAL = "literal"
"""A string that is written down: PostgreSQL makes of it what an overload takes, a text where one does."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The operands of an owner's function or operator."""

    types: tuple[str, ...]
    """As ``format_type`` prints them; ``-`` where an operator has none."""
    required: int
    """How many must be given."""
    variadic: bool = False
    """The last may be given any number of times."""


def family(type_name: str) -> str | None:
    """Types that PostgreSQL may take for one another; None of a type that may be taken for any.

    Args:
        type_name: as ``format_type`` or a cast has it, a schema in front or not.
    """
    if type_name.endswith("[]"):
        return "array"
    plain = type_name.split("(")[0].strip()
    if plain in _LONG:
        return _LONG[plain]
    word = plain.rsplit(".", 1)[-1].strip('"')
    if word in _STRINGS:
        return "string"
    if word in _NUMBERS:
        return "number"
    if word in _TIMES:
        return "time"
    if word in _PLAIN:
        return "boolean" if word == "bool" else word
    return None


def may_take(
    signature: Signature, operands: Sequence[str | None], distinct: frozenset[str] = frozenset()
) -> bool:
    """Whether a call with operands of these families could be one of this signature.

    Args:
        distinct: types of the owner's, as ``format_type`` prints them, that no value of another type is taken
            for without a cast that is written.
    """
    given = len(operands)
    if given < signature.required or (given > len(signature.types) and not signature.variadic):
        return False
    wanted_types = signature.types[:-1] if signature.variadic else signature.types
    for wanted, operand in zip(wanted_types, operands, strict=False):
        known = family(wanted)
        if operand is not None and known is not None and operand != known:
            return False
        if operand is not None and operand != LITERAL and wanted in distinct:
            return False
    return True


def settled(operands: Sequence[str | None], others: Iterable[Signature]) -> list[str | None]:
    """The operands with each literal as a string where one of the other overloads takes one, else unknown."""
    found = list(operands)
    for place, operand in enumerate(found):
        if operand != LITERAL:
            continue
        takes = (
            family(signature.types[place]) == "string"
            for signature in others
            if place < len(signature.types) and signature.required <= len(found) <= len(signature.types)
        )
        found[place] = "string" if any(takes) else None
    return found
