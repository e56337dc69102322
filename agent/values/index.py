"""Values of columns in memory, found by their words or by a near spelling. No I/O, and no policy."""

import math
from array import array
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from agent.values.phrases import Phrase, fold, key_of, one_slip, phrases, same_digits, trigrams
from wire.values import FoundValue, Looked, Sibling

SIMILAR = 0.6
"""From which a value counts as another spelling; below, words that mean something else begin."""
SLIP = 0.5
"""The same for a single slip of the pen, which weighs heavily in a short word."""
LEAD = 0.1
"""By how much the nearest spelling must lead, for the others not to be told beside it."""
MAX_NEAR = 3
MAX_PLACES = 2
"""Columns that are told of one phrase: a value that stands everywhere says nothing about where to look."""
MAX_LOOSE = 16
"""Phrases of a question of which other spellings are looked for, the longest ones."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column."""

    table: str
    """``schema.table``."""
    column: str


class ColumnValues:
    """The values of one column, as they were when they were read. Never changed afterwards.

    Args:
        place: whose they are.
        values: without doubles.
        whole: whether these are all that were there, apart from overlong ones.
        small: whether one look into its table costs little.
    """

    def __init__(self, place: Place, values: Iterable[str], *, whole: bool, small: bool) -> None:
        self.place = place
        self.values = tuple(dict.fromkeys(values))
        self.whole = whole
        self.small = small
        self.exact = frozenset(self.values)
        self.size = sum(map(len, self.values))
        self._by_key: dict[str, list[int]] = {}
        self._by_trigram: dict[str, array[int]] = {}
        self._trigrams = array("H", bytes(2 * len(self.values)))
        """How many each value has."""
        for number, value in enumerate(self.values):
            key = key_of(value)
            if not key:
                continue
            numbers = self._by_key.setdefault(key, [])
            numbers.append(number)
            if len(numbers) == 1:
                found = trigrams(key)
                self._trigrams[number] = len(found)
                for trigram in found:
                    self._by_trigram.setdefault(trigram, array("I")).append(number)

    def named(self, key: str) -> list[str]:
        """Values whose words are these."""
        return [self.values[number] for number in self._by_key.get(key, ())]

    def alike(self, key: str) -> list[tuple[float, str]]:
        """Values that are spelt nearly so, the nearest first; without those whose words are the same."""
        mine = trigrams(key)
        common: Counter[int] = Counter()
        for trigram in mine:
            common.update(self._by_trigram.get(trigram, ()))
        found = []
        needed = math.ceil(SLIP * len(mine))
        for number in [number for number, count in common.items() if count >= needed]:
            shared = common[number]
            score = shared / (len(mine) + self._trigrams[number] - shared)
            if score < SLIP:
                continue
            value = self.values[number]
            other = key_of(value)
            near = score >= SIMILAR or one_slip(key, other)
            if near and other != key and other[0] == key[0] and same_digits(key, other):
                found.append((score, value))
        return sorted(found, key=lambda one: (-one[0], one[1]))


def find(columns: Collection[ColumnValues], text: str, most: int) -> list[FoundValue]:
    """Values that phrases of the text meet: equal words before near spellings, long phrases before short.

    A phrase inside one that was met already is part of that name and not looked for.
    """
    met: list[Phrase] = []
    found: list[FoundValue] = []
    wanted = phrases(text)
    for phrase in wanted:
        if not _inside(phrase, met):
            told = _told(
                phrase, [(one.place, value, 1.0) for one in columns for value in one.named(phrase.key)]
            )
            if told:
                met.append(phrase)
                found += told
    loose = [phrase for phrase in wanted if phrase.loose and not _inside(phrase, met)][:MAX_LOOSE]
    for phrase in loose:
        if len(found) >= most:
            break
        if not _inside(phrase, met):
            nearest = [(one.place, *alike[0]) for one in columns if (alike := one.alike(phrase.key))]
            nearest.sort(key=lambda near: -near[1])
            told = _told(phrase, [(place, value, score) for place, score, value in nearest])
            if told:
                met.append(phrase)
                found += told
    return found[:most]


def _told(phrase: Phrase, hits: list[tuple[Place, str, float]]) -> list[FoundValue]:
    places: dict[Place, FoundValue] = {}
    for place, value, score in hits:
        places.setdefault(
            place,
            FoundValue(
                table=place.table,
                column=place.column,
                value=value,
                phrase=phrase.key,
                similarity=round(score, 3),
            ),
        )
    return list(places.values())[:MAX_PLACES]


def _inside(phrase: Phrase, met: list[Phrase]) -> bool:
    return any(other.start < phrase.end and phrase.start < other.end for other in met)


@dataclass(slots=True)
class Index:
    """Columns by their place."""

    columns: dict[Place, ColumnValues] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Values altogether."""
        return sum(len(column.values) for column in self.columns.values())

    @property
    def size(self) -> int:
        """Characters of values altogether."""
        return sum(column.size for column in self.columns.values())

    def put(self, column: ColumnValues) -> None:
        """Take a column's values, in place of those that it had."""
        self.columns[column.place] = column

    def keep(self, places: Collection[Place]) -> None:
        """Forget every column but these."""
        self.columns = {place: column for place, column in self.columns.items() if place in places}


def look(columns: Collection[ColumnValues], place: Place, text: str) -> Looked | None:
    """What is known of a literal that is compared with this column; None when the column is not here.

    ``held`` is True or None: that the column lacks it is for the database to say, and until then ``near`` and
    ``others`` are only what would be suggested.
    """
    own = next((one for one in columns if one.place == place), None)
    if own is None:
        return None
    asked = Looked(table=place.table, column=place.column, text=text)
    if text in own.exact:
        return asked.model_copy(update={"held": True})
    key, folded = key_of(text), fold(text)
    if not key:
        return asked
    same = own.named(key)
    cased = [value for value in same if fold(value) == folded]
    alike = [] if same else own.alike(key)
    # The same words with other punctuation are the nearest spelling that there is.
    near = [value for value in same if value not in cased]
    near += [value for score, value in alike if score > alike[0][0] - LEAD]
    others = [
        Sibling(column=other.place.column, value=other_value)
        for other in columns
        if other.place.table == place.table and other.place != place
        for other_value in other.named(key)
    ]
    return asked.model_copy(
        update={
            "cased": cased[:MAX_NEAR],
            "near": near[:MAX_NEAR],
            "others": others[:MAX_NEAR],
        }
    )
