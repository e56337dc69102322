"""A name of the question that nothing here knows and that the query has left out without a trace.

Asked for "open positions on Mars", a small model counts open positions. A name that the query looks for and
does not find gives no rows, which is an answer; one that the query drops gives rows about something else.
"""

import re

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.context.coverage import Vocabulary, is_silent
from graph.context.words import STOP_WORDS, fold, listed, name_words, quoted, stem, words
from graph.parsing import parsed_one

_MOST_WORDS = 5
"""A longer quotation is a sentence, not a name."""
_SHORTEST = 4
"""Letters of a name in capitals alone; shorter ones are units, currencies and kinds of report."""
_TITLE_CASE = 0.6
"""Share of capitalised words from which a question is a headline, whose capitals say nothing."""


def dropped_names(sql: str, vocabulary: Vocabulary, question: str, notes: str = "") -> list[str]:
    """The names, as written and in order.

    Args:
        sql: the query, as it ran or as it was drafted.
        vocabulary: the snapshot's words.
        question: as asked.
        notes: what is said beside it; names that it explains are known.
    """
    named = [name for name in _names(question) if _is_unknown(name, vocabulary, notes)]
    if not named:
        return []
    try:
        tree = parsed_one(sql)
    except (SqlglotError, RecursionError):
        return []
    literals = [fold(node.name) for node in tree.find_all(exp.Literal) if node.is_string]
    asked = {stem(word) for word in words(question)}
    # A text that the question does not have may be the database's way of writing a name: CA, DE, Suisse.
    other = [text for text in literals if text and asked.isdisjoint(map(stem, words(text)))]
    named = [name for name in named if not any(_may_stand_for(text.strip("%"), name) for text in other)]
    said = {stem(part) for node in tree.find_all(exp.Identifier) for part in name_words(node.name)}
    said |= {stem(word) for text in literals for word in words(text)}
    return [name for name in named if not any(_is_said(word, said) for word in words(name))]


def _names(question: str) -> list[str]:
    """Runs of capitalised words inside a sentence, and what stands in quotes."""
    found = [part.strip("% ") for part in quoted(question) if len(part.split()) <= _MOST_WORDS]
    bare = question
    for part in quoted(question):
        bare = bare.replace(part, " ")
    tokens = bare.split()
    inside = [token for token in tokens if token.strip("\"'“”‘’().,;:!?`")]
    if sum(token[:1].isupper() for token in inside) > _TITLE_CASE * len(inside):
        return found
    run: list[str] = []
    begins = True
    for token in [*tokens, ""]:
        word = re.sub(r"['’]s$", "", token.strip("\"'“”‘’().,;:!?`"))
        if word[:1].isupper() and not begins and "_" not in word:
            run.append(word)
        elif run:
            found.append(" ".join(run))
            run = []
        if run and token.endswith((",", ";", ".", "?", "!")):
            found.append(" ".join(run))
            run = []
        begins = token.endswith((".", "!", "?", ":"))
    return list(dict.fromkeys(found))


def _is_unknown(name: str, vocabulary: Vocabulary, notes: str) -> bool:
    own = [
        word for word in words(name) if word not in STOP_WORDS and word not in _SQL and not is_silent(word)
    ]
    if not own or any(word[0].isdigit() for word in own):
        return False
    if name.isupper() and len(name) < _SHORTEST:
        return False
    explained = {stem(word) for word in words(notes)}
    return not any(vocabulary.knows(word) or stem(word) in explained or len(word) < 3 for word in own)


def _is_said(word: str, said: set[str]) -> bool:
    root = stem(word)
    return any(root == other or (len(other) > 2 and (other in root or root in other)) for other in said)


def _may_stand_for(text: str, name: str) -> bool:
    """Whether a text may be a code for the name, or the name in another language."""
    return (len(text) <= _CODE and text.isalpha()) or text[:1] == fold(name)[:1]


_CODE = 3
_SQL = listed(
    "select insert update delete drop truncate alter create grant table schema database where union into"
    " values sql"
)
"""Words that are capital because they are commands."""
