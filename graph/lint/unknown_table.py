"""unknown_table: a table must be in the snapshot, where PostgreSQL would look for it.

Anti-pattern: ``FROM staff`` when the table is ``people.employees``. Best practice: the schema's own names,
with their prefix. An alias that no FROM defines counts here too.
"""

from collections.abc import Iterator

from graph.lint.base import Rule, Statement, position_of
from graph.lint.nearest import nearest
from graph.record import Finding
from graph.schema_text import quoted, shown_name


def _check(statement: Statement) -> Iterator[Finding]:
    snapshot = statement.snapshot
    said: set[str] = set()
    for ref in statement.resolution.tables:
        written = f"{ref.schema_name}.{ref.name}" if ref.schema_name else ref.name
        if ref.table is not None or ref.system or written in said:
            continue
        said.add(written)
        elsewhere = [shown_name(table, snapshot) for table in snapshot.named(ref.name)]
        close = elsewhere or [
            shown_name(table, snapshot)
            for name in nearest(ref.name, (table.name for table in snapshot.tables))
            for table in snapshot.named(name)
        ]
        yield Finding(
            rule="unknown_table",
            message=f"There is no table {written}.",
            hint=f"Write {' or '.join(close[:3])}." if close else "Use only tables of the schema.",
            position=position_of(ref.node),
        )
    for column in statement.resolution.columns:
        if column.standing != "no_source" or column.qualifier is None or column.qualifier in said:
            continue
        said.add(column.qualifier)
        names = ", ".join(quoted(source.name) for source in column.candidates if source.name)
        yield Finding(
            rule="unknown_table",
            message=f"No FROM defines {column.qualifier}.",
            hint=f"Visible there: {names}." if names else "Add the table to FROM.",
            position=position_of(column.node.args.get("table")),
        )


UNKNOWN_TABLE = Rule("unknown_table", _check)
