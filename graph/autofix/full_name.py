"""A full name looked for in one column, where first and last names have one each: ``first_name = 'Ann Lee'``.

Also where the query names a column that such a table does not have (``full_name``, ``employee_name``).
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, held_texts, identifier, known_values
from graph.context.words import fold, name_words

_FIRST = (("first", "name"), ("firstname",), ("given", "name"), ("forename",), ("fname",), ("first",))
_LAST = (("last", "name"), ("lastname",), ("family", "name"), ("surname",), ("lname",), ("last",))


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        for test, column, literal in held_texts(scope.find_all(exp.EQ, exp.ILike, exp.Like)):
            parts = literal.name.strip("%").split()
            found = _pair(column, names, scope)
            if len(parts) < 2 or found is None:
                continue
            source, first, last = found
            other = last if folded(column.this) == first else first
            if any(folded(one.this) == other for one in names.columns(scope) if one.find_ancestor(exp.Where)):
                continue  # each part is looked for already
            if any(fold(literal.name) == fold(value) for value in _known(source, folded(column.this))):
                continue
            written = test.sql(dialect="postgres")
            halves = (" ".join(parts[:-1]), parts[-1])
            both = [
                type(test)(
                    this=exp.column(identifier(name), table=column.args.get("table")),
                    expression=exp.Literal.string(half),
                )
                for name, half in zip((first, last), halves, strict=True)
            ]
            test.replace(exp.paren(exp.and_(*both)))
            return f"{written} looks for a full name in one column: {first} and {last} hold one part each."
    return None


def _pair(column: exp.Column, names: Names, scope: Scope) -> tuple[Source, str, str] | None:
    """The columns of first and last names, where this one is either of them or is none that is there."""
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    sources = [one for one in names.sources(scope) if not qualifier or one.alias == qualifier]
    if any(one.columns is None for one in sources):
        return None
    found = [
        (source, first, last)
        for source in sources
        if (first := _one(source, _FIRST)) and (last := _one(source, _LAST))
    ]
    if len(found) != 1:
        return None
    _, first, last = found[0]
    if name in {first, last}:
        return found[0]
    absent = not any(one.has(name) for one in sources)
    return found[0] if absent and name_words(name)[-1:] == ["name"] else None


def _one(source: Source, forms: tuple[tuple[str, ...], ...]) -> str | None:
    found = [name for name in source.columns or () if tuple(name_words(name)) in forms]
    return found[0] if len(found) == 1 else None


def _known(source: Source, name: str) -> list[str]:
    column = source.table.column(name) if source.table is not None else None
    return known_values(column)[0] if column is not None else []


RULE = Rule("full_name", _fix)
