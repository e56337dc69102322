"""Between rows and records, for every store: structures are JSON, times are theirs or sortable text."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from api.errors import BadCursor, KeyReused
from api.store.records import (
    AgentFacts,
    AgentRecord,
    ConnectionRecord,
    ExportRecord,
    IdempotencyKey,
    Lease,
    RunRecord,
    SnapshotMark,
    ThreadRecord,
)
from graph.record import Turn
from graph.run import Run
from wire.policy import Policy

Row = dict[str, Any]
KEY_HOURS = 24
"""How long an idempotency key finds its run."""

FACTS: TypeAdapter[AgentFacts] = TypeAdapter(AgentFacts)


def moment(at: datetime) -> str:
    """UTC with microseconds, always as long, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def time_of(kept: str | datetime) -> datetime:
    """The time that ``moment`` wrote, or that the database kept as one."""
    return kept if isinstance(kept, datetime) else datetime.fromisoformat(kept)


def connection_of(row: Row) -> ConnectionRecord:
    """A row of ``connections``."""
    times = {"created_at": time_of(row["created_at"])}
    return ConnectionRecord(**{**row, **times, "policy": policy_of(row["policy"])})


def policy_of(kept: str | None) -> Policy | None:
    """The policy that ``policy_text`` wrote."""
    return Policy.model_validate_json(kept) if kept else None


def policy_text(policy: Policy | None) -> str | None:
    """A connection's policy as it is kept: the keys that were written, no others."""
    return None if policy is None else policy.model_dump_json(exclude_unset=True)


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


def marks_of(rows: Iterable[Row], connection_ids: Iterable[str]) -> list[SnapshotMark | None]:
    """Of each of these connections, what rows of ``snapshots`` tell of it."""
    known = {row["connection_id"]: SnapshotMark(row["fingerprint"], row["policy_digest"]) for row in rows}
    return [known.get(connection_id) for connection_id in connection_ids]


def thread_of(row: Row) -> ThreadRecord:
    """A row of ``threads`` with its ``turns`` counted."""
    times = {"created_at": time_of(row["created_at"]), "updated_at": time_of(row["updated_at"])}
    return ThreadRecord(**{**row, **times})


def run_of(row: Row) -> RunRecord:
    """A row of ``runs`` without its record."""
    times = {"created_at": time_of(row["created_at"]), "finished_at": _maybe(row["finished_at"])}
    return RunRecord(**{**row, **times, "detached": bool(row["detached"])})


def lease_of(row: Row) -> Lease:
    """What ``renew`` asks of a row of ``runs``."""
    return Lease(row["run_id"], int(row["epoch"]), row["stop_reason"], bool(row["listened"]))


def taken_of(row: Row) -> tuple[RunRecord, Lease]:
    """A row of ``runs`` as ``take`` returns it."""
    ours = ("epoch", "stop_reason", "listened", "left_seconds")
    rest = {name: value for name, value in row.items() if name not in ours}
    return run_of(rest), replace(lease_of(row), left_seconds=float(row["left_seconds"]))


def export_of(row: Row) -> ExportRecord:
    """A row of ``exports``."""
    return ExportRecord(**{**row, "started_at": time_of(row["started_at"])})


def turn_of(run: Run) -> Turn:
    """What a later question in the thread is told of an ended run."""
    if run.answer is not None:
        return Turn(
            question=run.standalone_question or run.question, sql=run.answer.sql, answer=run.answer.text
        )
    told = run.refusal.message if run.refusal else run.clarification.question if run.clarification else ""
    return Turn(question=run.standalone_question or run.question, answer=told)


def same_body(key: IdempotencyKey, body_hash: str, run_id: str) -> str:
    """The run that a key started. Raises ``KeyReused`` when that was with another body."""
    if body_hash != key.body_hash:
        raise KeyReused(
            "This idempotency key came with another question before.",
            "Make a new key for every new question.",
        )
    return run_id


def page_mark(last: ThreadRecord) -> str:
    """What a client sends as ``before`` to get the threads after this one."""
    return f"{moment(last.updated_at)}~{last.thread_id}"


def after_page(before: str | None) -> tuple[str | None, str | None]:
    """Time and thread that ``page_mark`` wrote. Raises ``BadCursor``."""
    if before is None:
        return None, None
    updated_at, _, thread_id = before.partition("~")
    try:
        return moment(datetime.fromisoformat(updated_at)), thread_id
    except (ValueError, OverflowError):
        raise BadCursor(
            "`before` is not a page that was given out.", "Send the `next` of the page before."
        ) from None


def _maybe(kept: str | datetime | None) -> datetime | None:
    return None if kept is None else time_of(kept)
