"""Questions that a database could answer, made by code from its snapshot: no model, no rows."""

import re
from collections import Counter
from collections.abc import Callable

from wire.snapshot import Column, ForeignKey, SchemaSnapshot, Table

MAX_SUGGESTIONS = 6

_NUMBER = re.compile(r"^(smallint|integer|bigint|numeric|decimal|real|double precision|money)\b")
_TIME = re.compile(r"^(date|timestamp)\b")
_TEXT = re.compile(r"^(text|character varying|varchar|character|citext)\b")
_KEY_LIKE = re.compile(r"(^|_)(id|uuid|key|code|number|no|zip|phone|year|month|day)$")
_MEASURE = re.compile(
    r"(amount|total|price|revenue|cost|value|quantity|salary|duration|minutes|hours|score|count|rating)"
)
_CATEGORY = re.compile(
    r"(status|type|kind|category|level|priority|country|region|plan|tier|channel|segment|title|role)$"
)
_NAME = re.compile(r"(^|_)(name|title|label)$")

Maker = Callable[[SchemaSnapshot, Table], str | None]


def suggest(snapshot: SchemaSnapshot) -> list[str]:
    """Up to six questions, each of another kind and, as far as there are enough, about another table."""
    tables = sorted(
        (table for table in snapshot.tables if table.columns and table.partition_of is None),
        key=lambda table: (-_interest(table), table.qualified_name),
    )
    questions: list[str] = []
    asked: Counter[str] = Counter()
    for _ in range(MAX_SUGGESTIONS):
        for make in (_over_time, _count, _by_category, _top, _per_parent, _average):
            made = [(question, table) for table in tables if (question := make(snapshot, table)) is not None]
            fresh = [(question, table) for question, table in made if question not in questions]
            if not fresh:
                continue
            # Sorting is stable: of those asked about equally often, the most interesting comes first.
            question, table = min(fresh, key=lambda one: asked[one[1].qualified_name])
            questions.append(question)
            asked[table.qualified_name] += 1
            if len(questions) == MAX_SUGGESTIONS:
                return questions
    return questions


def _count(_: SchemaSnapshot, table: Table) -> str | None:
    return f"How many {plural(table.name)} are there?"


def _over_time(_: SchemaSnapshot, table: Table) -> str | None:
    column = _first(
        table, lambda column: bool(_TIME.match(column.type)) and not column.name.startswith("updated")
    )
    if column is None or not _events(table):
        return None
    said = words(column.name)
    if said.endswith("ed"):
        return f"How many {plural(table.name)} were {said} per month over the last year?"
    return f"How many {plural(table.name)} were there per month over the last year, by {said}?"


def _by_category(_: SchemaSnapshot, table: Table) -> str | None:
    column = _category(table)
    return None if column is None else f"How do {plural(table.name)} split by {words(column.name)}?"


def _top(_: SchemaSnapshot, table: Table) -> str | None:
    name, measure = _first(table, _is_name), _measure(table)
    if name is None or measure is None:
        return None
    return f"Which ten {plural(table.name)} have the highest {words(measure.name)}?"


def _per_parent(snapshot: SchemaSnapshot, table: Table) -> str | None:
    for key in table.foreign_keys:
        parent = snapshot.table(key.to_schema, key.to_table)
        if (
            parent is not None
            and parent is not table
            and _first(parent, _is_name) is not None
            and _plain(key)
        ):
            return f"Which five {plural(parent.name)} have the most {plural(table.name)}?"
    return None


def _average(_: SchemaSnapshot, table: Table) -> str | None:
    measure, category = _measure(table), _category(table)
    if measure is None or category is None:
        return None
    return f"What is the average {words(measure.name)} of {plural(table.name)} by {words(category.name)}?"


def words(name: str) -> str:
    """A column's name as one would say it: ``hired_at`` is "hired", ``unitPrice`` "unit price"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").lower().strip()
    return re.sub(r" (at|on|id)$", "", spaced) or spaced


def plural(name: str) -> str:
    """A table's name as one would say several of its rows."""
    said = words(name)
    if said.endswith(("s", "data", "staff", "people", "information")):
        return said
    if re.search(r"[^aeiou]y$", said):
        return said[:-1] + "ies"
    return said + ("es" if said.endswith(("x", "ch", "sh", "z")) else "s")


def _interest(table: Table) -> float:
    """Tables that are large, linked and explained come first."""
    size = min(len(str(max(table.row_estimate or 0, 0))), 6)
    return size + 2 * min(len(table.foreign_keys), 3) + (2 if table.comment else 0)


def _events(table: Table) -> bool:
    return table.row_estimate is None or table.row_estimate >= 50


def _first(table: Table, fits: Callable[[Column], bool]) -> Column | None:
    return next((column for column in table.columns if not column.masked and fits(column)), None)


def _category(table: Table) -> Column | None:
    return _first(table, lambda column: bool(column.enum_values)) or _first(
        table, lambda column: bool(_TEXT.match(column.type) and _CATEGORY.search(column.name))
    )


def _measure(table: Table) -> Column | None:
    keys = {name for key in table.foreign_keys for name in key.columns} | set(table.primary_key)

    def countable(column: Column) -> bool:
        return (
            bool(_NUMBER.match(column.type)) and column.name not in keys and not _KEY_LIKE.search(column.name)
        )

    return _first(table, lambda column: countable(column) and bool(_MEASURE.search(column.name)))


def _is_name(column: Column) -> bool:
    return bool(_TEXT.match(column.type) and _NAME.search(column.name))


def _plain(key: ForeignKey) -> bool:
    return len(key.columns) == 1
