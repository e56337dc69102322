"""A thing of the question that neither schema nor values know and of which the query has no trace.

Asked how many employees are women, where nobody's sex is written down, a small model counts employees. What
such a query shows is right for another question.
"""

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.context.coverage import Coverage
from graph.context.words import stem, words
from graph.parsing import parsed_one

MOST_KNOWN = 0.8
"""Share of the question's words that may be known. Of a long question one word may be told for colour."""


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
    wanted = [word for word in covered.things if stem(word) not in explained]
    if not wanted:
        return []
    try:
        tree = parsed_one(sql)
    except (SqlglotError, RecursionError):
        return []
    # What the query looks for may be a value that nobody has listed; that it is not there is then an answer.
    texts = [node.name for node in tree.find_all(exp.Literal) if node.is_string]
    sought = {stem(word) for text in texts for word in words(text)}
    return [word for word in wanted if stem(word) not in sought]
