"""Which tables a question is about: a lexical linker, and the tables on the way between those it finds.

No model, no index: words of the question are compared with words of names, comments and known values. For a
small model the schema is cut to what this finds; for a large schema it is what makes it fit at all.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from graph.context.joins import JoinGraph
from graph.context.words import STOP_WORDS, name_words, stem, stems, words
from wire.snapshot import SchemaSnapshot, Table

TABLE_NAME, COLUMN_NAME, COMMENT, VALUE = 4.0, 2.0, 0.7, 2.5
"""What a word of the question found there is worth, before its rarity."""

MIN_SHARE = 0.3
"""Share of the best table's score that another must reach to be kept."""


BRIDGE_COLUMNS = 4
"""Columns that a table may have at most to be taken for a mere link between two others."""


@dataclass(frozen=True, slots=True)
class Linked:
    """The tables to show, in the snapshot's order, and why."""

    tables: list[Table]
    scores: dict[str, float]
    """By qualified name; tables that nothing speaks for are left out."""

    @property
    def names(self) -> list[str]:
        """Qualified names of the tables kept."""
        return [table.qualified_name for table in self.tables]


def link(question: str, snapshot: SchemaSnapshot, *, most: int = 8, keep: Iterable[str] = ()) -> Linked:
    """The tables that the question seems to need.

    Args:
        question: As asked; earlier turns may be put in front of it.
        snapshot: The tables to choose from.
        most: Tables to keep before those that connect them are added.
        keep: Qualified names that stay whatever their score, as of the last turn's SQL.

    Returns:
        Every table when nothing in the question speaks for any.
    """
    scores = score_tables(question, snapshot)
    if not scores:
        return Linked(list(snapshot.listed), {})
    ranked = sorted(scores, key=lambda name: -scores[name])
    floor = scores[ranked[0]] * MIN_SHARE
    named = _named(question, snapshot)
    chosen = [name for name in ranked[:most] if scores[name] >= floor or name in named]
    kept = set(_connected(chosen, JoinGraph(snapshot), snapshot)) | set(keep)
    return Linked([table for table in snapshot.tables if table.qualified_name in kept], scores)


def score_tables(question: str, snapshot: SchemaSnapshot) -> dict[str, float]:
    """How strongly the question speaks for each table; those it does not speak for are left out."""
    asked = {stem(word) for word in words(question) if word not in STOP_WORDS and len(word) > 1}
    profiles = {table.qualified_name: _profile(table) for table in snapshot.listed}
    spread = Counter(word for profile in profiles.values() for word in profile)
    scores: dict[str, float] = {}
    for name, profile in profiles.items():
        score = 0.0
        for word in asked:
            worth = profile.get(word) or _worth_inside(word, profile)
            if worth:
                # A word that many tables have tells them apart less.
                score += worth * (1 + math.log(len(profiles) / max(1, spread[word])))
        if score:
            scores[name] = score
    return scores


def _named(question: str, snapshot: SchemaSnapshot) -> set[str]:
    """Tables whose whole name stands in the question: ``airlines`` for ``airline``."""
    asked = set(stems(question))
    return {
        table.qualified_name
        for table in snapshot.listed
        if (name := {stem(word) for word in name_words(table.name)}) and name <= asked
    }


def _profile(table: Table) -> dict[str, float]:
    """The stems that speak for a table, with what each is worth."""
    worth: dict[str, float] = {}

    def add(text_words: Iterable[str], value: float) -> None:
        for word in text_words:
            key = stem(word)
            worth[key] = max(worth.get(key, 0.0), value)

    add((word for word in words(table.comment) if word not in STOP_WORDS), COMMENT)
    for column in table.columns:
        add((word for word in words(column.comment) if word not in STOP_WORDS), COMMENT)
        for value in (*column.enum_values, *column.samples):
            add((word for word in words(value) if word not in STOP_WORDS and len(word) > 2), VALUE)
    for column in table.columns:
        add(name_words(column.name), COLUMN_NAME)
    add(name_words(table.name), TABLE_NAME)
    return worth


def _worth_inside(word: str, profile: dict[str, float]) -> float:
    """What a word is worth that stands inside a longer name: ``keyphrase`` in ``paperkeyphrase``."""
    if len(word) < 4:
        return 0.0
    inside = [worth for name, worth in profile.items() if worth >= COLUMN_NAME and word in name]
    return 0.6 * max(inside, default=0.0)


def _connected(chosen: list[str], joins: JoinGraph, snapshot: SchemaSnapshot) -> list[str]:
    """The chosen tables, those on the shortest ways between them, and mere links between two of them."""
    kept = chosen[:1]
    for name in chosen[1:]:
        way = joins.path(kept, name)
        kept.extend(table for table in (way or [name]) if table not in kept)
    links = [table.qualified_name for table in snapshot.listed if _links(table, set(chosen), joins)]
    return [*kept, *(name for name in links if name not in kept)]


def _links(table: Table, chosen: set[str], joins: JoinGraph) -> bool:
    """Whether the table is a bridge: hardly more than keys, of different tables among the chosen."""
    if len(table.columns) > BRIDGE_COLUMNS or table.qualified_name in chosen:
        return False
    ends: dict[tuple[str, ...], set[str]] = {}
    for join in joins.of(table.qualified_name):
        if join.right in chosen:
            ends.setdefault(join.left_columns, set()).add(join.right)
    return len(ends) > 1 and len(set.union(*ends.values())) > 1
