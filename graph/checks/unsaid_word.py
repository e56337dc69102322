"""Words of the question of which the query has no trace: the likeliest sign that a condition was forgotten.

Neither in a name nor in a comment of what it reads, nor by a synonym, nor in a literal. One such word is
common in right answers, three are not; so they only lower confidence (``graph/confidence.py``).
"""

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.context.coverage import is_silent
from graph.context.idioms import idle_words
from graph.context.short_names import short_names
from graph.context.synonyms import SYNONYMS
from graph.context.words import QUERY_WORDS, STOP_WORDS, name_words, stem, words
from graph.parsing import parsed_one
from wire.snapshot import SchemaSnapshot

_INSIDE = 4
"""Letters from which a word is found inside of another: *sign* in *signup*."""


def unsaid_words(sql: str, snapshot: SchemaSnapshot, question: str) -> list[str]:
    """Words of a question that are about something, in its order; none where the query cannot be read.

    Args:
        sql: the query that ran.
        snapshot: what its names stand for.
        question: as asked, in English.
    """
    return words_left(sql, snapshot, _content(question))


def words_left(sql: str, snapshot: SchemaSnapshot, asked: list[str]) -> list[str]:
    """Those of some words that the query says nothing of; none where it cannot be read."""
    try:
        tree = parsed_one(sql)
    except (SqlglotError, RecursionError):
        return []
    said = {stem(word) for node in tree.find_all(exp.Identifier) for word in name_words(node.name)}
    said |= {stem(word) for node in tree.find_all(exp.Literal) for word in words(node.name)}
    said |= {stem(word) for word in _described(tree, snapshot)}
    long = [root for root in said if len(root) >= _INSIDE]
    return [word for word in asked if not _is_said(stem(word), said, long)]


def _content(question: str) -> list[str]:
    without = STOP_WORDS | QUERY_WORDS | idle_words(question)
    return [
        word
        for word in dict.fromkeys(words(question))
        if len(word) > 2 and word not in without and not is_silent(word)
    ]


def _is_said(root: str, said: set[str], long: list[str]) -> bool:
    if root in said or not said.isdisjoint(SYNONYMS.get(root, ())):
        return True
    return any(other in root or root in other for other in long)


def _described(tree: exp.Expr, snapshot: SchemaSnapshot) -> list[str]:
    """What the schema says, in words, of the tables and columns that the query names."""
    tables = {node.name.lower() for node in tree.find_all(exp.Table)}
    columns = {node.name.lower() for node in tree.find_all(exp.Column)}
    short = short_names(snapshot)
    found: list[str] = []
    for table in snapshot.tables:
        if table.name.lower() not in tables:
            continue
        found += [*short.table_words(table), *words(table.comment)]
        for column in table.columns:
            if column.name.lower() in columns:
                found += [*short.column_words(table, column.name), *words(column.comment)]
    return found
