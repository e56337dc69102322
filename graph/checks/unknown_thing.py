"""A thing of the question that neither schema nor values know and of which the query has no trace.

Asked how many employees are women, where nobody's sex is written down, a small model counts employees. What
such a query shows is right for another question.
"""

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.context.coverage import Coverage, is_silent
from graph.context.words import stem, words
from graph.parsing import parsed_one

MOST_KNOWN = 0.8
"""Share of the question's words that may be known. Of a long question one word may be told for colour."""
_SHORTEST = 4
"""Letters; shorter ones are units and the shorthand of a trade."""


def unknown_things(sql: str, covered: Coverage, notes: str = "") -> list[str]:
    """The words, in the question's order.

    Args:
        sql: the query, as it was drafted.
        covered: what the schema knows of the question.
        notes: what is said beside it; words that it explains are known.
    """
    if covered.terse or covered.share > MOST_KNOWN:
        return []
    explained = set(map(stem, words(notes)))
    wanted = [
        word
        for word in covered.missing
        if len(word) >= _SHORTEST and not is_silent(word) and stem(word) not in explained
    ]
    if not wanted:
        return []
    try:
        tree = parsed_one(sql)
    except (SqlglotError, RecursionError):
        return []
    # What the query looks for may be a value that nobody has listed; that it is not there is then an answer.
    sought = {
        stem(word) for node in tree.find_all(exp.Literal) if node.is_string for word in words(node.name)
    }
    return [word for word in wanted if stem(word) not in sought]
