"""asked_write: the question asks for data to be changed, and the draft would do it."""

import re

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.context.words import stem, words
from graph.parsing import parsed

_VERBS = {
    "delete", "drop", "insert", "update", "truncate", "alter", "create", "grant", "revoke", "remove", "add",
    "change", "set", "erase", "wipe", "rename", "vacuum", "copy", "merge", "replace",
}  # fmt: skip
_STATEMENT = re.compile(r"^\s*(\w+)")


def asked_write(sql: str, question: str) -> bool:
    """Whether the draft is no query, and the question has a verb of changing.

    A draft that only happens to be no query is left to repair; one that does what was asked is not: asked
    again, a small model reads something instead, and that would be told as the answer.
    """
    verb = _STATEMENT.match(sql)
    if verb is None or stem(verb[1].lower()) not in _STEMS:
        return False
    try:
        trees = parsed(sql)
    except (SqlglotError, RecursionError):
        trees = ()
    if any(isinstance(tree, exp.Query) for tree in trees):
        return False
    return any(stem(word) in _STEMS for word in words(question))


_STEMS = frozenset(map(stem, _VERBS))
