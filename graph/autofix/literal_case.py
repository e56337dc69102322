"""A compared text that the column has in another spelling: ``'engineering'`` where ``'Engineering'`` is.

Only where values of the column are known (an enum's labels, or samples) and the text is not among them. A
text that exactly one other column of FROM holds is moved there.
"""

from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, identifier, known_values
from graph.context.words import fold, words


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        for column, literal in _comparisons(scope):
            known = names.column(column, scope)
            if known is None:
                continue
            values, complete = known_values(known)
            text = literal.name
            if not values or text in values:
                continue
            same = [value for value in values if fold(value.strip()) == fold(text.strip())]
            if complete:
                same = same or _codes(text, values)
            if len(same) == 1:
                literal.replace(exp.Literal.string(same[0]))
                return f"{known.name} holds {same[0]!r}, not {text!r}."
            if same or not complete:
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
                literal.replace(exp.Literal.string(value))
                column.set("this", identifier(sibling))
                if column.args.get("table") or len(names.sources(scope)) > 1:
                    column.set("table", exp.to_identifier(alias))
                return f"{text!r} is a value of {sibling}, not of {known.name}."
    return None


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
