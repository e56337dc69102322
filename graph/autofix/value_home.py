"""A text looked for in a column that is not there, or cannot hold it, where one other column holds it.

``payee = 'BMW'`` becomes ``vehicle.make = 'BMW'``; its table is joined in where one way leads there. What a
reference cannot hold the key that it refers to tells: no ``procedure_code`` is like ``'Orthopaedic%'``, and
the specialty of the procedure is.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.missing_join import join_along, way_to
from graph.autofix.names import Names, folded, held_texts, identifier, known_values
from graph.context.words import fold
from wire.snapshot import Column, Table

_LETTERS = 2
"""Letters that a text needs to be told by: ``F`` stands for anything."""
_PART = 5
"""Letters that a part of a text needs to be."""


def _fix(context: Context) -> str | None:
    names = context.names
    absent = {id(item.column) for item in names.unresolved() if item.problem != "ambiguous"}
    for scope in names.scopes:
        for test, column, literal in held_texts(scope.find_all(exp.EQ, exp.Like, exp.ILike)):
            if sum(map(str.isalpha, literal.name)) < (_LETTERS if isinstance(test, exp.EQ) else _PART):
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
    if not values and (key := _key(column, names, scope)) is not None:
        values, complete = known_values(key)
    part = fold(text.strip("% "))
    return complete and not any(part in fold(value) for value in values)


def _key(column: exp.Column, names: Names, scope: Scope) -> Column | None:
    """The key that a column refers to, where it is one."""
    qualifier, name = folded(column.args.get("table")), folded(column.this)
    for source in names.sources(scope):
        if source.table is None or not source.has(name) or qualifier not in {"", source.alias}:
            continue
        own = source.table.qualified_name
        for join in names.joins.of(own):
            if join.left_columns == (name,) and join.right in names.joins.referred(own):
                schema, _, table = join.right.partition(".")
                other = names.snapshot.table(schema, table)
                return other.column(join.right_columns[0]) if other is not None else None
    return None


def _move(
    column: exp.Column, literal: exp.Literal, names: Names, scope: Scope, *, is_absent: bool
) -> str | None:
    sources = names.sources(scope)
    if not isinstance(scope.expression, exp.Select) or any(source.table is None for source in sources):
        return None
    if column.find_ancestor(exp.Join, exp.Select).__class__ is exp.Join:
        return None
    pattern = not isinstance(column.parent, exp.EQ)
    homes = [
        (table, other.name, value)
        for table in names.snapshot.listed
        for other in table.columns
        for value in known_values(other)[0]
        if _is_held(literal.name, value, pattern=pattern)
    ]
    if pattern:  # one column may have several values of which it is a part
        homes = list({(home[0].qualified_name, home[1]): home for home in homes}.values())
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
    if not pattern:
        literal.replace(exp.Literal.string(value))
    column.replace(exp.column(identifier(name), table=alias))
    return f"{value!r} is a value of {table.name}.{name}, not of {written}."


def _is_held(text: str, value: str, *, pattern: bool) -> bool:
    """Whether the value is the text, or what a pattern looks for is a part of it."""
    if not pattern:
        return fold(value) == fold(text.strip())
    part = fold(text.strip("% "))
    return not set(part) & set("%_") and part in fold(value)


def _joined(table: Table, names: Names, scope: Scope) -> str | None:
    sources = names.sources(scope)
    way = way_to(names, sources, table)
    if way is None:
        return None
    place = len(scope.expression.args.get("joins") or ())
    return join_along(names, scope, sources, way, wanted="", place=place)


RULE = Rule("value_home", _fix)
