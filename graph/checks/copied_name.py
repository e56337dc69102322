"""A column that is not there, called by the question's own words: ``exam_venue`` for "exam venue".

Where no rule finds what such a name could stand for, and the schema does not know one of its words either,
the model has copied the question instead of reading the schema.
"""

from collections.abc import Collection

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.autofix import autofix
from graph.autofix.names import Names, folded
from graph.context.coverage import Vocabulary, is_silent
from graph.context.prepared import column_names
from graph.context.words import name_words, stem, words
from graph.parsing import parsed_one
from wire.snapshot import SchemaSnapshot


def copied_names(
    sql: str,
    snapshot: SchemaSnapshot,
    vocabulary: Vocabulary,
    question: str,
    *,
    without: Collection[str] = (),
) -> list[str]:
    """Columns of the statement that nothing has and that only repeat the question, in the order written.

    Args:
        sql: the model's draft, before any rule has mended it.
        snapshot: what there is.
        vocabulary: the snapshot's words.
        question: as asked.
        without: rules of autofix that are switched off.
    """
    mended = autofix(sql, snapshot, question=question, without=without).sql
    try:
        tree = parsed_one(mended)
        if not isinstance(tree, exp.Query):
            return []
        names = [folded(item.column.this) for item in Names(tree, snapshot).unresolved()]
    except (SqlglotError, RecursionError):
        return []
    known = column_names(snapshot)
    asked = [stem(word) for word in words(question)]
    return [
        name
        for name in dict.fromkeys(names)
        if name not in known and _is_copied(name, asked) and _is_unknown(name, vocabulary)
    ]


def _is_copied(name: str, asked: list[str]) -> bool:
    """Whether the name's words stand in the question one after the other; two at least, or one long one."""
    own = [stem(word) for word in name_words(name)]
    if not own or (len(own) == 1 and len(own[0]) < 5):
        return False
    return any(asked[place : place + len(own)] == own for place in range(len(asked) - len(own) + 1))


def _is_unknown(name: str, vocabulary: Vocabulary) -> bool:
    """Whether a word of the name is unheard of; words of counting, doing and time prove nothing, as ever."""
    return any(
        len(word) > 2 and not vocabulary.knows(word) and not is_silent(word) for word in name_words(name)
    )
