"""What can be meant in several ways: a question that names nothing, or *best* without a word of by what.

A small model answers these too, with whatever table comes first in its prompt. One question back, with
readings that the schema itself gives, costs the asker a tap.
"""

import re
from collections import Counter
from collections.abc import Iterator

from graph.autofix.names import is_text
from graph.context.coverage import Coverage, Vocabulary
from graph.context.joins import JoinGraph, joins_of, singular
from graph.context.words import (
    GENERAL_WORDS,
    QUERY_WORDS,
    STOP_WORDS,
    listed,
    name_words,
    quoted,
    stem,
    words,
)
from graph.record import Clarification
from wire.snapshot import Column, SchemaSnapshot, Table

MOST_READINGS = 3
"""Readings that are offered; ``Clarification`` holds no more."""
_MOST_WORDS = 9
"""Words of a question that leaves open by what it judges. Longer ones say it in some turn of phrase."""

_EMPTY_WORDS = frozenset(map(stem, listed("data figure info information item number record row thing value")))
"""Words that name nothing even where some column is called so."""
_HOW_MUCH = re.compile(r"\bhow\s+much\b", re.IGNORECASE)
"""Money is asked for, and that may be in one column only."""
_IDLE_DEEDS = listed("compare find give go kind know look need see show tell think want")
_IDLE = frozenset(map(stem, QUERY_WORDS | GENERAL_WORDS | _IDLE_DEEDS)) | _EMPTY_WORDS
"""Beside words of how a question is put, all that a question which names nothing has. What was done is none
of them: *who sells the most* says what it is about."""
_COUNTING = re.compile(r"\bhow\s+many\b", re.IGNORECASE)
_JUDGED = re.compile(
    r"\b(?P<good>best|better|greatest|strongest|finest)\b|\b(?P<bad>worst|worse|weakest|poorest)\b"
    r"|\b(?P<size>biggest|largest|leading|most\s+important|top)\b",
    re.IGNORECASE,
)
_SAYS_BY_WHAT = re.compile(
    r"\b(?:by|per|in terms of|according to|based on|measured|average|total|sum|number|count|rate|ratio"
    r"|share|percent\w*|most|least|highest|lowest|fewest|more|less|fewer|than|with|for|on)\b",
    re.IGNORECASE,
)
_NO_MEASURE = listed(
    """
    cd code day floor hour id key lat latitude line lon longitude month nbr no num number order phone
    position postcode rank seq sequence uuid version week year zip
    """
)
_VERDICT = frozenset(map(stem, listed("rating score grade stars satisfaction mark review")))
"""What things are judged by, where there is such a column."""
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double", "money")


def unclear(
    question: str, covered: Coverage, vocabulary: Vocabulary, snapshot: SchemaSnapshot
) -> Clarification | None:
    """A question back; None where the question can be taken in one way, or nothing tells that it cannot.

    Args:
        question: as asked, in English, leaning on no question before it.
        covered: what the database knows of its words.
        vocabulary: the words of the schema.
        snapshot: gives the readings.
    """
    if _names_nothing(question, covered, vocabulary) and len(snapshot.listed) > 1:
        return _about_what(question, snapshot)
    return _by_what(question, covered, snapshot)


def _names_nothing(question: str, covered: Coverage, vocabulary: Vocabulary) -> bool:
    if covered.found or covered.missing or covered.terse or quoted(question) or _HOW_MUCH.search(question):
        return False
    if any(word[:1].isupper() for word in question.split()[1:] if word != "I"):
        return False
    if any(map(vocabulary.names_table, words(question))):
        return False  # orders, though *order* is a word of how a question is put
    said = [word for word in words(question) if word not in STOP_WORDS and not word[0].isdigit()]
    return all(
        stem(word) in _IDLE and (stem(word) in _EMPTY_WORDS or not vocabulary.says(word)) for word in said
    )


def _about_what(question: str, snapshot: SchemaSnapshot) -> Clarification:
    joins = joins_of(snapshot)
    referred = Counter(name for table in snapshot.listed for name in joins.referred(table.qualified_name))
    # What others refer to most is what the database is about; of equals the larger.
    chosen = sorted(
        snapshot.listed,
        key=lambda table: (-referred[table.qualified_name], -(table.row_estimate or 0), table.name),
    )
    counted = _COUNTING.search(question)
    readings = []
    for table in chosen[:MOST_READINGS]:
        things = _things(table, joins)
        if counted:
            readings.append(f"{question[: counted.end()]} {things}{question[counted.end() :]}")
        else:
            readings.append(f"How many {things} are there?")
    return Clarification(
        question="What should it be about? The question names nothing that this database holds.",
        options=readings,
    )


def _by_what(question: str, covered: Coverage, snapshot: SchemaSnapshot) -> Clarification | None:
    judged = _JUDGED.search(question)
    if judged is None or covered.missing or not covered.found or len(words(question)) > _MOST_WORDS:
        return None
    if _SAYS_BY_WHAT.search(question[: judged.start()] + question[judged.end() :]):
        return None
    joins = joins_of(snapshot)
    subject = _subject(covered, snapshot, joins)
    if subject is None:
        return None
    table, group = subject
    if judged["size"] and any(_measures(table, joins)):
        return None  # the biggest invoice is the one of the greatest amount
    if judged["size"] and group is not None:
        return None
    readings = list(dict.fromkeys(_readings(table, group, joins, snapshot, worst=bool(judged["bad"]))))
    if len(readings) < 2:
        return None
    return Clarification(
        question=f"“{judged[0].capitalize()}” by what? The question leaves it open.",
        options=readings[:MOST_READINGS],
    )


def _subject(
    covered: Coverage, snapshot: SchemaSnapshot, joins: JoinGraph
) -> tuple[Table, Column | None] | None:
    """The one table that all known words name, with the column of text by which it is grouped, if any."""
    found = {stem(word) for word in covered.found}
    for table in snapshot.listed:
        own = {stem(word) for word in (*name_words(table.name), *joins.short.table_words(table))}
        rest = found - own
        if rest == found:
            continue
        if not rest:
            return table, None
        for column in table.columns:
            said = {stem(word) for word in joins.short.column_words(table, column.name)}
            if rest <= said and (is_text(column.type) or column.enum_values):
                return table, column
    return None


def _readings(
    table: Table, group: Column | None, joins: JoinGraph, snapshot: SchemaSnapshot, *, worst: bool
) -> Iterator[str]:
    things = _things(table, joins)
    thing = singular(things)
    most, highest = ("fewest", "lowest") if worst else ("most", "highest")
    own = list(_measures(table, joins))
    if group is not None:
        named = f"{thing} {' '.join(joins.short.column_words(table, group.name))}"
        for column in _verdicts_first(own):
            yield f"Which {named} has the {highest} average {column}?"
        yield f"Which {named} has the most {things}?"
        return
    for column in _verdicts_first(own):
        if _is_verdict(column):
            yield f"Which {thing} has the {highest} {column}?"
    children = [
        child
        for child in sorted(snapshot.listed, key=lambda one: -(one.row_estimate or 0))
        if child is not table and table.qualified_name in joins.referred(child.qualified_name)
    ]
    for child in children:
        measured = list(_verdicts_first(_measures(child, joins)))
        if measured:
            how = "average" if _is_verdict(measured[0]) else "total"
            what = measured[0] if how in measured[0].split() else f"{how} {measured[0]}"
            yield f"Which {thing} has the {highest} {what} of its {_things(child, joins)}?"
    for child in children:
        yield f"Which {thing} has the {most} {_things(child, joins)}?"
    for column in own:
        yield f"Which {thing} has the {highest} {column}?"


def _measures(table: Table, joins: JoinGraph) -> Iterator[str]:
    """Columns of a quantity, in words: no keys, no numbers that are names, no parts of a date."""
    keys = {name for key in table.foreign_keys for name in key.columns} | set(table.primary_key)
    for column in table.columns:
        said = joins.short.column_words(table, column.name)
        if column.name in keys or column.masked or not column.type.startswith(_NUMBERS):
            continue
        if said and said[-1] not in _NO_MEASURE and name_words(column.name)[-1] not in _NO_MEASURE:
            yield " ".join(said)


def _verdicts_first(columns: Iterator[str] | list[str]) -> list[str]:
    return sorted(columns, key=lambda column: not _is_verdict(column))


def _is_verdict(column: str) -> bool:
    return any(stem(word) in _VERDICT for word in column.split())


def _things(table: Table, joins: JoinGraph) -> str:
    said = " ".join(joins.short.table_words(table) or name_words(table.name))
    return said if said.endswith("s") else f"{said}s"
