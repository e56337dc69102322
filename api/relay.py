"""What replicas say to each other about work: requests to the one that holds an agent, and notices to all.

Replicas of two versions meet during every deployment, so unknown fields are passed over, as on the wire.
"""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from api.errors import ApiError, Unavailable
from api.snapshots import Change
from wire.base import Message
from wire.cases import CaseList, CaseVerdict
from wire.errors import CustardError
from wire.outcome import Outcome
from wire.values import Compared, Found

# --- requests ----------------------------------------------------------------------------------------------


class AskRequest(Message):
    """Start this run: its question was asked at another replica."""

    do: Literal["ask"] = "ask"
    run_id: str
    tenant: str
    connection_id: str
    question: str
    agent_id: str | None = None
    thread_id: str | None = None
    idempotency_key: str | None = None
    detached: bool = False


class ExecuteRequest(Message):
    """Run a statement of a run that is driven at another replica."""

    do: Literal["execute"] = "execute"
    connection_id: str
    agent_id: str | None = None
    sql: str
    run_id: str
    statement_id: str
    attempt: int
    """The last that an agent may have; 0 when none has."""


class RefreshRequest(Message):
    """Introspect, and write the snapshot to the store."""

    do: Literal["refresh"] = "refresh"
    connection_id: str
    agent_id: str | None = None


class LocateRequest(Message):
    """Who has this agent? What is larger than a message is then asked of that replica by its name."""

    do: Literal["locate"] = "locate"
    connection_id: str
    agent_id: str | None = None


class LookupRequest(Message):
    """Ask the agent for values; a replica that does not know this request refuses it, and none are had."""

    do: Literal["lookup"] = "lookup"
    connection_id: str
    agent_id: str | None = None
    text: str = ""
    compared: list[Compared] = Field(default_factory=list)
    most: int = 6


class CasesRequest(Message):
    """Ask the agent for the cases of an eval that lie beside it."""

    do: Literal["cases"] = "cases"
    connection_id: str
    agent_id: str | None = None


class ScoreRequest(Message):
    """Have the agent score a query by one of them."""

    do: Literal["score"] = "score"
    connection_id: str
    agent_id: str | None = None
    case_id: str
    sql: str


Request = Annotated[
    AskRequest
    | ExecuteRequest
    | RefreshRequest
    | LookupRequest
    | CasesRequest
    | ScoreRequest
    | LocateRequest,
    Field(discriminator="do"),
]
REQUEST: TypeAdapter[Request] = TypeAdapter(Request)

# --- replies -----------------------------------------------------------------------------------------------


class Started(Message):
    kind: Literal["started"] = "started"
    run_id: str
    """Of the run, or of the earlier one that the key named."""


class Done(Message):
    kind: Literal["done"] = "done"
    outcome: Outcome
    attempt: int


class Refreshed(Message):
    kind: Literal["refreshed"] = "refreshed"
    fingerprint: str
    tables: int
    changed: list[str]
    added: list[str]
    removed: list[str]

    def change(self) -> Change:
        """The same, as the catalog tells it."""
        return Change(self.fingerprint, self.tables, self.changed, self.added, self.removed)


class Looked(Message):
    kind: Literal["looked"] = "looked"
    found: Found | None = None
    """None: the agent cannot say."""


class Listed(Message):
    kind: Literal["listed"] = "listed"
    cases: CaseList


class Scored(Message):
    kind: Literal["scored"] = "scored"
    verdict: CaseVerdict


class Located(Message):
    """It is attached to this replica."""

    kind: Literal["located"] = "located"
    replica: str


class Absent(Message):
    """The agent left just before the request came; nothing was done."""

    kind: Literal["absent"] = "absent"


class Refused(Message):
    """It is answered with a problem."""

    kind: Literal["refused"] = "refused"
    code: str
    message: str
    hint: str = ""
    run_id: str | None = None

    @classmethod
    def of(cls, error: CustardError) -> "Refused":
        """What an error says."""
        return cls(
            code=error.code, message=str(error), hint=error.hint, run_id=getattr(error, "run_id", None)
        )

    def error(self) -> ApiError:
        """The error that it was, or ``Unavailable`` when this version has none of that code."""
        kind = _kinds().get(self.code, Unavailable)
        error = kind(self.message, self.hint)
        error.run_id = self.run_id
        return error


Reply = Annotated[
    Started | Done | Refreshed | Looked | Listed | Scored | Located | Absent | Refused,
    Field(discriminator="kind"),
]
REPLY: TypeAdapter[Reply] = TypeAdapter(Reply)

# --- streams -----------------------------------------------------------------------------------------------


class FileRequest(Message):
    """Export a run's whole result afresh; the answer is a ``FileHead`` and then the file."""

    tenant: str
    run_id: str
    format: str
    safe: bool = False
    plain: bool = False
    headers: list[tuple[str, str]] = Field(default_factory=list)
    """Of the reader's request, those that ask for a part."""


class FileHead(Message):
    """The stream's first piece: how the answer begins, or why there is none."""

    status: int = 0
    headers: list[tuple[str, str]] = Field(default_factory=list)
    absent: bool = False
    """The agent has left meanwhile."""
    refused: Refused | None = None


# --- notices -----------------------------------------------------------------------------------------------


class StopNotice(Message):
    """Whoever drives one of these runs is to stop it. What is left out fits every run."""

    about: Literal["stop"] = "stop"
    reason: str
    run_id: str | None = None
    connection_id: str | None = None
    thread_id: str | None = None


class GoneNotice(Message):
    """An agent's token was revoked, or a whole connection deleted: sockets are closed."""

    about: Literal["gone"] = "gone"
    agent_id: str | None = None
    connection_id: str | None = None


class SnapshotNotice(Message):
    """The store has another snapshot of a connection."""

    about: Literal["snapshot"] = "snapshot"
    connection_id: str
    fingerprint: str
    policy_digest: str


class PolicyNotice(Message):
    """A connection's own policy has changed: its agents are told at once, wherever they are attached."""

    about: Literal["policy"] = "policy"
    connection_id: str


class ResultsNotice(Message):
    """These results belong to what was deleted."""

    about: Literal["results"] = "results"
    refs: list[str]


class MissedNotice(Message):
    """A replica could not be heard for a while: what it would have said is looked up in the store."""

    about: Literal["missed"] = "missed"


Notice = Annotated[
    StopNotice | GoneNotice | SnapshotNotice | PolicyNotice | ResultsNotice | MissedNotice,
    Field(discriminator="about"),
]
NOTICE: TypeAdapter[Notice] = TypeAdapter(Notice)


def _kinds() -> dict[str, type[ApiError]]:
    found: dict[str, type[ApiError]] = {}
    todo: list[type[ApiError]] = [ApiError]
    while todo:
        kind = todo.pop()
        found.setdefault(kind.code, kind)
        todo.extend(kind.__subclasses__())
    return found
