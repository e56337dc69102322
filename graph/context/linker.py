"""Which tables a question is about: a lexical linker, and the tables on the way between those it finds.

No model, no index: words of the question are compared with words of names, comments and known values. For a
small model the schema is cut to what this finds; for a large schema it is what makes it fit at all.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from graph.context.joins import JoinGraph, joins_of
from graph.context.prepared import once
from graph.context.short_names import SHORT_FORMS, ShortNames, is_skeleton, short_names, stands_for
from graph.context.synonyms import SYNONYMS
from graph.context.words import QUERY_WORDS, STOP_WORDS, name_words, stem, stems, words
from wire.snapshot import SchemaSnapshot, Table

TABLE_NAME, COLUMN_NAME, COMMENT, VALUE = 4.0, 2.0, 0.7, 2.5
"""What a word of the question found there is worth, before its rarity."""

VALUE_WORDS = 4
"""Words of a value up to which it is looked for as a whole."""

INITIALS = 2.4
"""What the first letters of neighbouring words are worth where a table's name has them: *personal training*
of ``pt_session``."""

MIN_SHARE = 0.3
"""Share of the best table's score that another must reach to be kept."""


NOTES, LIKE = 0.5, 0.4
"""What a word is worth that only the notes have, and one that only a synonym stands for."""

MOST_REFERRED = 3
"""Tables in all up to which those that they refer to are shown as well."""

CUT_LETTERS = 4
"""Letters from which on the beginning of a word is taken for the word: fewer begin too many."""

MOST_ALONE = 2
"""Tables that are added because they alone know a word."""

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


def link(
    question: str, snapshot: SchemaSnapshot, *, notes: str = "", most: int = 8, keep: Iterable[str] = ()
) -> Linked:
    """The tables that the question seems to need.

    Args:
        question: As asked; earlier turns may be put in front of it.
        notes: What is said beside it. Where a term is defined there, its columns are named there, too.
        snapshot: The tables to choose from.
        most: Tables to keep before those that connect them are added.
        keep: Qualified names that stay whatever their score, as of the last turn's SQL.

    Returns:
        Every table when nothing in the question speaks for any.
    """
    scores = score_tables(question, snapshot, notes)
    if not scores:
        return Linked(list(snapshot.listed), {})
    ranked = sorted(scores, key=lambda name: -scores[name])
    floor = scores[ranked[0]] * MIN_SHARE
    named = _named(question, snapshot)
    chosen = [name for name in ranked[:most] if scores[name] >= floor or name in named]
    chosen += _told_only_by(question, snapshot, chosen)
    joins = joins_of(snapshot)
    kept = set(_connected(chosen, joins, snapshot)) | set(keep)
    kept |= _between(kept, joins)
    kept |= _referred(kept, joins, snapshot, scores)
    kept |= _spoken_of(question, kept, joins, snapshot)
    return Linked([table for table in snapshot.tables if table.qualified_name in kept], scores)


def score_tables(question: str, snapshot: SchemaSnapshot, notes: str = "") -> dict[str, float]:
    """How strongly the question, and less so the notes, speak for each table; those they do not speak for are
    left out."""
    asked = dict.fromkeys(_asked(notes), NOTES) | dict.fromkeys(_asked(question), 1.0)
    index = _index(snapshot)
    scores: dict[str, float] = {}

    def add(found: dict[str, float], weight: float, spread: int) -> None:
        # What many tables have tells them apart less.
        rarity = 1 + math.log(len(snapshot.listed) / max(1, spread))
        for name, value in found.items():
            scores[name] = scores.get(name, 0.0) + weight * value * rarity

    for word, weight in asked.items():
        spread = index.holders.get(word, {})
        inside = index.inside(word)
        found = (inside | spread) or index.shortened(word) or index.like(word)
        if spread and not inside and not index.says(word):
            # Another word for it counts where no name has the word itself, though a value or a remark may.
            found = index.like(word) | found
        add(found, weight, len(spread))
    for held in index.initialled(question).values():
        add(dict.fromkeys(held, INITIALS), 1.0, len(held))
    # In the snapshot's order, which decides between equals.
    return {name: scores[name] for table in snapshot.listed if (name := table.qualified_name) in scores}


def _asked(text: str) -> list[str]:
    """The stems of a text's words, in order; of ``unsold`` that of ``sold``, too."""
    content = [word for word in words(text) if word not in STOP_WORDS and len(word) > 1]
    content += [word[2:] for word in content if word.startswith("un") and len(word) > 5]
    content += [_PRESENT[word] for word in content if word in _PRESENT]
    content += ["".join(words(compound)) for compound in _HYPHEN.findall(text)]
    return [stem(word) for word in content]


_HYPHEN = re.compile(r"[^\W\d_]+-[^\W\d_]+")
"""Two words that a name may write as one: *check-ins* of ``checkin``."""
_QUERY_STEMS = frozenset(map(stem, QUERY_WORDS))
_PRESENT = {"bought": "buy", "paid": "pay", "sent": "send", "sold": "sale", "spent": "spend"}
"""Forms of the verbs of business that no ending tells."""


def _referred(
    kept: set[str], joins: JoinGraph, snapshot: SchemaSnapshot, scores: dict[str, float]
) -> set[str]:
    """Tables that the kept ones refer to: what their keys stand for is told there.

    No more than a few in all, those first that the question speaks for.
    """
    best = max(scores, key=lambda name: scores[name])
    found: dict[str, float] = {}
    for table in snapshot.listed:
        if table.qualified_name in kept:
            for name in joins.referred(table.qualified_name):
                if name not in kept:
                    found[name] = scores.get(name, 0.0)
    own = set(joins.referred(best)[:MOST_REFERRED])
    left = MOST_REFERRED - len(kept | own)
    return own | set(sorted(found, key=lambda name: -found[name])[: max(0, left)])


MOST_BETWEEN = 2
"""Tables that are added because rows belong to others over them."""


def _between(kept: set[str], joins: JoinGraph) -> set[str]:
    """What stands between two kept tables where rows of the one belong to the other over it.

    A showing is of a screen and a screen of a cinema, so with showings and cinemas the screens are needed,
    although members have a cinema as well and make a way between the two that means something else.
    """
    found: list[str] = []
    for name in sorted(kept):
        direct = joins.referred(name)
        for between in direct:
            if between in kept or between in found:
                continue
            if any(goal in kept and goal not in direct and goal != name for goal in joins.referred(between)):
                found.append(between)
    return set(found[:MOST_BETWEEN])


def _told_only_by(question: str, snapshot: SchemaSnapshot, chosen: list[str]) -> list[str]:
    """Tables outside of the chosen that alone know a word of the question, by a name or a value."""
    index = _index(snapshot)
    found: list[str] = []
    for held in index.whole_values(question).values():
        if len(held) == 1 and not held & {*chosen, *found}:
            found += held
    for word in _asked(question):
        if word in _QUERY_STEMS:
            continue
        holders = {name for name, worth in index.holders.get(word, {}).items() if worth >= COLUMN_NAME}
        if len(holders) == 1 and not holders & {*chosen, *found, *index.inside(word)}:
            found += holders
    return found[:MOST_ALONE]


def _spoken_of(question: str, kept: set[str], joins: JoinGraph, snapshot: SchemaSnapshot) -> set[str]:
    """Tables that a kept one refers to by a name of the question: a pilot's, of ``pilot_id``."""
    asked = set(stems(question))
    found: set[str] = set()
    for table in snapshot.listed:
        if table.qualified_name not in kept:
            continue
        for join in joins.of(table.qualified_name):
            role = {stem(word) for word in name_words(join.left_columns[0])[:-1]}
            if join.right not in kept and role and role <= asked and join.right in joins.referred(join.left):
                found.add(join.right)
    return found


def _named(question: str, snapshot: SchemaSnapshot) -> set[str]:
    """Tables whose whole name stands in the question: ``airlines`` for ``airline``."""
    asked = set(stems(question))
    named = {table for table, name in _index(snapshot).named if name <= asked}
    return named.union(*_index(snapshot).initialled(question).values())


class _Index:
    """Which words speak for which tables."""

    def __init__(self, snapshot: SchemaSnapshot) -> None:
        self.holders: dict[str, dict[str, float]] = {}
        """For each stem the tables that it speaks for, by qualified name, with what it is worth there."""
        self.named: list[tuple[str, set[str]]] = []
        """Each table with the stems of its name, where it has any."""
        self._skeletons: dict[str, dict[str, float]] = {}
        """Names without their vowels, as they stand there: ``trk`` of a table for trucks."""
        self._whole: dict[tuple[str, ...], set[str]] = {}
        """Values, by the stems of their words, with the tables that have them."""
        self._initials: dict[str, set[str]] = {}
        """Pieces of two or three letters of tables' names."""
        short = short_names(snapshot)
        for table in snapshot.listed:
            for value in _values(table):
                if 0 < len(key := tuple(stems(value))) <= VALUE_WORDS:
                    self._whole.setdefault(key, set()).add(table.qualified_name)
            for piece in name_words(table.name):
                if len(piece) in (2, 3):
                    self._initials.setdefault(piece, set()).add(table.qualified_name)
            for piece, worth in _skeletons(table, short):
                held = self._skeletons.setdefault(piece, {})
                held[table.qualified_name] = max(held.get(table.qualified_name, 0.0), worth)
            for word, worth in _profile(table, short).items():
                self.holders.setdefault(word, {})[table.qualified_name] = worth
            if name := {stem(word) for word in name_words(table.name)}:
                self.named.append((table.qualified_name, name))
        self._named = [
            (word, named)
            for word, tables in self.holders.items()
            if (named := {name for name, worth in tables.items() if worth >= COLUMN_NAME})
        ]
        self._said = {
            stem(word)
            for table in snapshot.listed
            for word in (
                *name_words(table.name),
                *short.table_words(table),
                *(part for column in table.columns for part in short.column_words(table, column.name)),
                *(part for column in table.columns for part in name_words(column.name)),
            )
        }

    def says(self, word: str) -> bool:
        """Whether a name of a table or a column has the word, by its stem."""
        return word in self._said

    def whole_values(self, question: str) -> dict[tuple[str, ...], set[str]]:
        """The values that stand in the question as they are, by their stems, with the tables that have them.

        Of two that overlap the longer one.
        """
        asked = stems(question)
        found: dict[tuple[str, ...], set[str]] = {}
        taken: set[int] = set()
        for length in range(VALUE_WORDS, 0, -1):
            for start in range(len(asked) - length + 1):
                place = range(start, start + length)
                held = self._whole.get(tuple(asked[start : start + length]))
                if held and taken.isdisjoint(place):
                    taken.update(place)
                    found[tuple(asked[start : start + length])] = held
        return found

    def initialled(self, question: str) -> dict[str, set[str]]:
        """The tables whose names have the first letters of two or three neighbouring words, by these."""
        asked = words(question)
        found: dict[str, set[str]] = {}
        for length in (2, 3):
            for start in range(len(asked) - length + 1):
                run = asked[start : start + length]
                letters = "".join(word[0] for word in run)
                if letters in self._initials and not any(word in STOP_WORDS or len(word) < 3 for word in run):
                    found[letters] = self._initials[letters]
        return found

    def like(self, word: str) -> dict[str, float]:
        """What a word is worth in tables that have a synonym of it; nothing for words of counting."""
        found: dict[str, float] = {}
        if word in _QUERY_STEMS:
            return found
        for other in SYNONYMS.get(word, ()):
            for table, worth in self.holders.get(other, {}).items():
                found[table] = max(found.get(table, 0.0), LIKE * worth)
        return found

    def shortened(self, word: str) -> dict[str, float]:
        """What a word is worth where names hold its consonants."""
        found: dict[str, float] = {}
        for piece, tables in self._skeletons.items():
            if stands_for(piece, word):
                for table, worth in tables.items():
                    found[table] = max(found.get(table, 0.0), 0.6 * worth)
        return found

    def inside(self, word: str) -> dict[str, float]:
        """What a word is worth where it stands inside a longer name, or where a name is its beginning.

        ``keyphrase`` in ``paperkeyphrase``; ``appo`` for appointments, as names are cut in many databases.
        """
        found: dict[str, float] = {}
        if len(word) < 4:
            return found
        for name, tables in self._named:
            if word in name or (len(name) >= CUT_LETTERS and word.startswith(name)):
                for table in tables:
                    found[table] = max(found.get(table, 0.0), 0.6 * self.holders[name][table])
        return found


_index = once(_Index)


def _skeletons(table: Table, short: ShortNames) -> Iterator[tuple[str, float]]:
    """Pieces of the table's names that are short for a word that nobody has listed."""
    for piece in short.table_words(table):
        if is_skeleton(piece):
            yield piece, TABLE_NAME
    for column in table.columns:
        for piece in short.column_pieces(table, column.name):
            if piece not in SHORT_FORMS and is_skeleton(piece):
                yield piece, COLUMN_NAME


def _values(table: Table) -> Iterator[str]:
    """What is known of the table's values, but for numbers, single letters and words of every question."""
    for column in table.columns:
        for value in (*column.enum_values, *column.samples, *column.values):
            own = words(value)
            if (
                len(value) > 2
                and not value[:1].isdigit()
                and not all(word in STOP_WORDS or stem(word) in _QUERY_STEMS for word in own)
            ):
                yield value


def _profile(table: Table, short: ShortNames) -> dict[str, float]:
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
        if short.is_shortened(table, column.name):
            add(short.column_words(table, column.name), COLUMN_NAME)
    add(name_words(table.name), TABLE_NAME)
    add(["".join(short.table_words(table))], TABLE_NAME)
    add(short.table_words(table), TABLE_NAME)
    return worth


def _connected(chosen: list[str], joins: JoinGraph, snapshot: SchemaSnapshot) -> list[str]:
    """The chosen tables, those on the shortest ways between them, and mere links between two of them."""
    kept = chosen[:1]
    for name in chosen[1:]:
        way = joins.path(kept, name)
        kept.extend(table for table in (way or [name]) if table not in kept)
    beside = {join.right for name in chosen for join in joins.of(name)}
    links = [
        table.qualified_name
        for table in snapshot.listed
        if table.qualified_name in beside and _links(table, set(chosen), joins)
    ]
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
