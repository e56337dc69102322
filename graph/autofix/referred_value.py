"""What a thing is called, looked for in the key that refers to it: ``orders.customer_id = 'Ann'``.

The table that is referred to is joined in, or is there already, and its column compared: that which is known
to hold the value, or, where the key is a number and no column is known to, what its things are called. A text
that the key itself holds, as codes are, is left alone.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.missing_join import join_along
from graph.autofix.names import (
    Names,
    Source,
    conditions_of,
    folded,
    held_texts,
    identifier,
    is_integer,
    is_text,
    known_values,
)
from graph.context.joins import Join
from graph.context.words import fold
from wire.snapshot import Table

_LETTERS = 3
"""Letters that a text needs to be told by."""


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        sources = names.sources(scope)
        if not isinstance(scope.expression, exp.Select) or any(one.table is None for one in sources):
            continue
        for test, column, literal in held_texts(conditions_of(scope.expression)):
            if not isinstance(test, exp.EQ | exp.ILike | exp.Like):
                continue
            said = _moved(test, column, literal, scope, names)
            if said is not None:
                return said
    return None


def _moved(
    test: exp.Binary, column: exp.Column, literal: exp.Literal, scope: Scope, names: Names
) -> str | None:
    sources = names.sources(scope)
    own = _owner(column, sources)
    text = literal.name.strip("%").strip()
    if own is None or own.table is None or sum(map(str.isalpha, text)) < _LETTERS:
        return None
    name = folded(column.this)
    known = own.table.column(name)
    ways = [
        way
        for way in names.joins.of(own.table.qualified_name)
        if way.left_columns == (name,) and names.joins.is_reference(way)
    ]
    if known is None or len(ways) != 1 or ways[0].right == own.table.qualified_name:
        return None
    thing = names.joins.table(ways[0].right)
    key = thing.column(ways[0].right_columns[0])
    if any(one is not None and _holds(known_values(one)[0], text) for one in (known, key)):
        return None
    columns = _holders(thing, text, test)
    if not columns and is_integer(known.type) and isinstance(test, exp.EQ):
        columns = _called(thing, text, names)
    if not columns:
        return None
    alias = _joined(ways[0], own, scope, names)
    if alias is None:
        return None
    parts = []
    for other, value in columns:
        part = test.copy()
        part.set("this", exp.column(identifier(other), table=alias))
        part.set("expression", exp.Literal.string(value))
        parts.append(part)
    test.replace(exp.and_(*parts))
    read = ", ".join(other for other, _ in columns)
    return f"{literal.name!r} is no {name}: {thing.name}.{read} is compared."


def _owner(column: exp.Column, sources: list[Source]) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _holds(values: list[str], text: str) -> bool:
    return any(fold(text) in fold(value) for value in values)


def _holders(thing: Table, text: str, test: exp.Binary) -> list[tuple[str, str]]:
    """The one column of the thing that is known to hold the text, with the text as it is held."""
    found = []
    for column in thing.columns:
        if not is_text(column.type) and not column.enum_values:
            continue
        for value in known_values(column)[0]:
            alike = fold(value) == fold(text) if isinstance(test, exp.EQ) else fold(text) in fold(value)
            if alike:
                pattern = test.expression.name
                found.append((column.name, value if isinstance(test, exp.EQ) else pattern))
    return found[:1] if len({column for column, _ in found}) == 1 else []


def _called(thing: Table, text: str, names: Names) -> list[tuple[str, str]]:
    """What the things are called: in one column, or a first and a last name of which both are said."""
    labels, parts = names.joins.own.called(thing), text.split()
    if len(labels) == 1:
        return [(labels[0], text)]
    return list(zip(labels, parts, strict=True)) if len(labels) == len(parts) else []


def _joined(way: Join, own: Source, scope: Scope, names: Names) -> str | None:
    """By which name FROM has the thing; it is joined in where it is not there."""
    sources = names.sources(scope)
    here = [one for one in sources if one.table is not None and one.table.qualified_name == way.right]
    if len(here) == 1:
        return here[0].alias
    same = [one for one in sources if one.table is own.table]
    if here or len(same) != 1:
        return None
    for column in names.columns(scope):
        if not column.args.get("table") and own.has(folded(column.this)):
            column.set("table", exp.to_identifier(own.alias))
    place = len(scope.expression.args.get("joins") or ())
    return join_along(names, scope, sources, [way], wanted="", place=place)


RULE = Rule("referred_value", _fix)
