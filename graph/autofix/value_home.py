"""A text looked for in a column that is not there, or cannot hold it, where one other column holds it.

``payee = 'BMW'`` becomes ``vehicle.make = 'BMW'``; its table is joined in where one way leads there.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.missing_join import join_along, way_to
from graph.autofix.names import Names, folded, held_texts, identifier, known_values
from graph.context.words import fold
from wire.snapshot import Table

_LETTERS = 2
"""Letters that a text needs to be told by: ``F`` stands for anything."""


def _fix(context: Context) -> str | None:
    names = context.names
    absent = {id(item.column) for item in names.unresolved() if item.problem != "ambiguous"}
    for scope in names.scopes:
        for _, column, literal in held_texts(scope.find_all(exp.EQ)):
            if sum(map(str.isalpha, literal.name)) < _LETTERS:
                continue
            is_absent = id(column) in absent
            if is_absent and any(source.has(folded(column.this)) for source in names.visible(scope)):
                continue  # misplaced_column knows whose it is
            if not is_absent and not _cannot_hold(column, literal.name, names, scope):
                continue
            said = _move(column, literal, names, scope, is_absent=is_absent)
            if said is not None:
                return said
    return None


def _cannot_hold(column: exp.Column, text: str, names: Names, scope: Scope) -> bool:
    known = names.column(column, scope)
    if known is None:
        return False
    values, complete = known_values(known)
    return complete and not any(fold(text.strip()) in fold(value) for value in values)


def _move(
    column: exp.Column, literal: exp.Literal, names: Names, scope: Scope, *, is_absent: bool
) -> str | None:
    sources = names.sources(scope)
    if not isinstance(scope.expression, exp.Select) or any(source.table is None for source in sources):
        return None
    if column.find_ancestor(exp.Join, exp.Select).__class__ is exp.Join:
        return None
    homes = [
        (table, other.name, value)
        for table in names.snapshot.listed
        for other in table.columns
        for value in known_values(other)[0]
        if fold(value) == fold(literal.name.strip())
    ]
    here = {source.table.qualified_name: source.alias for source in sources if source.table}
    near = [home for home in homes if home[0].qualified_name in here]
    if near and not is_absent:
        return None  # literal_case looks within FROM
    homes = near or homes
    if len(homes) != 1:
        return None
    table, name, value = homes[0]
    alias = here.get(table.qualified_name) or _joined(table, names, scope)
    if alias is None:
        return None
    written = folded(column.this)
    literal.replace(exp.Literal.string(value))
    column.replace(exp.column(identifier(name), table=alias))
    return f"{value!r} is a value of {table.name}.{name}, not of {written}."


def _joined(table: Table, names: Names, scope: Scope) -> str | None:
    sources = names.sources(scope)
    way = way_to(names, sources, table)
    if way is None:
        return None
    place = len(scope.expression.args.get("joins") or ())
    return join_along(names, scope, sources, way, wanted="", place=place)


RULE = Rule("value_home", _fix)
