"""How much of a question the database can be about: its words, looked for in names, comments and values.

A small model answers anything. What it is asked about and the schema has no word for is therefore found here,
and the words that were not found are the message: "I find nothing about 'office hours' here."
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from graph.context.everyday_words import EVERYDAY_WORDS, KINDRED
from graph.context.gloss import command_of, explained_words
from graph.context.idioms import idle_words
from graph.context.short_names import is_skeleton, short_names, stands_for
from graph.context.synonyms import SYNONYMS
from graph.context.things import named_things
from graph.context.words import (
    GENERAL_WORDS,
    QUERY_WORDS,
    RELATION_WORDS,
    STOP_WORDS,
    fold,
    listed,
    name_words,
    quoted,
    stem,
    words,
)
from wire.snapshot import SchemaSnapshot

REFUSE_BELOW = 0.34
"""Share of the words found under which the question is taken to be about something else (accuracy.md 3)."""
ADVICE_REFUSE_BELOW = 0.75
"""The same for a question that asks for advice or an opinion: data seldom gives either."""
CAUTION_BELOW = 0.5
"""Share up to which a question must at least name a table; if it does, the answer comes with a caution."""

SHORTEST_NAME = 3
"""Letters of a name that may be the beginning of a word of the question."""
SHORTEST_FORM = 5
"""Letters of a word in a value or a comment that may be."""
MIN_INSIDE = 4
"""Letters that a stem needs to be looked for inside of longer names: ``keyphrase`` in ``paperkeyphrase``."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was found of the question's words."""

    found: tuple[str, ...]
    missing: tuple[str, ...]
    """Words as they were asked, in order."""
    advice: bool = False
    """The question asks for an opinion, an explanation or a recommendation."""
    named: int = 0
    """How many of those found are the name of a table or a part of one."""
    terse: bool = False
    """The schema's names are mostly short forms: a word may well be there without being recognised."""
    chance: tuple[str, ...] = ()
    """Of those found, what only resembles a word of a value or a comment."""
    things: tuple[str, ...] = ()
    """Of those missing, what stands where the name of a thing does."""

    @property
    def share(self) -> float:
        """Between 0 and 1; 1 when the question has no word that could be missing."""
        total = len(self.found) + len(self.missing)
        return len(self.found) / total if total else 1.0

    @property
    def refuses(self) -> bool:
        """Whether the question is about something else, or asks for advice rather than for data."""
        if self.terse and self.found and not self.advice:
            return False
        # One word may be somebody's own for what there is, and beside short names two: the draft will tell.
        plain = len(self.missing) > 2 if self.terse else len(self.missing) > 1 or bool(self.things)
        if not (plain or self.advice):
            return False
        return self.share < (ADVICE_REFUSE_BELOW if self.advice else REFUSE_BELOW)

    @property
    def needs_a_sound_draft(self) -> bool:
        """Whether so little is known of the question that a draft must at least run to be believed."""
        return self.share <= CAUTION_BELOW and not self.named

    @property
    def is_doubtful(self) -> bool:
        """Whether an answer deserves a caution."""
        return self.share <= CAUTION_BELOW


class Vocabulary:
    """Every word by which a snapshot can be spoken of. Made once for a snapshot; asked for each question.

    Args:
        snapshot: its names, comments, enum labels and samples count.
        glossary: further lines, as a connection's glossary has them.
    """

    def __init__(self, snapshot: SchemaSnapshot, glossary: tuple[str, ...] = ()) -> None:
        self._tables: set[str] = set()
        self._stems: set[str] = set()
        self._bare: set[str] = set()
        self._named: set[str] = set()
        self._short: set[str] = set()
        short = short_names(snapshot)
        self.terse = short.are_terse
        """Whether names are mostly short forms."""
        for table in snapshot.tables:
            self._tables.update(map(stem, [*name_words(table.name), *short.table_words(table)]))
            self._short.update(filter(is_skeleton, short.table_words(table)))
            self._name(table.name)
            self._name(table.schema_name)
            self._text(table.comment)
            for column in table.columns:
                self._name(column.name)
                if short.is_shortened(table, column.name):
                    self._stems.update(map(stem, short.column_words(table, column.name)))
                    self._named.update(map(stem, short.column_words(table, column.name)))
                    self._short.update(short.column_pieces(table, column.name))
                self._text(column.comment)
                for value in (*column.enum_values, *column.samples, *column.values):
                    self._text(value)
                    if _COMPOUND.fullmatch(value):
                        self._bare.add(_bare(value))
        for line in glossary:
            self._text(line)
        self._text(snapshot.database)
        self._stems |= self._tables
        self._named |= self._tables

    def knows(self, word: str) -> bool:
        """Whether a word of a question is one of the schema's, in any form or by a common synonym, or inside
        of a longer name."""
        root = stem(word)
        if root in self._stems or any(
            not self._stems.isdisjoint(alike.get(root, ())) for alike in (SYNONYMS, KINDRED)
        ):
            return True
        if len(root) < MIN_INSIDE:
            return any(name.startswith(root) for name in self._tables)
        if any(root in name for name in self._bare):
            return True
        if any(stands_for(piece, word) for piece in self._short):
            return True
        # Abbreviated names: ``desc``, ``addr``, ``dept`` begin the word that is asked.
        return self._begins(root, SHORTEST_NAME)

    def knows_by_chance(self, word: str) -> bool:
        """Whether a known word is known only by a short one in a value or a comment that begins it, as the
        *lockers* of a courier are by its note *gate locked*."""
        root = stem(word)
        if (
            root in self._stems
            or not self._stems.isdisjoint(SYNONYMS.get(root, ()))
            or len(root) < MIN_INSIDE
        ):
            return False
        inside = any(root in name for name in self._bare) or any(
            stands_for(piece, word) for piece in self._short
        )
        return not inside and not self._begins(root, SHORTEST_FORM)

    def _begins(self, root: str, shortest: int) -> bool:
        return any(
            root.startswith(name) and len(root) - len(name) <= 9
            for name in self._stems
            if len(name) >= (SHORTEST_NAME if name in self._named else shortest)
        )

    def says(self, word: str) -> bool:
        """Whether the schema itself has the word, in any form: no synonym, no part of a longer name."""
        return stem(word) in self._stems

    def names_table(self, word: str) -> bool:
        """Whether the word is a table's name or a part of one."""
        return stem(word) in self._tables

    def _name(self, name: str) -> None:
        self._named.update(map(stem, name_words(name)))
        self._stems.update(map(stem, name_words(name)))
        self._bare.add(_bare(name))

    def _text(self, text: str) -> None:
        self._stems.update(stem(word) for word in words(text) if word not in STOP_WORDS)


def _bare(name: str) -> str:
    return _DIVIDED.sub("", fold(name))


_DIVIDED = re.compile(r"[_-]")
_COMPOUND = re.compile(r"[A-Za-z]+(?:[_-][A-Za-z]+)+")
"""A state of several words: a ``no_show``, which is asked for in one."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A snapshot as a cache's key: what names it, not the whole of it, is compared."""

    name: tuple[str, str]
    snapshot: SchemaSnapshot = field(compare=False)


@lru_cache(maxsize=32)
def _vocabulary(key: _Snapshot, glossary: tuple[str, ...]) -> Vocabulary:
    return Vocabulary(key.snapshot, glossary)


def vocabulary_of(snapshot: SchemaSnapshot, glossary: Iterable[str] = ()) -> Vocabulary:
    """The snapshot's vocabulary, made once for each snapshot and glossary."""
    key = _Snapshot((snapshot.fingerprint, snapshot.taken_at.isoformat()), snapshot)
    return _vocabulary(key, tuple(glossary))


def is_english(question: str) -> bool:
    """Whether the question has one of English's commonest function words; only then its words are judged."""
    return not _ENGLISH.isdisjoint(words(question))


_ENGLISH = frozenset(
    listed(
        """
        the of how what which who whose whom why when where many much are there with each does did were been
        have has you your our their they this that these those can could would should please from
        """
    )
)


def coverage(question: str, vocabulary: Vocabulary) -> Coverage:
    """Look for the question's content words.

    Numbers, words of counting, ordering and time, and what stands in quotes do not count: any database can
    answer to the first, and a value that is not there is an empty result, not a wrong question. Capitalised
    words inside a sentence are taken for such values too.
    """
    proper = _proper_names(question)
    values = {word for part in quoted(question) for word in words(part)} | proper
    idle = idle_words(question) | {command_of(question)}
    idle |= explained_words(question, lambda word: vocabulary.knows(word) and not is_silent(word))
    found: list[str] = []
    missing: list[str] = []
    joined = _HYPHEN.sub(lambda found: _joined(found[0], vocabulary), _EMAIL.sub("email", question))
    for word in dict.fromkeys(words(joined)):
        if len(word) < 2 or word[0].isdigit() or word in STOP_WORDS:
            continue
        # A name may resemble a short form: *Pride* has the letters of price. That makes it none.
        known = vocabulary.says(word) if word in proper and vocabulary.terse else vocabulary.knows(word)
        if not known and (word in values or word in idle or is_silent(word)):
            continue
        if known and _is_counting(word) and not vocabulary.names_table(word):
            continue  # that ``number`` is a column says nothing about the question
        (found if known else missing).append(word)
    named = sum(map(vocabulary.names_table, found))
    advice = bool(_ADVICE.search(question))
    named_here = named_things(question, found)
    things = tuple(word for word in missing if word in named_here and not is_silent(word))
    chance = tuple(filter(vocabulary.knows_by_chance, found))
    return Coverage(tuple(found), tuple(missing), advice, named, vocabulary.terse, chance, things)


_SILENT = QUERY_WORDS | RELATION_WORDS | GENERAL_WORDS
_SILENT_STEMS = frozenset(map(stem, _SILENT))


_NOUNS = listed("rating ratings meeting meetings building buildings recording recordings")
"""Things that are called by a form of a silent word: a *rating* is no rate."""


def is_silent(word: str) -> bool:
    """Whether the word's absence from the schema says nothing."""
    if word in _NOUNS:
        return False
    return stem(word) in EVERYDAY_WORDS or _is_counting(word)


def _is_counting(word: str) -> bool:
    """Whether the word says nothing even where the schema has it."""
    if word in _NOUNS:
        return False
    if word in _SILENT or stem(word) in _SILENT_STEMS:
        return True
    # Adverbs, participles and superlatives say how, not what.
    return len(word) > 5 and word.endswith(("ly", "ed", "est"))


_ADVICE = re.compile(
    r"""^\W*(?:
        how\s+(?:can|could|should|might)\s+(?!i\s+(?:see|find|get|list)\b)
      | how\s+(?:do|does|did)\s+(?:you|one|people|scientists|experts|companies|businesses)\b
      | how\s+(?:to|would)\b
      | why\b
      | (?:can|could|would|should|may|must|shall)\s+
        (?!(?:you|we|i|somebody|someone)\s+(?:please\s+|also\s+)?
          (?:list|show|give|tell|find|get|have|see|know|count|return|pull|send|check|look|name|identify)\b)
      | what\s+(?:is|are)\s+(?:the\s+|some\s+)?(?:\w+\s+){0,2}
        (?:purpose|meaning|process|steps?|tips?|benefits?|key\s+\w+|ways?|causes?|effects?|advantages?|best\s+practices)\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""How questions begin that want advice, an opinion or an explanation. It only shifts the threshold."""

_EMAIL = re.compile(r"\be-?mail\s+address(?:es)?\b", re.IGNORECASE)
"""Two words for one thing, of which a schema has but one."""
_HYPHEN = re.compile(r"\w+(?:[-–]\w+)+")


def _joined(compound: str, vocabulary: Vocabulary) -> str:
    """A hyphenated word as one when the schema writes it so: ``check-ins`` for a table ``checkin``."""
    whole = "".join(words(compound))
    return whole if vocabulary.knows(whole) else compound


def _proper_names(question: str) -> set[str]:
    """Words with a capital that do not begin a sentence: names of people, places and things."""
    names: set[str] = set()
    begins = True
    for token in question.split():
        bare = token.strip("\"'“”‘’().,;:!?`")
        if bare[:1].isupper() and not begins:
            names.update(words(bare))
        begins = token.endswith((".", "!", "?", ":"))
    return names
