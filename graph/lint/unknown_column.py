"""unknown_column: a column must belong to the FROM item it is taken from.

Anti-pattern: ``SELECT o.name FROM orders o`` when the name is the customer's. Best practice: take it from the
table that has it, joined by its key.
"""

from collections.abc import Iterator

from graph.lint.base import Rule, Statement, position_of
from graph.lint.nearest import nearest
from graph.lint.scopes import ColumnRef
from graph.record import Finding
from graph.schema_text import quoted, shown_name
from wire.snapshot import SchemaSnapshot

_HOMES = 4
"""Tables named as having the column."""


def _check(statement: Statement) -> Iterator[Finding]:
    said: set[tuple[str | None, str]] = set()
    for ref in statement.resolution.columns:
        if ref.standing != "unknown" or (ref.qualifier, ref.name) in said:
            continue
        said.add((ref.qualifier, ref.name))
        written = f"{ref.qualifier}.{ref.name}" if ref.qualifier else ref.name
        yield Finding(
            rule="unknown_column",
            message=f"There is no column {written}{_where(ref)}.",
            hint=_hint(ref, statement.snapshot),
            position=position_of(ref.node),
        )


def _where(ref: ColumnRef) -> str:
    names = [source.name for source in ref.candidates if source.name]
    return f" in {', '.join(names)}" if names and ref.qualifier is None else ""


def _hint(ref: ColumnRef, snapshot: SchemaSnapshot) -> str:
    parts = []
    homes = [shown_name(table, snapshot) for table in snapshot.tables if table.column(ref.name)]
    if homes:
        more = " and others" if len(homes) > _HOMES else ""
        parts.append(f"The column {quoted(ref.name)} is in {', '.join(homes[:_HOMES])}{more}.")
    here = {name for source in ref.candidates for name in source.columns or ()}
    if close := nearest(ref.name, here - {ref.name}):
        parts.append(f"Similar there: {', '.join(quoted(name) for name in close)}.")
    if not parts:
        parts.append("No table has it: use only columns of the schema.")
    return " ".join(parts)


UNKNOWN_COLUMN = Rule("unknown_column", _check)
