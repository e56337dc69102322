"""How a column's values look where they may not be seen, and which of two ways tells less."""

from typing import Annotated, Literal

from pydantic import Field

from wire.base import Value


class HashMask(Value):
    """The value's keyed hash: equal values stay equal, nothing else can be told."""

    kind: Literal["hash"] = "hash"


class PartialMask(Value):
    """The first ``keep`` characters, the rest as ``*``."""

    kind: Literal["partial"] = "partial"
    keep: int = Field(default=2, ge=0, le=64)


class NullMask(Value):
    """NULL of the column's type."""

    kind: Literal["null"] = "null"


class ConstantMask(Value):
    """The same text in every row."""

    kind: Literal["constant"] = "constant"
    value: str


Mask = Annotated[HashMask | PartialMask | NullMask | ConstantMask, Field(discriminator="kind")]


def stricter(owner: Mask, other: Mask) -> Mask:
    """The one of two masks on the same column that tells less of its values.

    Null and constant tell nothing; of two partial masks the shorter counts. A hash and a partial mask tell
    different things, so there the owner's stays, as it does between equals.
    """
    match owner, other:
        case ((NullMask() | ConstantMask()), _):
            return owner
        case _, (NullMask() | ConstantMask()):
            return other
        case PartialMask(keep=mine), PartialMask(keep=theirs):
            return other if theirs < mine else owner
        case _:
            return owner
