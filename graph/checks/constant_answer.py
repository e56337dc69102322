"""A query that reads nothing and returns a sentence: the model's way of saying that it cannot answer."""

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.parsing import parsed_one

MIN_WORDS = 3
"""Words that the text must have to be a sentence rather than a value that was asked for."""


def constant_answer(sql: str) -> str | None:
    """The sentence, when the query is nothing else; None for any query that reads a table or computes."""
    try:
        tree = parsed_one(sql)
    except (SqlglotError, RecursionError):
        return None
    if (
        not isinstance(tree, exp.Select)
        or tree.find(exp.Table, exp.Func, exp.Binary)
        or len(tree.selects) != 1
    ):
        return None
    only = tree.selects[0].unalias()
    if isinstance(only, exp.Literal) and only.is_string and len(only.name.split()) >= MIN_WORDS:
        return str(only.name)
    return None
