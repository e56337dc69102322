"""Tables that have to do with a question: their names, or their columns', share a word with it."""

from graph.context.synonyms import SYNONYMS
from graph.context.words import STOP_WORDS, listed, name_words, stem, words
from wire.snapshot import Column, SchemaSnapshot, Table


def holds_about(question: str, snapshot: SchemaSnapshot, kinds: frozenset[str]) -> bool:
    """Whether a table that the question has to do with keeps something of these kinds.

    Args:
        question: as asked, in English.
        snapshot: names and comments count, values do not.
        kinds: singular words, looked for plainly: by synonyms every ticket would be a reason.
    """
    asked = {stem(word) for word in words(question) if word not in STOP_WORDS}
    asked |= {alike for root in asked for alike in SYNONYMS.get(root, ())}
    if asked & _GONE:
        asked |= _GONE
    return any(
        not asked.isdisjoint(map(stem, _about(table, kinds)))
        for table in snapshot.tables
        if holds(table, kinds)
    )


def holds(table: Table, kinds: frozenset[str]) -> bool:
    """Whether names or comments of the table have one of these words, in the singular or the plural."""
    own = [*name_words(table.name), *_said(table.comment)]
    return _has(own, kinds) or any(_has(_told(column), kinds) for column in table.columns)


def _about(table: Table, kinds: frozenset[str]) -> list[str]:
    """What the table is about: every name, and what is said of it and of the columns of these kinds. What is
    said of another column speaks of what that refers to."""
    said = [*name_words(table.schema_name), *name_words(table.name), *_said(table.comment)]
    for column in table.columns:
        said.extend(_told(column) if _has(_told(column), kinds) else name_words(column.name))
    return said


def _told(column: Column) -> list[str]:
    return [*name_words(column.name), *_said(column.comment)]


def _said(comment: str) -> list[str]:
    return [word for word in words(comment) if word not in STOP_WORDS]


def _has(said: list[str], kinds: frozenset[str]) -> bool:
    return any(
        word in kinds or word.removesuffix("s") in kinds or any(word.endswith(kind) for kind in kinds & _LONG)
        for word in said
    )


_LONG = listed("reason feedback satisfaction survey rating")
"""Long enough to be found at the end of names written in one piece: ``cancelreason``."""
_GONE = frozenset(map(stem, listed("leave leaving left depart departed quit resign resigned resignation")))
"""Ways of saying that somebody is gone."""
