"""What one snapshot is against another, and what an agent's answer makes of the last. Pure."""

from dataclasses import dataclass
from typing import Any

import orjson

from wire.messages import Delta, Snapshot, Unchanged
from wire.policy import SHARE_ORDER, Share
from wire.snapshot import SchemaSnapshot, Table


@dataclass(frozen=True, slots=True)
class Change:
    """What an introspection found against the snapshot before; names are ``schema.table``."""

    fingerprint: str
    tables: int
    changed: list[str]
    added: list[str]
    removed: list[str]


def strictest(shares: list[Share]) -> Share:
    """The least of each; the very least when there is nobody to say."""
    if not shares:
        return Share(model="schema", screen="schema", trace="schema")
    return Share(
        model=min((one.model for one in shares), key=SHARE_ORDER.index),
        screen=min((one.screen for one in shares), key=SHARE_ORDER.index),
        trace=min((one.trace for one in shares), key=SHARE_ORDER.index),
    )


def without_samples(snapshot: SchemaSnapshot) -> SchemaSnapshot:
    """The snapshot for a screen that may not show values."""
    return snapshot.model_copy(
        update={
            "tables": [
                table.model_copy(
                    update={
                        "columns": [
                            column.model_copy(update={"samples": [], "values": []})
                            if column.samples or column.values
                            else column
                            for column in table.columns
                        ]
                    }
                )
                for table in snapshot.tables
            ]
        }
    )


def compare(before: SchemaSnapshot | None, after: SchemaSnapshot) -> Change:
    """What differs in structure; estimates and samples do not count."""
    if before is not None and before.fingerprint == after.fingerprint:
        # Taking ten thousand tables apart to find nothing would hold up everybody for seconds.
        return Change(after.fingerprint, len(after.listed), [], [], [])
    old = {table.qualified_name: _structure(table) for table in before.tables} if before else {}
    new = {table.qualified_name: _structure(table) for table in after.tables}
    return Change(
        fingerprint=after.fingerprint,
        tables=len(after.listed),
        changed=sorted(name for name in new.keys() & old.keys() if new[name] != old[name]),
        added=sorted(new.keys() - old.keys()),
        removed=sorted(old.keys() - new.keys()),
    )


def _structure(table: Table) -> dict[str, Any]:
    return table.model_dump(exclude={"row_estimate": True, "columns": {"__all__": {"samples"}}})


def merged(known: SchemaSnapshot | None, answer: Snapshot | Delta | Unchanged) -> SchemaSnapshot | None:
    """The snapshot after an agent's answer; None when that does not lead to the fingerprint it names."""
    if isinstance(answer, Snapshot):
        return answer.snapshot
    if known is None:
        return None
    if isinstance(answer, Unchanged):
        return known if answer.fingerprint == known.fingerprint else None
    changed = {table.qualified_name: table for table in answer.tables}
    kept = [
        table
        for table in known.tables
        if table.qualified_name not in changed and table.qualified_name not in answer.removed
    ]
    tables = sorted([*kept, *changed.values()], key=lambda table: (table.schema_name, table.name))
    merged = answer.snapshot_head.model_copy(update={"tables": tables})
    return merged if merged.fingerprint == answer.fingerprint else None


def excerpt(snapshot: SchemaSnapshot, search: str = "", offset: int = 0, limit: int | None = None) -> bytes:
    """A ``SchemaDocument`` as JSON: tables that ``search`` fits, from ``offset`` on, ``limit`` at most."""
    wanted = search.strip().casefold()
    fitting = [table for table in snapshot.tables if not wanted or _fits(table, wanted)]
    last = None if limit is None else offset + limit
    part = snapshot.model_copy(update={"tables": fitting[offset:last]})
    rest = orjson.dumps({"fingerprint": snapshot.fingerprint, "total": len(fitting)})
    return part.model_dump_json().encode()[:-1] + b"," + rest[1:]


def _fits(table: Table, wanted: str) -> bool:
    return (
        wanted in table.qualified_name.casefold()
        or wanted in table.comment.casefold()
        or any(wanted in column.name.casefold() for column in table.columns)
    )
