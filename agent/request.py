"""What a statement is asked with, and what comes of it when it is not a failure."""

from dataclasses import dataclass
from typing import Literal, Protocol

from wire.outcome import ResultColumn


class Sink(Protocol):
    """Where a result goes while it is read. Its methods may wait: that is how a slow reader slows us."""

    async def columns(self, columns: list[ResultColumn]) -> None: ...
    async def rows(self, body: bytes, row_count: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """A statement to run. What it asks for can only tighten the policy's limits; None leaves them."""

    sql: str
    run_id: str = ""
    timeout_seconds: float | None = None
    max_rows: int | None = None
    max_bytes: int | None = None
    more_than: int = 0
    """Rows that the result is known to exceed; only an export asks."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The statement ran to its end or to a cap. ``digest`` is SHA-256 (hex) over the bodies in order."""

    rows: int
    bytes: int
    digest: str
    truncated: Literal["rows", "bytes"] | None
    elapsed_ms: float
    policy_digest: str
    withheld: int | None = None
    """Rows that it gave and none of which left, because the policy shares no results with the screen; None
    when it does."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan: the planner's total cost and row estimate, and the shape as text without any name."""

    cost: float
    rows: float
    text: str
