"""Names that a draft looks for where hardly a word of the question is known.

Asked how tall the Eiffel Tower is, a small model looks for a carrier of that name. Where the database knows
the rest of the question, no rows are the answer; where it does not, and no value has the name either, the
question is about something else.
"""

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.context.words import STOP_WORDS, fold, words
from graph.parsing import parsed_one

_SHORTEST = 3
"""Letters; shorter texts are codes."""


def sought_names(sql: str, question: str) -> list[str]:
    """The texts that a query compares with and that the question has as well, folded, in the query's order.

    Args:
        sql: the draft.
        question: as asked.
    """
    try:
        tree = parsed_one(sql)
    except (SqlglotError, RecursionError):
        return []
    asked = set(words(question))
    found: list[str] = []
    for node in tree.find_all(exp.Literal):
        text = fold(node.name.strip("%_ "))
        own = [word for word in words(text) if word not in STOP_WORDS]
        if node.is_string and len(text) >= _SHORTEST and own and asked.issuperset(own):
            found.append(text)
    return list(dict.fromkeys(found))
