"""``approved = 'No'`` where the column holds a date, or something else, or nothing: nothing stands for no.

Only for a column that may be empty and is known to hold neither yes nor no.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.literal_case import looked
from graph.autofix.names import known_values
from graph.context.joins import type_family
from graph.context.words import fold

_ANSWERS = {"no": False, "n": False, "none": False, "false": False, "null": False, "not": False}
_ANSWERS |= {"yes": True, "y": True, "true": True}


def _fix(context: Context) -> str | None:
    for scope in context.names.scopes:
        for node in list(scope.find_all(exp.EQ, exp.NEQ)):
            column, literal = node.this, node.expression
            if not isinstance(column, exp.Column) or not isinstance(literal, exp.Literal):
                continue
            answer = _ANSWERS.get(fold(literal.name.strip())) if literal.is_string else None
            if answer is None or not _has_no_answers(column, literal.name, context, scope):
                continue
            holds = answer is isinstance(node, exp.EQ)
            empty = exp.Is(this=column.copy(), expression=exp.null())
            node.replace(exp.Not(this=empty) if holds else empty)
            return f"{column.name} holds no {literal.name!r}: {'any' if holds else 'no'} value stands for it."
    return None


def _has_no_answers(column: exp.Column, text: str, context: Context, scope: Scope) -> bool:
    known = context.names.column(column, scope)
    if known is None or not known.nullable or known.enum_values:
        return False
    if type_family(known.type) == "moment":
        return True
    if type_family(known.type) != "text":
        return False
    values, complete = known_values(known)
    if any(fold(value.strip()) in _ANSWERS for value in values):
        return False
    said = looked(context, column, scope, text)
    return complete or (said is not None and said.held is False and not said.cased)


RULE = Rule("yes_or_no", _fix)
