"""ambiguous_column: a bare column name must belong to one FROM item only.

Anti-pattern: ``SELECT id FROM orders JOIN customers …`` when both have ``id``. Best practice: ``orders.id``.
"""

from collections.abc import Iterator

from graph.lint.base import Rule, Statement, position_of
from graph.record import Finding
from graph.schema_text import quoted


def _check(statement: Statement) -> Iterator[Finding]:
    said: set[str] = set()
    for ref in statement.resolution.columns:
        if ref.standing != "ambiguous" or ref.name in said:
            continue
        said.add(ref.name)
        choices = " or ".join(f"{quoted(each.name)}.{quoted(ref.name)}" for each in ref.candidates)
        yield Finding(
            rule="ambiguous_column",
            message=f"The column {ref.name} is in more than one table of this query.",
            hint=f"Write {choices}.",
            position=position_of(ref.node),
        )


AMBIGUOUS_COLUMN = Rule("ambiguous_column", _check)
