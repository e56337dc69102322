"""A condition that nobody asked for: ``fieldid = 1`` or ``name = 'Your Course'`` out of the blue.

Taken out only where it is plain: a key equal to a number that the question does not name; a text that neither
the question nor the column's known values know; one group picked out of those that the query groups by.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded, is_integer, known_values
from graph.context.words import STOP_WORDS, fold, name_words, stem, words

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905


def _fix(context: Context) -> str | None:
    if not context.question:
        return None
    asked = {stem(word) for word in words(context.question)}
    asked |= {str(number) for number, word in enumerate(_NUMBERS) if word in words(context.question)}
    for scope in context.names.scopes:
        where = scope.expression.args.get("where")
        if where is None:
            continue
        conditions = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        for condition in conditions:
            if _unasked(condition, context.names, scope, asked, fold(context.question)):
                said = condition.sql(dialect="postgres")
                kept = [part.copy() for part in conditions if part is not condition]
                scope.expression.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
                return f"Nobody asked for {said}; the condition is left out."
    return None


def _unasked(condition: exp.Expr, names: Names, scope: Scope, asked: set[str], question: str) -> bool:
    if not isinstance(condition, exp.EQ | exp.ILike | exp.Like):
        return False
    column, literal = condition.this, condition.expression
    if not (isinstance(column, exp.Column) and isinstance(literal, exp.Literal)):
        return False
    if not literal.is_string:
        return _is_key(column, names, scope) and literal.this not in asked
    said = [word for word in words(literal.name) if word not in STOP_WORDS]
    if not said or fold(literal.name.strip("%")) in question or any(stem(word) in asked for word in said):
        return False
    if _abbreviates(literal.name, question):
        return False
    known = names.column(column, scope)
    values, complete = known_values(known) if known is not None else ([], False)
    if complete and not any(fold(literal.name.strip("%")) in fold(value) for value in values):
        return True
    return _is_group(column, scope)


def _is_key(column: exp.Column, names: Names, scope: Scope) -> bool:
    name = folded(column.this)
    parts = name_words(name)
    keyed = parts[-1] in {"id", "key"} or (len(name) > 4 and name.endswith("id"))
    return keyed and is_integer(names.type_of(column, scope))


def _is_group(column: exp.Column, scope: Scope) -> bool:
    group = scope.expression.args.get("group")
    return (
        group is not None
        and len(group.expressions) == 1
        and any(
            isinstance(key, exp.Column) and folded(key.this) == folded(column.this)
            for key in group.expressions
        )
    )


def _abbreviates(literal: str, question: str) -> bool:
    """Whether the literal may stand for a word of the question: ``CA`` for California, ``Y`` for yes."""
    short = "".join(words(literal))
    if len(short) < 2:
        return True
    spoken = words(question)
    initials = "".join(word[0] for word in spoken)
    return short in initials or any(
        word[0] == short[0] and (word.startswith(short[:4]) or _in_order(short, word)) for word in spoken
    )


def _in_order(letters: str, word: str) -> bool:
    rest = iter(word)
    return all(letter in rest for letter in letters)


RULE = Rule("unasked_filter", _fix)
