"""Results with nothing in them: no rows, or nothing but NULL."""

import re

from sqlglot import exp

from graph.results.base import Check, Seen

_MAY_BE_EMPTY = re.compile(
    r"\b(?:never|without|not|no|none|missing|any|is\s+there|are\s+there|if)\b|n't\b", re.IGNORECASE
)


def _no_rows(seen: Seen) -> str | None:
    if seen.rows.row_count or _MAY_BE_EMPTY.search(seen.question):
        return None
    names = seen.names
    if names is not None and names.tree.find(exp.Literal) is None:
        return None
    return "The query found no rows."


def _only_null(seen: Seen) -> str | None:
    rows = seen.rows
    if not rows.row_count or not rows.preview:
        return None
    if all(cell is None for row in rows.preview for cell in row):
        return "Every value of the result is NULL."
    if rows.row_count == len(rows.preview) and rows.row_count > 1:
        for place, column in enumerate(rows.columns):
            if all(row[place] is None for row in rows.preview):
                return f"The column {column.name} of the result is NULL in every row."
    return None


EMPTY_RESULT = Check(
    "empty_result",
    _no_rows,
    "A condition may be too narrow, or compare with a value that is written differently in the data.",
)
ONLY_NULL = Check(
    "only_null", _only_null, "A condition may match nothing, or an outer join may find no partner."
)
