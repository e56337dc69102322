"""The control messages, as two closed unions. The table is in the package's docstring."""

import hashlib
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from wire.base import Message
from wire.cases import CaseList, CaseVerdict
from wire.errors import MalformedFrame, UnknownMessage
from wire.outcome import Failed, ResultColumn
from wire.policy import Limits, Share
from wire.snapshot import SchemaSnapshot, Table
from wire.values import MAX_COMPARED, MAX_FOUND, Compared, Found

PROTOCOL_VERSION = 1
"""Spoken by this build; the lowest that it still understands is ``PROTOCOL_VERSION_MIN``."""
PROTOCOL_VERSION_MIN = 1
SUBPROTOCOL = "custard.v1"
"""The WebSocket subprotocol (RFC 6455 §1.9) that both ends must name."""


class StatementRef(Message):
    """Names one execution: a statement id and its attempt run at most once."""

    statement_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    """32 hex digits of a UUID."""
    attempt: int = Field(default=1, ge=1, le=65_535)


class StatementText(StatementRef):
    """A statement with its text, and what shows that the text has arrived as it was sent."""

    sql: str
    sql_digest: str | None = None
    """SHA-256 (hex) of ``sql`` in UTF-8; None from a peer that knows nothing of it, which is not compared."""

    @property
    def intact(self) -> bool:
        """Whether the text is the one that was sent, as far as it can be told."""
        return self.sql_digest is None or self.sql_digest == digest_of(self.sql)


def digest_of(sql: str) -> str:
    """What ``sql_digest`` says of a statement's text."""
    return hashlib.sha256(sql.encode(errors="surrogatepass")).hexdigest()


class InFlight(StatementRef):
    """A statement that the agent still has in hand when it says hello again."""

    state: Literal["running", "finished"]


class WireLimits(Message):
    """What the backend accepts on this socket."""

    max_frame_bytes: int = 1024 * 1024
    max_in_flight: int = 16
    window_bytes: int = 1024 * 1024
    """Bytes of result bodies that may be under way for one statement before credit is needed."""


# --- agent → backend ---------------------------------------------------------------------------------------


class Hello(Message):
    type: Literal["hello"] = "hello"
    protocol_min: int = PROTOCOL_VERSION_MIN
    protocol_max: int = PROTOCOL_VERSION
    agent_version: str
    instance: str
    """A nonce of this process: tells a reconnect from a second agent with the same token."""
    policy_digest: str
    policy_name: str = ""
    limits: Limits
    share: Share
    server_version: int = 0
    """0 while the database cannot be reached."""
    database: str = ""
    fingerprint: str | None = None
    in_flight: list[InFlight] = Field(default_factory=list)
    capabilities: list[str] = Field(default_factory=list)
    attached: list[str] = Field(default_factory=list)
    """Replicas of the backend to which this process is attached already, as ``welcome`` named them."""


class Snapshot(Message):
    type: Literal["snapshot"] = "snapshot"
    request_id: str
    snapshot: SchemaSnapshot


class Delta(Message):
    """What changed since the fingerprint that ``introspect`` named."""

    type: Literal["delta"] = "delta"
    request_id: str
    base: str
    tables: list[Table]
    """Added or changed, whole."""
    removed: list[str]
    """``schema.table``."""
    snapshot_head: SchemaSnapshot
    """The new snapshot without its tables."""
    fingerprint: str


class Packed(Message):
    """A ``snapshot`` or ``delta`` as its JSON, compressed; only sent where ``introspect`` accepts it."""

    type: Literal["packed"] = "packed"
    request_id: str
    encoding: Literal["zlib"]
    data: str
    """Base64."""


class Unchanged(Message):
    type: Literal["unchanged"] = "unchanged"
    request_id: str
    fingerprint: str


class Values(Found):
    """Answers ``lookup``."""

    type: Literal["values"] = "values"
    request_id: str


class Suite(CaseList):
    """Answers ``cases``."""

    type: Literal["suite"] = "suite"
    request_id: str


class Verdict(CaseVerdict):
    """Answers ``score``."""

    type: Literal["verdict"] = "verdict"
    request_id: str


class Accepted(StatementRef):
    """From here on the statement may have run; before it, it has not."""

    type: Literal["accepted"] = "accepted"
    queued: int = 0


class Columns(StatementRef):
    type: Literal["columns"] = "columns"
    columns: list[ResultColumn]


class End(StatementRef):
    """The result is whole when its rows, bytes and hash match these."""

    type: Literal["end"] = "end"
    rows: int
    bytes: int
    hash: str
    truncated: Literal["rows", "bytes"] | None = None
    elapsed_ms: float
    policy_digest: str
    withheld: int | None = None
    """Rows that the statement gave and the policy shares with no screen, so that none was sent; else None."""


class StatementFailed(StatementRef):
    type: Literal["failed"] = "failed"
    failure: Failed


class Cancelled(StatementRef):
    """The statement is gone from the database, or was never there."""

    type: Literal["cancelled"] = "cancelled"
    elapsed_ms: float = 0.0
    """From the arrival of ``cancel`` to the database's confirmation."""


class Plan(StatementRef):
    type: Literal["plan"] = "plan"
    cost: float
    rows: float
    text: str


# --- backend → agent ---------------------------------------------------------------------------------------


class Welcome(Message):
    type: Literal["welcome"] = "welcome"
    protocol: int
    agent_id: str
    connection_id: str
    epoch: int
    """Grows with every session of this agent; the newest one is served, an older one is closed."""
    limits: WireLimits = Field(default_factory=WireLimits)
    policy: dict[str, Any] | None = None
    """The backend's own policy for this connection, as ``wire.policy.Policy`` in JSON; None when it has none.

    It can only tighten the owner's. An agent that cannot read it, because it is older, lets nothing through:
    so it travels as an object, not as the shape that this build knows.
    """
    replica: str = ""
    """Which process of the backend this is, new with every start of it; empty when it does not say."""
    replicas: int = 1
    """How many take questions. With more than one, an agent attaches to two. Said again when it changes."""


class Tighten(Message):
    """The backend's own policy has changed; the agent says hello again when it is in force."""

    type: Literal["tighten"] = "tighten"
    policy: dict[str, Any] | None = None
    """As in ``welcome``."""


class Introspect(Message):
    type: Literal["introspect"] = "introspect"
    request_id: str
    known: str | None = None
    """The fingerprint that the backend has; answered by ``unchanged`` when it still holds."""
    accepts: list[str] = Field(default_factory=list)
    """Encodings in which a long answer may come packed: ``zlib``."""


class Lookup(Message):
    """Which values do these words meet? Only sent to an agent that has the capability ``lookup``."""

    type: Literal["lookup"] = "lookup"
    request_id: str
    text: str = Field(default="", max_length=8_000)
    """A question, whose phrases are looked for in every column; empty looks for none."""
    compared: list[Compared] = Field(default_factory=list, max_length=MAX_COMPARED)
    """Literals of a query, each with the column that it is compared with."""
    most: int = Field(default=6, ge=1, le=MAX_FOUND)
    """Values of the question that are told."""


class Cases(Message):
    """Which cases of an eval lie beside the agent? Only sent to one that has the capability ``score``."""

    type: Literal["cases"] = "cases"
    request_id: str


class Score(Message):
    """How good is this query for that case? Only sent to an agent that has the capability ``score``."""

    type: Literal["score"] = "score"
    request_id: str
    case_id: str
    sql: str


class Execute(StatementText):
    type: Literal["execute"] = "execute"
    run_id: str = ""
    timeout_seconds: float | None = None
    """Relative, so that clocks need not agree; the policy's limit holds when it is stricter."""
    max_rows: int | None = None
    max_bytes: int | None = None
    credit_bytes: int = 1024 * 1024
    """Bytes of result bodies that may be sent before ``credit`` adds more."""


class Export(StatementText):
    """Run this statement once and send the whole result as ``COPY`` writes it.

    Answered as ``execute`` is, but never twice: when the socket is lost, so is the export. Only sent to an
    agent that has the capability ``export``.
    """

    type: Literal["export"] = "export"
    run_id: str = ""
    format: Literal["csv", "text"] = "csv"
    """Which of ``COPY``'s formats the bodies are in."""
    timeout_seconds: float | None = None
    """Relative; the policy's limit for exports holds when it is stricter. So with the next two."""
    max_rows: int | None = None
    max_bytes: int | None = None
    more_than: int = 0
    """Rows that the result is known to exceed: an agent that may not send as many refuses at once."""
    credit_bytes: int = 1024 * 1024


class Explain(StatementText):
    type: Literal["explain"] = "explain"


class Cancel(StatementRef):
    type: Literal["cancel"] = "cancel"


class Credit(StatementRef):
    type: Literal["credit"] = "credit"
    bytes: int = Field(gt=0)


class EndAck(StatementRef):
    """The result arrived whole; the agent may forget it."""

    type: Literal["end-ack"] = "end-ack"


class Drain(Message):
    """This backend is about to stop: attach elsewhere, finish what is in flight here."""

    type: Literal["drain"] = "drain"
    grace_seconds: float = 30.0


# --- both ways ---------------------------------------------------------------------------------------------


class ErrorMessage(Message):
    """A frame could not be understood or served. The socket stays open unless it is then closed."""

    type: Literal["error"] = "error"
    code: str
    message: str
    hint: str = ""
    about: str | None = None
    """The request or statement id it answers, when one could be read."""


FromAgent = Annotated[
    Hello
    | Snapshot
    | Delta
    | Packed
    | Unchanged
    | Values
    | Suite
    | Verdict
    | Accepted
    | Columns
    | End
    | StatementFailed
    | Cancelled
    | Plan
    | ErrorMessage,
    Field(discriminator="type"),
]
FromBackend = Annotated[
    Welcome
    | Tighten
    | Introspect
    | Lookup
    | Cases
    | Score
    | Execute
    | Export
    | Explain
    | Cancel
    | Credit
    | EndAck
    | Drain
    | ErrorMessage,
    Field(discriminator="type"),
]

_T = TypeVar("_T")

_from_agent: TypeAdapter[FromAgent] = TypeAdapter(FromAgent)
_from_backend: TypeAdapter[FromBackend] = TypeAdapter(FromBackend)


def parse_from_agent(text: str | bytes) -> FromAgent:
    """Read a control frame that an agent sent.

    Raises:
        MalformedFrame: it is not JSON, or a known message has a wrong or missing field.
        UnknownMessage: its type is not in the union.
    """
    return _parse(_from_agent, text)


def parse_from_backend(text: str | bytes) -> FromBackend:
    """Read a control frame that the backend sent. Raises as ``parse_from_agent`` does."""
    return _parse(_from_backend, text)


def _parse(adapter: TypeAdapter[_T], text: str | bytes) -> _T:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
            raise UnknownMessage("The frame's type is not known here.", "Update the older peer.") from error
        place = ".".join(str(part) for part in first["loc"]) or "frame"
        raise MalformedFrame(f"{place}: {first['msg']}") from error
