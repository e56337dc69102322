"""What the gate says of a statement."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from wire.masks import Mask

Layer = Literal[
    "bytes", "parse", "shape", "function", "bounds", "policy", "cost", "process", "database", "limit"
]
"""Which part of the sandbox refused: the first six are rules of the gate, ``process`` its guard around the
parser, ``cost`` the planner's estimate, ``database`` and ``limit`` what happened while it ran."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a statement may run, and in which form."""

    allowed: bool
    sql: str = ""
    """The text to run: deparsed, every relation qualified, masks and row filters in place. Empty if refused.

    It may hold the key of hash masks, so it goes to the database and nowhere else.
    """
    layer: Layer | None = None
    """The layer that refused; None when allowed."""
    code: str = ""
    """Stable name of the rule that refused, such as ``column_denied``."""
    reason: str = ""
    hint: str = ""
    relations: tuple[str, ...] = ()
    """``schema.table`` of everything it reads, views and what they read included; sorted."""
    columns: tuple[str, ...] = ()
    """``schema.table.column`` of every column that could be traced; sorted."""
    rewritten: tuple[str, ...] = ()
    """Relations that were replaced by a subquery, because columns, values or rows of them are restricted."""
    masks: tuple[tuple[str, tuple[Mask, ...]], ...] = ()
    """For each result column, in order, its name and the masks of which one has made its values; none where
    they are computed or not masked. Empty when the columns could not all be told."""
    inspected: tuple[int, ...] = ()
    """Where literals stand on whose values it depends, in bytes of the statement as it came; sorted."""
    guard: str = ""
    """An SQL condition over the system's catalogs, true while the relations are what they were when it was
    judged. Empty when it reads none."""
    gathers: int = 0
    """``growth.Growth.gathers``: when not 0, the planner is asked how many rows are held at once."""
    compares: bool = False
    """``growth.Growth.compares``."""
    arrays: bool = False
    """``growth.Growth.arrays``."""
    elapsed_ms: float = field(default=0.0, compare=False)

    def to_json(self) -> str:
        """As ``verdict_of`` reads it."""
        fields = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        fields["masks"] = [[name, [mask.model_dump() for mask in masks]] for name, masks in self.masks]
        return json.dumps(fields)


_MASK: TypeAdapter[Mask] = TypeAdapter(Mask)


def verdict_of(text: str | bytes) -> Verdict:
    """The verdict that ``Verdict.to_json`` wrote.

    Raises:
        ValueError, TypeError: it is not one.
    """
    fields: dict[str, Any] = json.loads(text)
    for name in ("relations", "columns", "rewritten", "inspected"):
        fields[name] = tuple(fields[name])
    fields["masks"] = tuple(
        (name, tuple(_MASK.validate_python(mask) for mask in masks)) for name, masks in fields["masks"]
    )
    return Verdict(**fields)


@dataclass(frozen=True, slots=True)
class Shown:
    """What may be read of one relation, its rules followed through views, partitions and inheritance."""

    columns: tuple[str, ...]
    """In order."""
    masked: frozenset[str] = frozenset()
    """Those of them whose values are rewritten."""
    filtered: bool = False
    """Some of its rows do not exist for a statement."""


class Refusal(Exception):
    """Raised inside the gate to end it; becomes a ``Verdict``.

    A refusal never names what the policy hides unless the statement named it first.
    """

    def __init__(self, layer: Layer, code: str, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.layer: Layer = layer
        self.code = code
        self.reason = reason
        self.hint = hint

    def verdict(self) -> Verdict:
        """The refusal as a value."""
        return Verdict(False, layer=self.layer, code=self.code, reason=self.reason, hint=self.hint)
