"""What became of a statement: ``Rows`` or ``Failed``. A failed query is data, not an exception."""

from typing import Annotated, Any, Literal

from pydantic import Field

from wire.base import Value

Cell = str | int | float | bool | None
"""One value of a result in JSON.

Booleans, integers up to 2**53, finite floats and numerics that a double holds exactly are JSON values;
everything else (larger numbers, ``NaN``, dates, json, arrays, bytea …) is PostgreSQL's own text, so that no
value is altered on its way. ``Column.type`` says which type it has.
"""


class ResultColumn(Value):
    """A column of a result."""

    name: str
    type: str
    """As ``format_type`` prints it: ``integer``, ``numeric(10,2)``, ``timestamp with time zone``."""
    oid: int = 0
    """PostgreSQL's type OID; 0 when unknown."""


class Rows(Value):
    """The statement ran to its end, or to a cap that ``truncated`` names."""

    kind: Literal["rows"] = "rows"
    columns: list[ResultColumn]
    preview: list[list[Any]] = Field(default_factory=list)
    """The first rows, at most ``PREVIEW_ROWS``; each a list of ``Cell``."""
    row_count: int
    """Rows delivered, all of them, not only the preview's; of a withheld result, rows that it has."""
    truncated: Literal["rows", "bytes"] | None = None
    """The cap that ended the result before the query did; None when it is complete."""
    size_bytes: int = 0
    """Bytes of the result's bodies on the wire."""
    digest: str = ""
    """SHA-256 (hex) over the result's bodies in order: equal digests mean equal results in equal order."""
    elapsed_ms: float = 0.0
    """From acceptance at the agent to the last row."""
    policy_digest: str = ""
    result_ref: str | None = None
    """Where the backend keeps the whole result; None when it keeps none."""
    withheld: bool = False
    """True when the owner's policy lets no value of it out: then there are columns and a count, nothing
    else."""


FailureCode = Literal[
    "database",  # PostgreSQL refused it: see sqlstate
    "policy",  # the owner's policy, or the sandbox, refused it before it ran
    "timeout",  # it ran longer than the policy or the deadline allows
    "cancelled",  # somebody stopped it
    "limit",  # a limit of size, rate or concurrency
    "agent_offline",  # no agent is attached; nothing ran
    "agent_lost",  # the agent went away after it had accepted; what ran is unknown
    "database_unavailable",  # the agent cannot reach its database
    "protocol",  # a peer broke the wire's rules
    "internal",
]


class Failed(Value):
    """The statement gave no rows. ``message`` says why, ``hint`` what to do."""

    kind: Literal["failed"] = "failed"
    code: FailureCode
    message: str
    hint: str = ""
    sqlstate: str | None = None
    """Five characters (PostgreSQL manual, appendix A); None when the database was not asked."""
    position: int | None = None
    """1-based character in the statement at which PostgreSQL points; None when it points nowhere."""
    layer: str | None = None
    """The sandbox layer that refused, for code ``policy`` or ``limit``."""
    retryable: bool = False
    """True when the same statement may well succeed a moment later."""
    elapsed_ms: float = 0.0


Outcome = Annotated[Rows | Failed, Field(discriminator="kind")]

PREVIEW_ROWS = 50
"""Rows that a preview holds at most."""
