"""A compared text that the column has in another spelling: ``'engineering'`` where ``'Engineering'`` is.

Only where values of the column are known (an enum's labels, samples, or what the agent has looked up) and the
text is not among them. A text that exactly one other column holds is moved there.
"""

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.foreign_dialect import parse
from graph.autofix.names import Names, Source, folded, identifier, known_values
from graph.context.joins import type_family
from graph.context.words import fold, words
from wire.snapshot import Column, SchemaSnapshot
from wire.values import MAX_VALUE_CHARACTERS, Compared, Looked

_NOT_TEXT = frozenset({"number", "moment", "boolean", "uuid", "interval", "json", "jsonb", "bytea"})


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        for column, literal in _comparisons(scope):
            known = names.column(column, scope)
            if known is None:
                continue
            values, complete = known_values(known)
            text = literal.name
            said = looked(context, column, scope, text)
            if text in values or (said is not None and said.held):
                continue
            same = [value for value in values if fold(value.strip()) == fold(text.strip())]
            same = same or (said.cased if said is not None else [])
            if complete:
                same = same or _codes(text, values)
            if len(same) == 1:
                literal.replace(exp.Literal.string(same[0]))
                return f"{known.name} holds {same[0]!r}, not {text!r}."
            if same:
                continue
            if said is not None and (change := _as_told(names, column, literal, scope, said)):
                return change
            if not complete:
                continue
            part = fold(text.strip())
            if (
                len(part) > 2
                and any(part in fold(value) for value in values)
                and isinstance(literal.parent, exp.EQ)
            ):
                pattern = exp.Literal.string(f"%{text.strip()}%")
                literal.parent.replace(exp.ILike(this=column.copy(), expression=pattern))
                return f"{text!r} is a part of what {known.name} holds; it is searched for within."
            other = _other_column(names, column, scope, text)
            if other is not None:
                alias, sibling, value = other
                _move(names, column, literal, scope, alias, sibling, value)
                return f"{text!r} is a value of {sibling}, not of {known.name}."
    return None


def open_literals(sql: str, snapshot: SchemaSnapshot) -> list[Compared]:
    """Literals of a query of which the snapshot does not say that their column holds them."""
    if "'" not in sql:
        return []
    try:
        parsed = parse(sql)
        return _open(Names(parsed[0], snapshot)) if parsed is not None else []
    except (SqlglotError, RecursionError):
        return []  # scopes of a broken statement cannot always be built


def _open(names: Names) -> list[Compared]:
    found: dict[Compared, None] = {}
    for scope in names.scopes:
        for column, literal in _comparisons(scope):
            source = _source(names, column, scope)
            known = names.column(column, scope)
            if known is None or source is None or source.table is None or known.masked:
                continue
            if known.enum_values or literal.name in known_values(known)[0]:
                continue
            if literal.name.strip() and len(literal.name) <= MAX_VALUE_CHARACTERS and _may_be_text(known):
                asked = Compared(table=source.table.qualified_name, column=known.name, text=literal.name)
                found[asked] = None
    return list(found)


def _may_be_text(column: Column) -> bool:
    """A domain or an extension's type may be one of texts: only PostgreSQL's other types are left out."""
    return type_family(column.type) not in _NOT_TEXT


def _source(names: Names, column: exp.Column, scope: Scope) -> Source | None:
    """Where a column of this scope's own FROM comes from; None when that is not certain."""
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    holders = [
        source
        for source in names.sources(scope)
        if (source.alias == qualifier if qualifier else source.has(name) is not False)
    ]
    return holders[0] if len(holders) == 1 else None


def looked(context: Context, column: exp.Column, scope: Scope, text: str) -> Looked | None:
    """What the agent said of this literal; None when it was not asked or does not tell."""
    if context.found is None:
        return None
    source = _source(context.names, column, scope)
    if source is None or source.table is None:
        return None
    return context.found.of(source.table.qualified_name, folded(column.this), text)


def _as_told(
    names: Names, column: exp.Column, literal: exp.Literal, scope: Scope, said: Looked
) -> str | None:
    """Follow the agent, where it is sure that the column lacks the text and there is one way to mean it."""
    if said.held is not False:
        return None
    if len(said.others) == 1 and not isinstance(column.parent, exp.In):
        source, other = _source(names, column, scope), said.others[0]
        if source is not None and source.has(other.column):
            _move(names, column, literal, scope, source.alias, other.column, other.value)
            return f"{said.text!r} is a value of {other.column}, not of {said.column}."
    if (found := _other_column(names, column, scope, said.text)) is not None:
        _move(names, column, literal, scope, *found)
        return f"{said.text!r} is a value of {found[1]}, not of {said.column}."
    if not said.others and len(said.near) == 1:
        literal.replace(exp.Literal.string(said.near[0]))
        return f"{said.column} holds {said.near[0]!r}, not {said.text!r}."
    return None


def _move(
    names: Names, column: exp.Column, literal: exp.Literal, scope: Scope, alias: str, name: str, value: str
) -> None:
    """Have the comparison be with another column of FROM."""
    literal.replace(exp.Literal.string(value))
    column.set("this", identifier(name))
    if column.args.get("table") or len(names.sources(scope)) > 1:
        column.set("table", exp.to_identifier(alias))


def _comparisons(scope: Scope) -> Iterator[tuple[exp.Column, exp.Literal]]:
    """Columns compared for equality with a text."""
    for node in list(scope.find_all(exp.EQ, exp.NEQ, exp.In)):
        if isinstance(node, exp.In):
            if isinstance(node.this, exp.Column):
                for item in node.expressions:
                    if isinstance(item, exp.Literal) and item.is_string:
                        yield node.this, item
            continue
        for column, literal in ((node.this, node.expression), (node.expression, node.this)):
            if isinstance(column, exp.Column) and isinstance(literal, exp.Literal) and literal.is_string:
                yield column, literal


def _codes(text: str, values: list[str]) -> list[str]:
    """Short codes among the values that can stand for the text: CA for California, NY for New York."""
    word = "".join(words(text))
    if len(word) < 4 or not all(value.isupper() and len(value) <= 3 for value in values):
        return []
    return [value for value in values if value[:1].lower() == word[:1] and _in_order(value.lower(), word)]


def _in_order(letters: str, word: str) -> bool:
    rest = iter(word)
    return all(letter in rest for letter in letters)


def _other_column(names: Names, column: exp.Column, scope: Scope, text: str) -> tuple[str, str, str] | None:
    """The one other column of FROM that holds the text: alias, name, spelling; its own table comes first."""
    if isinstance(column.parent, exp.In):
        return None
    own = names.column(column, scope)
    found = [
        (source.alias, other.name, value, own in source.table.columns)
        for source in names.sources(scope)
        if source.table is not None
        for other in source.table.columns
        if other is not own
        for value in known_values(other)[0]
        if fold(value) == fold(text)
    ]
    nearest = [one for one in found if one[3]] or found
    return nearest[0][:3] if len(nearest) == 1 else None


RULE = Rule("literal_case", _fix)
