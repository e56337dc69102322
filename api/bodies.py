"""Bodies of requests and answers, as the OpenAPI document shows them. A run's is ``graph.run.Run``."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, field_validator

from api.policies import bad_filters
from graph.record import RunStatus
from graph.run import Run
from wire.outcome import ResultColumn
from wire.policy import Limits, Policy, Share, beyond_tightening
from wire.snapshot import Table


def _without_nul(text: str) -> str:
    """PostgreSQL cannot hold it; a store of another kind takes no more, so that one may follow the other."""
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    return text


Storable = AfterValidator(_without_nul)
Id = Annotated[str, StringConstraints(max_length=100)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120), Storable]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000), Storable]
QUESTION_CHARACTERS = 4_000


class Request(BaseModel):
    """A body that a client sends: an unknown field is a mistake and is told."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Reply(BaseModel):
    """A body that we send: every field is there, always."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class ConnectionCreate(Request):
    name: Name
    description: Note = ""
    instructions: Note = ""
    """Notes that every prompt about this database carries."""


class CaseScore(Request):
    run_id: Id
    """The run whose last query is scored."""


class ConnectionChange(Request):
    """Fields left out stay as they are."""

    name: Name | None = None
    description: Note | None = None
    instructions: Note | None = None
    policy: Policy | None = None
    """What may not be read, on top of the owner's policy, which it can only tighten; null takes it away."""

    @field_validator("policy")
    @classmethod
    def _tightens(cls, policy: Policy | None) -> Policy | None:
        wrong = [] if policy is None else [*beyond_tightening(policy), *bad_filters(policy)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return policy


class JoinCode(Reply):
    """Shown once: only its hash is kept."""

    connection_id: str
    name: str
    join_code: str
    """Single use."""
    join_command: str
    """What to run beside the database."""
    expires_at: datetime


class AgentStatus(Reply):
    """The agent that serves a connection, or would."""

    status: Literal["waiting", "online", "offline", "revoked"]
    """``waiting``: none has joined yet."""
    agent_id: str | None = None
    name: str | None = None
    version: str | None = None
    database: str | None = None
    server_version: int | None = None
    """``server_version_num``: 150018 is 15.18; 0 while the agent cannot reach it."""
    last_seen_at: datetime | None = None
    since: datetime | None = None
    """When it came online or was last seen."""
    policy_name: str | None = None
    policy_digest: str | None = None
    share: Share | None = None
    limits: Limits | None = None


class Connection(Reply):
    connection_id: str
    name: str
    description: str
    instructions: str
    created_at: datetime
    policy: Policy | None
    """This side's own, which tightens the owner's; null when there is none."""
    agent: AgentStatus
    tables: int | None
    """Relations in the snapshot; None while there is none."""
    fingerprint: str | None


class ConnectionList(Reply):
    connections: list[Connection]


class AgentList(Reply):
    agents: list[AgentStatus]


class Join(Request):
    join_code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=120), Storable] = ""


class Joined(Reply):
    """What an agent needs from now on; the token is shown this once."""

    agent_id: str
    connection_id: str
    token: str
    websocket_url: str


class Query(Request):
    connection_id: Id
    question: str
    """1 to 4,000 characters after trimming."""
    agent_id: Id | None = None
    """Ask this agent only; None takes whichever is online."""
    thread_id: Id | None = None
    """Go on with this conversation; None begins one."""
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=200), Storable] | None = None


class RunSummary(Reply):
    run_id: str
    thread_id: str
    connection_id: str
    status: RunStatus
    question: str
    created_at: datetime
    finished_at: datetime | None


class RunList(Reply):
    runs: list[RunSummary]
    next: str | None
    """Pass as ``before`` for the following page; None at the end."""


class Thread(Reply):
    thread_id: str
    connection_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    turns: int


class ThreadList(Reply):
    threads: list[Thread]
    next: str | None


class ThreadDetail(Thread):
    runs: list[Run]
    """The newest, oldest first."""
    next: str | None
    """Pass as ``before`` for the runs before these; None at the thread's beginning."""


class ThreadChange(Request):
    title: Name


class SchemaDocument(Reply):
    """A ``wire.snapshot.SchemaSnapshot`` with its fingerprint."""

    database: str
    server_version: int
    search_path: list[str]
    tables: list[Table]
    functions: list[str]
    taken_at: datetime
    fingerprint: str
    total: int
    """Tables that fit ``search``, of which ``tables`` holds those from ``offset`` on, at most ``limit``."""


class SchemaRefresh(Reply):
    """What a new introspection found against the last; names are ``schema.table``."""

    fingerprint: str
    tables: int
    changed: list[str]
    added: list[str]
    removed: list[str]


class Suggestions(Reply):
    questions: list[str]


class ModelInfo(Reply):
    name: str | None
    """None when no model is configured."""
    local: bool
    """True when what the model reads stays on this machine."""


class Info(Reply):
    version: str
    model: ModelInfo
    tracing: bool
    auth: Literal["none", "key"]


class Health(Reply):
    status: Literal["ok"] = "ok"
    version: str


class Check(Reply):
    ok: bool
    detail: str = ""


class Readiness(Reply):
    """``degraded`` still serves history; ``unavailable`` goes with status 503."""

    status: Literal["ok", "degraded", "unavailable"]
    checks: dict[str, Check]


class ExportManifest(Reply):
    """What became of a fresh export: its file is whole when its hash is the one told here."""

    export_id: str
    run_id: str
    format: str
    state: Literal["running", "complete", "failed", "abandoned"]
    started_at: datetime
    finished_at: datetime | None
    rows: int
    bytes: int
    """Of the file, as far as it was sent."""
    sha256: str | None
    """Of the file, in hex; None unless it is complete."""
    truncated: str | None
    """The owner's cap that cut it; None when none did."""
    problem: str | None


class ResultDocument(Reply):
    """A whole result as JSON."""

    columns: list[ResultColumn]
    rows: list[list[str | int | float | bool | None]]
    row_count: int
    truncated: Literal["rows", "bytes"] | None


class ProblemDocument(Reply):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str = ""
    run_id: str | None = None
    errors: list["FieldError"] | None = None


class FieldError(Reply):
    """A part of the request that cannot be taken."""

    field: str
    message: str
