"""asked_write: the draft changes data, and the question does not plainly ask to read."""

import re

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.checks.asked_deed import reads
from graph.context.words import stem, words
from graph.parsing import parsed

_CHANGES = frozenset(
    {"delete", "drop", "insert", "update", "truncate", "alter", "grant", "revoke", "merge", "reassign"}
)
"""Statements that a draft has only where something is to be changed."""
_VERBS = {
    "create", "copy", "replace", "add", "set", "vacuum", "rename", "remove", "change", "erase", "wipe",
    *_CHANGES,
}  # fmt: skip
_STATEMENT = re.compile(r"^\s*(\w+)")


def asked_write(sql: str, question: str) -> bool:
    """Whether the draft is no query, and the question wants something changed or at least asks for nothing.

    A draft that only happens to be no query is left to repair, as is one for "how many …"; one that does
    what was asked is not: asked again, a small model reads something instead, and that would be the answer.
    """
    verb = _STATEMENT.match(sql)
    if verb is None or stem(verb[1].lower()) not in _STEMS:
        return False
    try:
        trees = parsed(sql)
    except (SqlglotError, RecursionError):
        trees = ()
    if any(isinstance(tree, exp.Query) for tree in trees) or reads(question):
        return False
    return verb[1].lower() in _CHANGES or any(stem(word) in _STEMS for word in words(question))


_STEMS = frozenset(map(stem, _VERBS))
