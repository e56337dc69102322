"""find_values: values of the database that the question's words meet, as lines beside the schema.

Off unless ``settings.value_hints``: whether such lines help is unproven (docs/accuracy.md). What always
happens, unless ``value_lookup`` is switched off, is the other half: literals of a draft are looked up, so
that ``literal_case`` can mend them (``looked_up``).
"""

from graph.autofix.literal_case import open_literals
from graph.nodes.work import Work
from graph.schema_text import literal, quoted, shown_name
from graph.state import State, Update, meant
from wire.snapshot import SchemaSnapshot
from wire.values import MAX_COMPARED, Found, FoundValue

MAX_LINES = 6
LOOKUP = "value_lookup"
"""Switches both halves off."""


async def find_values(state: State, work: Work) -> Update:
    """Add a line for each value that the question seems to name, in tables that the prompt shows."""
    if not _may_be_told(work):
        work.detail = "values are not shared"
        return {}
    found = await work.ports.database.lookup(meant(state), most=MAX_LINES)
    if found is None:
        work.detail = "no values known"
        return {}
    snapshot = await work.snapshot()
    shown = state["tables"]
    lines = [
        line
        for one in found.found
        if (shown is None or one.table in shown) and (line := _line(one, snapshot)) is not None
    ]
    # How many, not which: the detail of a step goes where values may not.
    work.detail = f"{len(lines)} value{'' if len(lines) == 1 else 's'} found"
    return {"notes": [*state["notes"], *lines]}


async def looked_up(sql: str, snapshot: SchemaSnapshot, work: Work) -> Found | None:
    """What the database says of literals in a query that the snapshot does not settle; None for nothing."""
    without = work.ports.settings.without
    if LOOKUP in without or "literal_case" in without or not _may_be_told(work):
        return None
    compared = open_literals(sql, snapshot)[:MAX_COMPARED]
    return await work.ports.database.lookup(compared=compared) if compared else None


def _may_be_told(work: Work) -> bool:
    """The agent decides; a stricter policy of the backend's may have come since it was told."""
    return LOOKUP not in work.ports.settings.without and work.ports.share.model != "schema"


def _line(one: FoundValue, snapshot: SchemaSnapshot) -> str | None:
    schema_name, _, name = one.table.partition(".")
    table = snapshot.table(schema_name, name)
    if table is None or table.column(one.column) is None:
        return None  # the snapshot at hand is older or newer than the agent's
    return f"{shown_name(table, snapshot)}.{quoted(one.column)} = {literal(' '.join(one.value.split()))}"
