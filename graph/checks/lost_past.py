"""A past that no table keeps: what something was like before it was changed.

*What was the list price of the Badge Reader two years ago?* is asked of a table that holds today's price.
What happened two years ago is another matter: such rows have a date, and are never refused here.
"""

import re
from collections.abc import Iterable, Iterator

from graph.context.coverage import Vocabulary
from graph.context.words import listed, name_words, stem, stems
from wire.snapshot import Column, SchemaSnapshot, Table


def asks_for_lost_past(question: str, vocabulary: Vocabulary, snapshot: SchemaSnapshot) -> bool:
    """Whether the question wants a column's value of another time, and only the present one is kept.

    Args:
        question: as asked, in English.
        vocabulary: the snapshot's words.
        snapshot: its tables; one of changes or versions, or with a date of its own, may hold the past.
    """
    found = next((match for form in _FORMS if (match := form.match(question.strip()))), None)
    if found is None:
        return False
    attribute, thing = stems(found["attribute"]), stems(found["thing"])
    if not _COMPUTED.isdisjoint(attribute) or any(map(vocabulary.names_table, attribute)):
        return False
    # What a subscription had before it was cancelled, it still has in the table.
    changed = found.groupdict().get("changed")
    if changed is not None and vocabulary.knows(changed):
        return False
    near = _near(thing, snapshot)
    held = list(_columns(attribute, near)) or list(_columns(attribute, snapshot.tables))
    return (
        0 < len(held) <= _MOST
        and all(_is_of_now(column, attribute) and _is_standing(table, snapshot) for table, column in held)
        and not _keeps_history(held, thing, snapshot)
    )


def _near(thing: list[str], snapshot: SchemaSnapshot) -> list[Table]:
    """The tables that the thing is called by, and those that refer to them."""
    named = [table for table in snapshot.tables if set(_stems(table.name)) & set(thing)]
    called = {table.qualified_name for table in named}
    return [table for table in snapshot.tables if table.qualified_name in called or _referred(table, named)]


def _columns(attribute: list[str], tables: Iterable[Table]) -> Iterator[tuple[Table, Column]]:
    for table in tables:
        for column in table.columns:
            if set(attribute) <= set(_stems(column.name)):
                yield table, column


def _is_of_now(column: Column, attribute: list[str]) -> bool:
    """No date, and no ``original_price``."""
    further = set(_stems(column.name)) - set(attribute)
    return not _is_date(column) and further.isdisjoint(_EARLIER)


def _is_standing(table: Table, snapshot: SchemaSnapshot) -> bool:
    """Whether the rows are things that last, not what happened once: nothing in them, or in what they are
    parts of, has a date but for when it came to be and ceased."""
    return all(
        set(name_words(column.name)) & _LIFE
        for one in (table, *_referred(table, snapshot.tables))
        for column in one.columns
        if _is_date(column)
    )


def _referred(table: Table, others: Iterable[Table]) -> list[Table]:
    """Which of the others the table refers to, by declared keys or by columns called after another table."""
    declared = {(key.to_schema, key.to_table) for key in table.foreign_keys}
    called = {tuple(_stems(column.name)[:-1]) for column in table.columns if _KEY.search(column.name)}
    return [
        other
        for other in others
        if other is not table
        and ((other.schema_name, other.name) in declared or tuple(_stems(other.name)) in called)
    ]


def _is_date(column: Column) -> bool:
    dated = column.type.startswith(("date", "time", "interval")) or _DATED.search(column.name)
    return bool(dated) or not _PERIODS.isdisjoint(name_words(column.name))


def _keeps_history(held: list[tuple[Table, Column]], thing: list[str], snapshot: SchemaSnapshot) -> bool:
    """Whether a table of changes or versions is about any of it."""
    about = set(thing)
    for table, column in held:
        about.update(_stems(table.name), _stems(column.name))
    for table in snapshot.tables:
        said = {*_stems(table.name), *(root for column in table.columns for root in _stems(column.name))}
        if not said & about:
            continue
        if set(_stems(table.name)) & _HISTORY or any(_VALID.search(column.name) for column in table.columns):
            return True
        # ``changes(field, old_value, new_value)``.
        if any(set(name_words(column.name)) & _REPLACED for column in table.columns):
            return True
    return False


def _stems(name: str) -> list[str]:
    return [stem(word) for word in name_words(name)]


_MOST = 20
"""Columns that may be meant; of more, nobody knows which is."""
_LIFE = listed(
    """
    began begun birth birthday born cancelled canceled closed created deleted discontinued dob ended founded
    hired joined launched left listed modified opened registered retired signed since started updated
    """
)
_PERIODS = listed("year month quarter week day date period season time effective recorded measured valid")
_DATED = re.compile(r"_(?:on|at|dt|ts)$|(?:date|time)$", re.IGNORECASE)
_KEY = re.compile(r"(?:_(?:id|no|nr|key|code)|Id)$")
_HISTORY = frozenset(
    map(
        stem,
        listed(
            """
            archive audit change hist history log journal modification movement past promotion revision
            snapshot transition update upgrade version
            """
        ),
    )
)
_REPLACED = listed("old previous prior before version revision former original")
_EARLIER = frozenset(
    map(stem, listed("old previous prior before former original initial first opening start starting launch"))
)
_VALID = re.compile(
    r"valid_?(?:from|to|until)|effective|_(?:from|until)$|^(?:from|until|as_of)", re.IGNORECASE
)
_COMPUTED = frozenset(
    map(
        stem,
        listed(
            """
            average mean median total sum number count share percentage percent rate highest lowest most least
            maximum minimum max min top biggest largest smallest date time day year month age name id
            """
        ),
    )
)

_ATTRIBUTE = r"(?P<attribute>[a-z]+(?:\s+[a-z]+)?)"
_WORD = (
    r"(?!(?:who|which|that|whose|in|from|during|placed|made|sold|bought|and|or|when|before)\b)[\w&.'’\"“”-]+"
)
_THING = rf"(?P<thing>{_WORD}(?:\s+{_WORD}){{0,5}}?)"
_COUNT = r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|a\s+few|some|several|many)"
_AGO = rf"{_COUNT}\s+(?:day|week|month|year|decade)s?\s+ago"
_THEY = r"(?:it|they|he|she)"
_BEGAN = rf"""when\s+{_THEY}\s+(?:(?:was|were)\s+)?(?:first\s+)?
    (?:started|began|begun|joined|hired|opened|launched|introduced|founded|created|signed\s+up|came\s+out)"""
_PRESENT = r"before\s+(?:the|his|her|its|their)\s+(?:present|current|latest|last|new)(?:\s+(?:one|\w+))?"
_CHANGED = rf"before\s+{_THEY}\s+(?:became\s+\w+|(?:was|were|got)\s+(?:last\s+)?(?P<changed>\w+ed))"
_THEN = rf"(?:{_AGO}|{_BEGAN}|originally|initially|at\s+first|{_CHANGED}|{_PRESENT}|previously|formerly)"
_BEGIN = r"^(?:(?:and|so|please)\s+)?"
_END = r"\s*[?.!]*$"

_FORMS = tuple(
    re.compile(pattern, re.IGNORECASE | re.VERBOSE)
    for pattern in (
        # What was the list price of the Badge Reader two years ago?
        rf"{_BEGIN}what\s+(?:was|were)\s+(?:the|our)\s+{_ATTRIBUTE}\s+(?:of|for)\s+{_THING}\s+{_THEN}{_END}",
        # What did the list price of the Badge Reader use to be? What used to be the list price of it?
        rf"{_BEGIN}what\s+used\s+to\s+be\s+(?:the|our)\s+{_ATTRIBUTE}\s+(?:of|for)\s+{_THING}{_END}",
        rf"{_BEGIN}what\s+did\s+(?:the|our)\s+{_ATTRIBUTE}\s+(?:of|for)\s+{_THING}\s+used?\s+to\s+be{_END}",
        # Which title did our managers have before they were promoted?
        rf"""{_BEGIN}(?:what|which)\s+{_ATTRIBUTE}\s+did\s+{_THING}\s+(?:have|hold)\s+{_THEN}{_END}""",
        # Which grade did Pavel use to have?
        rf"""{_BEGIN}(?:what|which)\s+{_ATTRIBUTE}\s+did\s+{_THING}\s+used?\s+to\s+(?:have|hold){_END}""",
        # How many seats had each subscription when it started?
        rf"""{_BEGIN}(?:what|which|how\s+many)\s+{_ATTRIBUTE}\s+had\s+{_THING}\s+(?:{_BEGAN}|originally|initially
            |at\s+first){_END}""",
        rf"""{_BEGIN}how\s+many\s+{_ATTRIBUTE}\s+did\s+{_THING}\s+(?:have|hold)\s+(?:{_BEGAN}|originally
            |initially|at\s+first){_END}""",
    )
)
"""Every form asks for one attribute as such: whoever counts, adds up or lists rows asks otherwise."""
