"""What a question explains itself: *the backlog, meaning everything that is accepted and not delivered*.

A word before such a gloss need not be in the schema, since what follows says what is meant by it.
"""

import re
from collections.abc import Callable

from graph.context.words import words

_GLOSS = re.compile(
    r"""\bi\.?\s?e\.?(?=\W)
      | \b(?:which\s+is\s+to\s+say|in\s+other\s+words
          |(?:going|judging|measured|defined|counted|reckoned|calculated|expressed)\s+(?:by|as|in|over)
          |by\s+which\s+(?:i|we)\s+mean)\b
      | [,(]\s*(?:say|namely|meaning|that\s+is)[\s,]
    """,
    re.IGNORECASE | re.VERBOSE,
)


def states_what_is_meant(question: str) -> bool:
    """Whether the question says in other words what it asks for, or by what figure."""
    return _GLOSS.search(question) is not None


def explained_words(question: str, knows: Callable[[str], bool]) -> frozenset[str]:
    """The words before a gloss in which the schema has at least one word.

    Args:
        question: as asked, in English.
        knows: whether a word says something in this schema.
    """
    found = _GLOSS.search(question)
    if found is None or not any(map(knows, words(question[found.end() :]))):
        return frozenset()
    return frozenset(words(question[: found.start()])) - frozenset(words(question[found.end() :]))


_READS = re.compile(
    r"""^\W*(?:(?:please|kindly|now|can\s+you|could\s+you|would\s+you|i(?:'d|\s+would)\s+like\s+you\s+to)\W+)*
        (?P<verb>[a-z]+)\s+
        (?:(?:up|out|down|off|over|through|together|back)\s+)?
        (?:me|us|the|a|an|all|any|each|every|our|my|which|who|how|what|where|everyone|everything|those|these)\b""",
    re.IGNORECASE | re.VERBOSE,
)


def command_of(question: str) -> str:
    """The verb with which a question orders something to be shown: *rustle up the …*; else empty."""
    found = _READS.match(question)
    return "" if found is None else found["verb"].lower()
