"""A column that the model made up for a word of the question which the database does not know.

Asked for "publications per author email" where nobody has an e-mail address, a small model writes
``author.email``. The two together (no such word in the schema, and a made-up name for it in the draft) say
that this is not in the data. Either alone says little: schemas abbreviate, and models misspell.
"""

from collections.abc import Collection

from sqlglot import exp
from sqlglot.errors import SqlglotError

from graph.autofix.names import Names, folded
from graph.context.coverage import is_silent
from graph.context.prepared import column_names
from graph.context.words import name_words, stem
from graph.parsing import parsed_one
from wire.snapshot import SchemaSnapshot


def invented_concepts(sql: str, snapshot: SchemaSnapshot, missing: Collection[str]) -> list[str]:
    """The words of the question for which the draft made up a column or table, in the question's order.

    Args:
        sql: the model's draft, before any rule has mended it.
        snapshot: what there is.
        missing: words of the question that the schema does not know: ``Coverage.missing``.
    """
    wanted = [word for word in missing if len(word) > 2 and not is_silent(word)]
    if not wanted:
        return []
    try:
        tree = parsed_one(sql)
        if not isinstance(tree, exp.Query):
            return []
        names = Names(tree, snapshot)
        unknown = {folded(item.column.this) for item in names.unresolved() if item.problem == "absent"}
    except (SqlglotError, RecursionError):
        return []
    known = column_names(snapshot)
    made_up = {stem(part) for name in unknown - known for part in name_words(name)}
    keys = {name[: -len(end)] for name in made_up for end in _KEY_ENDS if name.endswith(end)}
    return [word for word in wanted if stem(word) in made_up or word in keys]


_KEY_ENDS = ("id", "name", "code")
"""How names go on that are written in one: ``reviewerid`` is made up for "reviewer"."""
