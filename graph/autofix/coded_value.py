"""A made-up code where the question says a value of the table that it refers to: ``country = 'EU'``.

"Europe" is no country but a value of countries.region: the code is one of that region's. Only where the
column certainly does not hold what is written, and one column of one table that it refers to holds a word of
the question that the code is short for.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded, held_texts, identifier, is_text, known_values
from graph.context.words import fold, stem, words
from wire.snapshot import Table

_LETTERS = 4


def _fix(context: Context) -> str | None:
    names, spoken = context.names, [stem(word) for word in words(context.question)]
    for scope in names.scopes:
        for test, column, literal in held_texts(scope.find_all(exp.EQ)):
            known = names.column(column, scope)
            values, complete = known_values(known) if known is not None else ([], False)
            if not complete or any(fold(literal.name) == fold(value) for value in values):
                continue
            found = [
                (target, key, name, value)
                for target, key in _targets(column, names, scope)
                for name, value in _meant(target, key, literal.name, spoken)
            ]
            if len(found) != 1:
                continue
            target, key, name, value = found[0]
            inner = (
                exp.select(exp.column(identifier(key)))
                .from_(_written(target, names))
                .where(exp.EQ(this=exp.column(identifier(name)), expression=exp.Literal.string(value)))
            )
            test.replace(exp.In(this=column.copy(), query=exp.Subquery(this=inner)))
            return f"{value!r} is a value of {target.name}.{name}: {literal.name!r} is no {column.name}."
    return None


def _targets(column: exp.Column, names: Names, scope: Scope) -> list[tuple[Table, str]]:
    """Other tables by whose key the column's values are told."""
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    owners = [
        source.table
        for source in names.sources(scope)
        if source.table is not None and (source.alias == qualifier if qualifier else source.has(name))
    ]
    if len(owners) != 1:
        return []
    found: dict[str, tuple[Table, str]] = {}
    for join in names.joins.of(owners[0].qualified_name):
        target = next((one for one in names.snapshot.tables if one.qualified_name == join.right), None)
        if join.left_columns != (name,) or target is None or target is owners[0]:
            continue
        [key] = join.right_columns
        if target.primary_key == [key] or (not target.primary_key and not _refers(target, key)):
            found[target.qualified_name] = target, key
    return list(found.values())


def _refers(table: Table, column: str) -> bool:
    return any(column in key.columns for key in table.foreign_keys)


def _meant(table: Table, key: str, code: str, spoken: list[str]) -> list[tuple[str, str]]:
    """The table's values that the question says and the code may stand for."""
    return [
        (column.name, value)
        for column in table.columns
        if column.name != key and is_text(column.type)
        for value in known_values(column)[0]
        if sum(map(str.isalpha, value)) >= _LETTERS and _is_short_for(fold(code), fold(value))
        if _stands_in([stem(word) for word in words(value)], spoken)
    ]


def _is_short_for(code: str, value: str) -> bool:
    initials = "".join(word[0] for word in words(value))
    return code in {value, initials} or value.startswith(code)


def _stands_in(parts: list[str], spoken: list[str]) -> bool:
    length = len(parts)
    return bool(parts) and any(spoken[at : at + length] == parts for at in range(len(spoken) - length + 1))


def _written(table: Table, names: Names) -> exp.Table:
    plain = table.schema_name in names.snapshot.search_path
    return exp.table_(identifier(table.name), db=None if plain else identifier(table.schema_name))


RULE = Rule("coded_value", _fix)
