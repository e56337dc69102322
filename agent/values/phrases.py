"""What is looked for in a question, and how alike two texts are."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MAX_WORDS = 4
"""Of one phrase."""
MAX_TOKENS = 200
"""Words of a question that are looked at; whoever writes more pastes a document."""
MIN_SIMILAR = 5
"""Characters from which a phrase may be spelt otherwise than the value: too many shorter ones are."""

_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[^\W_]+(?:[&.'’/-][^\W_]+)*")
_QUOTED = re.compile(r"(?<!\w)'([^'\n]{1,80})'(?!\w)|\"([^\"\n]{1,80})\"|“([^”\n]{1,80})”|‘([^’\n]{1,80})’")
_STOP = frozenset(
    """
    a about all an and any are as at be been by can did do does each every for from get give had has have
    he her his how i in is it its list many me more most much my no not of on or our out over per show than
    that the their them there these they this those to under up us was we were what when where which who
    whom whose why will with without would you your
    """.split()  # noqa: SIM905 - a list of words, not of quotes
)
"""Words that say how a question is put. One alone is never looked for, quoted ones excepted."""


def fold(text: str) -> str:
    """Without case, accents and superfluous white space."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(char for char in plain if not unicodedata.combining(char)).split())


def key_of(text: str) -> str:
    """The words alone, folded: what a value is found by, so that punctuation does not matter."""
    return " ".join(_WORD.findall(fold(text)))


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of a question."""

    key: str
    start: int
    """Place of its first character in the question."""
    end: int
    marked: bool = False
    """Quoted or capitalised: meant as a name."""
    loose: bool = True
    """Whether it may be spelt otherwise than the value."""


def phrases(text: str) -> list[Phrase]:
    """Quoted texts, then runs of one to four words, the longest first; without those that say nothing."""
    found = [*_quoted(text), *_runs(text)]
    found.sort(key=lambda phrase: (-len(phrase.key.split()), not phrase.marked, phrase.start))
    kept: dict[tuple[str, int], Phrase] = {}
    for phrase in found:
        kept.setdefault((phrase.key, phrase.start), phrase)
    return list(kept.values())


def _quoted(text: str) -> Iterator[Phrase]:
    for match in _QUOTED.finditer(text):
        inner = next(group for group in match.groups() if group is not None)
        if key := key_of(inner):
            yield Phrase(key, match.start(), match.end(), True, len(key) >= MIN_SIMILAR)


def _runs(text: str) -> Iterator[Phrase]:
    tokens = list(_TOKEN.finditer(text))[:MAX_TOKENS]
    plain = [fold(token.group().removesuffix("'s").removesuffix("’s")) for token in tokens]
    # US is no stop word, us is one.
    idle = [
        word in _STOP and not (len(word) > 1 and token.group().isupper())
        for word, token in zip(plain, tokens, strict=True)
    ]
    for first in range(len(tokens)):
        for last in range(first, min(first + MAX_WORDS, len(tokens))):
            run = plain[first : last + 1]
            if all(idle[place] or plain[place].isdigit() for place in range(first, last + 1)):
                continue
            written = [token.group() for token in tokens[first : last + 1]]
            if len(run) == 1 and len(run[0]) < 3 and not written[0].isupper():
                continue
            key = key_of(" ".join(run))
            framed = not (idle[first] or idle[last])
            marked = all(word[:1].isupper() for word in written) and (first > 0 or len(run) > 1)
            yield Phrase(
                key, tokens[first].start(), tokens[last].end(), marked, framed and len(key) >= MIN_SIMILAR
            )


def trigrams(key: str) -> set[str]:
    """Every three characters in a row of each word, with two blanks before it and one after."""
    found: set[str] = set()
    for word in key.split():
        padded = f"  {word} "
        found.update([padded[place : place + 3] for place in range(len(padded) - 2)])
    return found


def same_digits(one: str, other: str) -> bool:
    """Whether the numbers in two texts are the same: those are never a misspelling of each other."""
    return re.findall(r"\d+", one) == re.findall(r"\d+", other)


def one_slip(one: str, other: str) -> bool:
    """Whether they differ in one character: added, left out, another one, or two in each other's place."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    mine, theirs = one[start:], other[start:]
    return (
        mine[1:] == theirs[1:]
        or mine[1:] == theirs
        or mine == theirs[1:]
        or (mine[:2] == theirs[1::-1] and len(mine) > 1 and mine[2:] == theirs[2:])
    )
