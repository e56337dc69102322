"""A moment that the table lacks, tested for being known, where a value of the table says the same.

``orders.cancelled_on IS NOT NULL``: orders have no such column, but a status ``cancelled``. Another table's
moment of that name, joined in over a thing that both refer to, would be of something else.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded, identifier, known_values
from graph.context.words import name_words, stem, words

_ENDINGS = frozenset({"at", "on", "date", "dt", "time", "ts"})


def _fix(context: Context) -> str | None:
    names = context.names
    absent = [item for item in names.unresolved() if item.problem == "absent"]
    for item in absent:
        name, qualifier = folded(item.column.this), folded(item.column.args.get("table"))
        *deed, ending = name_words(name) or [""]
        test = item.column.parent
        if len(deed) != 1 or ending not in _ENDINGS or test is None or not _is_null_test(test):
            continue
        if any(
            folded(other.column.this) == name and not _is_null_test(other.column.parent) for other in absent
        ):
            continue
        sources = [one for one in names.visible(item.scope) if not qualifier or one.alias == qualifier]
        found = [(one, column, value) for one in sources for column, value in _values(one, stem(deed[0]))]
        if len(found) != 1:
            continue
        source, column, value = found[0]
        table = source.alias if qualifier or len(names.visible(item.scope)) > 1 else None
        whole = test.parent if isinstance(test.parent, exp.Not) else test
        known = (whole is not test) != bool(test.args.get("negate"))
        sides = {
            "this": exp.column(identifier(column), table=table),
            "expression": exp.Literal.string(value),
        }
        whole.replace(exp.EQ(**sides) if known else exp.NEQ(**sides))
        return f"There is no {name} in {source.alias}; its {column} says {value!r}."
    return None


def _is_null_test(test: exp.Expr | None) -> bool:
    return isinstance(test, exp.Is) and isinstance(test.expression, exp.Null)


def _values(source: Source, deed: str) -> list[tuple[str, str]]:
    """Values of the table that are called by the deed."""
    return [
        (column.name, value)
        for column in (source.table.columns if source.table is not None else [])
        for values, complete in [known_values(column)]
        for value in values
        if complete and [stem(word) for word in words(value)] == [deed]
    ]


RULE = Rule("deed_value", _fix)
