"""Questions that a database could answer, made by code from its snapshot: no model, no rows.

They are a person's first impression, so each is plain English that a small model turns into the right SQL:
one or two tables, one meaning. Where a name leaves two readings, the question is not made.
"""

import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from wire.snapshot import Column, SchemaSnapshot, Table

MAX_SUGGESTIONS = 6

_NUMBER = re.compile(r"^(smallint|integer|bigint|numeric|decimal|real|double precision|money)\b")
_TIME = re.compile(r"^(date|timestamp)\b")
_TEXT = re.compile(r"^(text|character varying|varchar|character|citext)\b")
_KEY_LIKE = re.compile(r"(^|_)(id|uuid|key|code|number|no|zip|phone|year|month|day)$")
_MEASURE = re.compile(
    r"(amount|total|price|revenue|cost|value|quantity|salary|budget|duration|minutes|hours|score|rating)"
)
_CATEGORY = re.compile(
    r"(status|type|kind|category|level|priority|country|region|plan|tier|channel|segment|industry|role)$"
)
_NAME = re.compile(r"(^|_)(name|title|label)$")
_PART_OF_ANOTHER = re.compile(r"(^|_)(items?|lines?|details?|entries|rows?|links?)$")
"""Names of tables whose rows mean little on their own."""
_BOOKKEEPING = re.compile(r"^(updated|modified|changed|deleted|synced|loaded|imported)(_|$)")
_PREFIX = re.compile(r"^(tbl|dim|fact|fct|stg) ")

_DONE_TO = frozenset(
    """
    added approved archived assigned booked cancelled canceled charged closed completed created delivered
    discontinued filed founded hired issued launched logged opened paid placed posted processed published
    received recorded refunded registered released reported requested resolved reviewed scheduled sent
    shipped sold submitted
    """.split()  # noqa: SIM905 - a list of words, not of quotes
)
"""What is done to a thing: "how many tickets were opened". Of others only their being there is asked."""
_DOES = frozenset(("joined", "left", "started", "ended", "expired", "signed up", "signed in", "arrived"))
"""What a thing does by itself: "how many customers signed up"."""


class _Idea(NamedTuple):
    question: str
    tables: tuple[Table, ...]


_Maker = Callable[[SchemaSnapshot, Table], _Idea | None]


def suggest(snapshot: SchemaSnapshot) -> list[str]:
    """Up to six questions, each of another kind and, as far as there are enough, about another table."""
    listed = [table for table in snapshot.listed if table.columns]
    # A view's rows are seldom things that one counts; its name is a sentence already.
    stored = [table for table in listed if table.kind not in ("view", "materialized_view")]
    tables = sorted(stored or listed, key=lambda table: (-_interest(table), table.qualified_name))
    questions: list[str] = []
    asked: Counter[str] = Counter()
    # A join is what small models get wrong most: asked about only where there is too little else.
    kinds: list[_Maker] = [*(_over_time, _by_category, _top, _average, _count) * MAX_SUGGESTIONS, _per_parent]
    for make in kinds:
        ideas = [idea for table in tables if (idea := make(snapshot, table)) is not None]
        fresh = [idea for idea in ideas if idea.question not in questions]
        if not fresh:
            continue
        # Sorting is stable: of those asked about equally often, the most interesting comes first.
        idea = min(fresh, key=lambda one: sum(asked[table.qualified_name] for table in one.tables))
        questions.append(idea.question)
        asked.update(table.qualified_name for table in idea.tables)
        if len(questions) == MAX_SUGGESTIONS:
            return questions
    return questions


def _count(_: SchemaSnapshot, table: Table) -> _Idea | None:
    if _part(table):
        return None
    return _Idea(f"How many {plural(table.name)} are there?", (table,))


def _over_time(snapshot: SchemaSnapshot, table: Table) -> _Idea | None:
    times = [
        column
        for column in table.columns
        if _TIME.match(column.type) and not column.masked and not _BOOKKEEPING.match(column.name)
    ]
    if not times or _part(table) or not _at_least(table, 50):
        return None
    # The last whole year by name: "the last year" has two readings, and twelve months with an end in each
    # half make small models add two Novembers together.
    done, period = words(times[0].name), f"in each month of {snapshot.taken_at.year - 1}"
    if done in _DOES:
        return _Idea(f"How many {plural(table.name)} {done} {period}?", (table,))
    # "How many payments were paid" says nothing twice.
    if done in _DONE_TO and done[:2] != table.name[:2].lower():
        return _Idea(f"How many {plural(table.name)} were {done} {period}?", (table,))
    if len(times) > 1:
        return None
    return _Idea(f"How many {plural(table.name)} were there {period}?", (table,))


def _by_category(_: SchemaSnapshot, table: Table) -> _Idea | None:
    column = _category(table)
    if column is None or _part(table) or not _at_least(table, 20):
        return None
    return _Idea(f"How many {plural(table.name)} are there for each {words(column.name)}?", (table,))


def _top(_: SchemaSnapshot, table: Table) -> _Idea | None:
    name, measure = _first(table, _is_name), _measure(table)
    if name is None or measure is None or not _at_least(table, 20):
        return None
    return _Idea(f"Which ten {plural(table.name)} have the highest {words(measure.name)}?", (table,))


def _per_parent(snapshot: SchemaSnapshot, table: Table) -> _Idea | None:
    if _part(table):
        return None
    for key in table.foreign_keys:
        parent = snapshot.table(key.to_schema, key.to_table)
        if parent is None or parent is table or len(key.columns) != 1 or not _says_its_name(parent):
            continue
        # "Which employees have the most orders" would mean sold, approved or placed: the column must be
        # named as the parent is, and nothing more.
        plainly = plural(words(key.columns[0])) == plural(parent.name)
        if plainly and _at_least(parent, 6):
            return _Idea(
                f"Which five {plural(parent.name)} have the most {plural(table.name)}?", (parent, table)
            )
    return None


def _average(_: SchemaSnapshot, table: Table) -> _Idea | None:
    measure, category = _measure(table), _category(table)
    if measure is None or category is None or not _at_least(table, 20):
        return None
    said = f"the average {words(measure.name)} of {plural(table.name)} for each {words(category.name)}"
    return _Idea(f"What is {said}?", (table,))


def words(name: str) -> str:
    """A column's name as one would say it: ``hired_at`` is "hired", ``unitPrice`` "unit price"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").lower().strip()
    return re.sub(r" (at|on|id)$", "", spaced) or spaced


def plural(name: str) -> str:
    """A table's name as one would say several of its rows."""
    spaced = words(name)
    said = _PREFIX.sub("", spaced) or spaced
    if said.endswith("person"):
        return said[:-6] + "people"
    if said.endswith(("data", "staff", "people", "information")):
        return said
    if re.search(r"[^aeiou]y$", said):
        return said[:-1] + "ies"
    if said.endswith(("ss", "x", "ch", "sh", "z")):
        return said + "es"
    return said if said.endswith("s") or said[-1:].isdigit() else said + "s"


def _interest(table: Table) -> float:
    """Tables that are large, linked and explained come first."""
    size = min(len(str(max(table.row_estimate or 0, 0))), 6)
    return size + 2 * min(len(table.foreign_keys), 3) + (2 if table.comment else 0)


def _at_least(table: Table, rows: int) -> bool:
    """Whether the table holds so many rows, as far as one knows."""
    return table.row_estimate is None or table.row_estimate >= rows


def _part(table: Table) -> bool:
    return bool(_PART_OF_ANOTHER.search(table.name))


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


def _says_its_name(table: Table) -> bool:
    """Whether the name's column is called as a small model guesses: customers have no ``company_name``."""
    likely = {"name", "title", f"{_singular(plural(table.name))}_name".replace(" ", "_")}
    return _first(table, lambda column: column.name.lower() in likely and _is_name(column)) is not None


def _singular(said: str) -> str:
    if said.endswith("ies"):
        return said[:-3] + "y"
    return said[:-2] if said.endswith(("sses", "xes", "ches", "shes")) else said.removesuffix("s")


def _is_name(column: Column) -> bool:
    return bool(_TEXT.match(column.type) and _NAME.search(column.name))
