"""Between SQLite's rows and records: times as sortable text, structures as JSON."""

from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from api.store.records import AgentFacts, AgentRecord, ConnectionRecord, RunRecord, ThreadRecord

Row = dict[str, Any]

FACTS: TypeAdapter[AgentFacts] = TypeAdapter(AgentFacts)


def moment(at: datetime) -> str:
    """UTC with microseconds, always as long, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def time_of(text: str) -> datetime:
    """The time that ``moment`` wrote."""
    return datetime.fromisoformat(text)


def connection_of(row: Row) -> ConnectionRecord:
    """A row of ``connections``."""
    return ConnectionRecord(**{**row, "created_at": time_of(row["created_at"])})


def agent_of(row: Row) -> AgentRecord:
    """A row of ``agents``."""
    return AgentRecord(
        agent_id=row["agent_id"],
        tenant=row["tenant"],
        connection_id=row["connection_id"],
        name=row["name"],
        token_hash=row["token_hash"],
        created_at=time_of(row["created_at"]),
        revoked_at=_maybe(row["revoked_at"]),
        last_seen_at=_maybe(row["last_seen_at"]),
        epoch=row["epoch"],
        facts=FACTS.validate_json(row["facts"]) if row["facts"] else None,
    )


def thread_of(row: Row) -> ThreadRecord:
    """A row of ``threads`` with its ``turns`` counted."""
    times = {"created_at": time_of(row["created_at"]), "updated_at": time_of(row["updated_at"])}
    return ThreadRecord(**{**row, **times})


def run_of(row: Row) -> RunRecord:
    """A row of ``runs`` without its record."""
    times = {"created_at": time_of(row["created_at"]), "finished_at": _maybe(row["finished_at"])}
    return RunRecord(**{**row, **times})


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else time_of(text)
