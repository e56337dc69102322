"""What the notes beside a question say of which rows count: their clauses, told apart by how they are put.

"Cancelled orders do not count" leaves rows out, "only posted payments count" keeps a kind, "refunded ones
count as well" keeps all, and "a lapsed member is one whose ended_on is filled" says what a word means. What
the words stand for in a schema is for ``graph/autofix/noted_condition.py`` to find.
"""

import re
from dataclasses import dataclass
from typing import Literal

from graph.context.words import STOP_WORDS, fold, stem, words

Way = Literal["out", "only", "all", "term"]


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that is said."""

    way: Way
    said: str
    """Of which things, or what holds of them; folded."""
    term: frozenset[str] = frozenset()
    """Stems of the word that is explained; with ``only``, of what the clause is about. Empty: of anything."""


_SENTENCE = re.compile(r"(?<=[.!?])\s+|[;\n]+")
_THINGS = r"(?P<said>[^,.;:]+?)"
_REST = r"(?P<said>[^,.;:]+)"
_NOT = r"(?:do|does|did|are|is|was|were|must|should|shall|can)(?:\s*not|n['’]t)\s+(?:be\s+|been\s+)?"
_COUNTS = (
    r"(?:count\w*|considered|included|part\s+of|taken|relevant|wanted|needed|meant|of\s+interest|sales?|"
    r"come\s+into|revenue|income|turnover|takings|earnings)\b"
)
_NONE = r"counts?\s+(?:as|for)\s+(?:no|none|nothing)\b|(?:was|were|is|are)\s+\w+\s+by\s+nobody\b"
_LEFT = (
    r"(?:left\s+out|excluded|ignored|omitted|disregarded|skipped|dropped|"
    r"not\s+(?:counted|included|considered))\b"
)
_OUT = (
    re.compile(rf"(?:^|,\s*(?:and\s+)?){_THINGS}\s+(?:{_NOT}{_COUNTS}|never\s+count\w*|{_NONE})"),
    re.compile(
        rf"(?:^|,\s*(?:and\s+)?){_THINGS}\s+(?:are|is|must\s+be|should\s+be|to\s+be|being)\s+(?:to\s+be\s+)?{_LEFT}"
    ),
    re.compile(
        rf"\b(?:leav(?:e|es|ing)\s+out|exclud(?:e|es|ing)|ignor(?:e|es|ing)|disregard(?:ing)?|skip|omit)\s+{_REST}"
    ),
    re.compile(
        rf"\b(?:do\s+not|don['’]t|not)\s+(?:count|counting|include|including|consider|considering)\s+{_REST}"
    ),
    re.compile(rf"(?:^|,\s*)(?:but\s+)?(?:without|except(?:\s+for)?|other\s+than)\s+{_REST}"),
)
_ONLY = (
    re.compile(rf"\bonly\s+{_THINGS}\s+(?:are\s+|is\s+)?(?:to\s+be\s+)?(?:matters?\b|meant\b|{_COUNTS})"),
    re.compile(rf"\b(?:count|consider|use|include|take|counts|counting|includes)\s+only\s+{_REST}"),
    re.compile(rf"\bonly\s+(?:count|consider|use|include|take)\s+{_REST}"),
    re.compile(
        r"^(?P<term>[^,.;:]+?)\s+(?:is|are|means?)\s+(?:that\s+|those\s+)?(?:of\s+)?(?P<said>[^,.;:]+?)\s+only\W*$"
    ),
)
_ALL = (
    re.compile(
        rf"{_THINGS}\s+(?:counts?|(?:are|is)\s+(?:counted|included)|have|has)\s+(?:\w+\s+){{0,3}}?(?:also|too|as\s+well)\b"
    ),
    re.compile(rf"{_THINGS}\s+(?:also|too)\s+(?:counts?|have|has|are)\b"),
    re.compile(rf"{_THINGS}\s+(?:have|has)\s+also\b"),
    re.compile(
        rf"\b(?:whatever|regardless\s+of|irrespective\s+of|no\s+matter)\s+(?:what\s+)?(?:its|their|the)?\s*{_REST}"
    ),
)
_TERM = (
    re.compile(
        r"^(?:an?\s+|the\s+)?(?P<term>[a-z][\w\s'’-]{2,50}?)\s+(?:is|are|means?|counts?\s+as)\s+"
        r"(?:an?\s+|the\s+|any\s+|all\s+|every\s+)?"
        r"(?P<said>(?:one|ones|those|that|[\w-]+)\s+(?:[\w-]+\s+)?(?:whose|that|which|who|with|without|of|where|in)\b.+)$"
    ),
    re.compile(r"^(?:an?\s+|the\s+)?(?P<term>[a-z][\w\s'’-]{2,50}?)\s+means?\s+(?:that\s+)?(?P<said>.+)$"),
    re.compile(r"^by\s+(?:an?\s+|the\s+)?(?P<term>[^,.;:]{3,50}?)\s+(?:we|i)\s+mean\s+(?P<said>.+)$"),
    re.compile(r"^(?:an?\s+|the\s+)?(?P<term>[^,.;:]{3,50}):\s+(?P<said>.+)$"),
    re.compile(
        r"^(?:an?\s+|the\s+)?(?P<term>[\w-]+\s+(?:is|are|counts?\s+as)\s+(?:an?\s+)?[\w-]+)\s+"
        r"(?:when|if|once|as\s+soon\s+as|where)\s+(?P<said>.+)$"
    ),
)
_FORMULA = re.compile(
    r"\b(?:divided|times|minus|plus|multiplied|less\s+the|sum|total|average|mean|number|count|ratio|share|per|most|"
    r"latest|earliest|first|last|highest|lowest)\b"
)
"""What is worked out is no condition on single rows."""
_MAY = re.compile(r"\b(?:may|might|could|can)\b|\?")
"""What is left to whoever answers."""


def clauses(notes: str) -> list[Clause]:
    """The clauses of notes, in order; what says nothing of which rows count is passed over."""
    found: list[Clause] = []
    for sentence in filter(None, map(str.strip, _SENTENCE.split(fold(notes)))):
        if not _MAY.search(sentence):
            found += _of(sentence.rstrip(".!"))
    return found


def _of(sentence: str) -> list[Clause]:
    ways: tuple[tuple[Way, tuple[re.Pattern[str], ...]], ...] = (
        ("all", _ALL),
        ("only", _ONLY),
        ("out", _OUT),
        ("term", _TERM),
    )
    for way, patterns in ways:
        for pattern in patterns:
            if (match := pattern.search(sentence)) is None:
                continue
            term = match.groupdict().get("term") or ""
            stems = frozenset(stem(word) for word in words(term) if word not in STOP_WORDS)
            if way == "term" and (not stems or _FORMULA.search(match["said"])):
                continue
            return [Clause(way, match["said"].strip(), stems)]
    return []
