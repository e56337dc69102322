"""The last look at masked columns: every value that leaves must be one that the column's mask can make.

The gate puts masks into the statement (``agent.sandbox.wrapping``). This is the other end, and trusts nothing
of that: should a rewrite ever miss a column, its values are seen here and the result is refused.
"""

import math
import re
from collections.abc import Iterable, Sequence

from agent.batches import TextRow
from agent.errors import AgentError
from wire.masks import ConstantMask, HashMask, Mask, NullMask, PartialMask

_HASH = re.compile(r"[0-9a-f]{64}")
"""SHA-256 in hex, as ``pg_catalog.encode(…, 'hex')`` writes it."""

OutputMasks = Sequence[tuple[str, tuple[Mask, ...]]]
"""For each result column, in order, its name and the masks of which one has made its values; none where the
statement computes them, or where they are not masked."""


class Unmasked(AgentError):
    """A value left the database that the mask of its column cannot have made."""

    code = "unmasked"


class MaskCheck:
    """Holds the rows of one result to the masks of its columns.

    Args:
        masks: as the gate traced them.
        names: of the result's columns, as PostgreSQL describes them.
    """

    def __init__(self, masks: OutputMasks, names: Sequence[str]) -> None:
        self._columns = [
            (place, name, found)
            for place, (name, found) in enumerate(zip(names, _aligned(masks, names), strict=True))
            if found
        ]

    def check(self, rows: Iterable[TextRow]) -> None:
        """Look at rows in PostgreSQL's text.

        Raises:
            Unmasked: a value is not what its column's mask makes; the message does not quote it.
        """
        if not self._columns:
            return
        for row in rows:
            for place, name, masks in self._columns:
                value = row[place]
                if value is not None and not any(conforms(value, mask) for mask in masks):
                    raise Unmasked(
                        f"The column {name} of the result shows values that its mask does not make.",
                        "Nothing of it was sent. This is a mistake in the agent: report it with the query.",
                    )


def conforms(value: str, mask: Mask) -> bool:
    """Whether a mask can have made this text of a value. NULL is not asked about: every mask lets it be,
    and an outer join makes it."""
    match mask:
        case HashMask():
            return _HASH.fullmatch(value) is not None
        case PartialMask(keep=keep):
            return not value[keep:].strip("*")
        case NullMask():
            return False
        case ConstantMask(value=constant):
            return value == constant or value.rstrip(" ") == constant.rstrip(" ") or _same(value, constant)


def _same(value: str, constant: str) -> bool:
    """Whether a constant of a number's or a name's type was written otherwise by PostgreSQL."""
    if len(constant.encode()) > 63 and constant.encode().startswith(value.encode()):
        return len(value.encode()) >= 60
    try:
        # Floating point keeps seven digits of a real.
        return math.isclose(float(value), float(constant), rel_tol=1e-6)
    except ValueError:
        return False


def _aligned(masks: OutputMasks, names: Sequence[str]) -> list[tuple[Mask, ...]]:
    """The masks of each column of the result.

    A star over USING has fewer columns than its parts together; there names decide, and a name counts only
    where every column of it is masked.
    """
    if len(masks) == len(names):
        return [found for _, found in masks]
    by_name: dict[str, list[tuple[Mask, ...]]] = {}
    for name, found in masks:
        by_name.setdefault(name, []).append(found)
    return [
        tuple(mask for found in ways for mask in found) if ways and all(ways) else ()
        for ways in (by_name.get(name, []) for name in names)
    ]
