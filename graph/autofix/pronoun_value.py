"""A text that is no value but a word of the question's grammar: "booked with us" as ``carriers.name = 'US'``.

The condition goes, and with it a subquery that had no other.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, known_values
from graph.context.words import fold, listed

_GRAMMAR = listed(
    """
    all any anybody anyone anything each every everybody everyone everything he her his it its me my nobody
    nothing our ours she some somebody someone something that their theirs them these they this those total us
    we you your
    """
)


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        where = scope.expression.args.get("where")
        if where is None or not isinstance(scope.expression, exp.Select):
            continue
        parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        for part in parts:
            word = _word(part, context, scope)
            if word is None:
                continue
            gone = _without(part, scope.expression)
            if gone is None:
                continue
            return f"{word!r} is a word of the question, and no value of {part.this.name}; it is left out."
    return None


def _word(part: exp.Expr, context: Context, scope: Scope) -> str | None:
    """What the column is compared with, if it is a word that the question uses for its grammar alone."""
    if not isinstance(part, exp.EQ | exp.Like | exp.ILike) or not isinstance(part.this, exp.Column):
        return None
    literal = part.expression
    if not isinstance(literal, exp.Literal) or not literal.is_string:
        return None
    word = fold(literal.name.strip("%").strip())
    if word not in _GRAMMAR or _may_hold(part.this, word, context.names, scope):
        return None
    said = re.findall(rf"\b{re.escape(word)}\b", context.question, re.IGNORECASE)
    # "in the US" names a country, "with us" nobody.
    return literal.name if said and not any(len(one) > 1 and one.isupper() for one in said) else None


def _may_hold(column: exp.Column, word: str, names: Names, scope: Scope) -> bool:
    known = names.column(column, scope)
    values, complete = known_values(known) if known is not None else ([], False)
    if any(fold(value) == word for value in values):
        return True
    # Of a column of short codes of which not all are known, one may be spelt like a word.
    return (
        not complete and known is not None and ("char(" in known.type or known.type.startswith("character("))
    )


def _without(part: exp.Expr, select: exp.Select) -> exp.Expr | None:
    """Take a condition out of WHERE; with the test that its subquery was for, where nothing is left of it."""
    while True:
        where = select.args["where"]
        parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        kept = [one.copy() for one in parts if one is not part]
        around = (
            None if kept or select.args.get("having") or select.args.get("limit") else _test_around(select)
        )
        if around is None:
            if not kept and isinstance(select.parent, exp.Subquery) and not _may_stand_bare(select):
                return None
            select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
            return select
        part, select = around


def _may_stand_bare(select: exp.Select) -> bool:
    """Whether a subquery gives what it should without a condition: a list, or one figure."""
    place = select.parent.parent if select.parent is not None else None
    return isinstance(place, exp.In | exp.From | exp.Join) or select.selects[0].find(exp.AggFunc) is not None


def _test_around(select: exp.Select) -> tuple[exp.Expr, exp.Select] | None:
    """The condition of the query around this one that asks for what it gives: ``id = (SELECT …)``."""
    node = select.parent
    if isinstance(node, exp.Subquery):
        node = node.parent
    if not isinstance(node, exp.EQ | exp.In):
        return None
    outer = node.find_ancestor(exp.Select)
    where = outer.args.get("where") if outer is not None else None
    if where is None or outer is None:
        return None
    parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    return (node, outer) if any(one is node for one in parts) else None


RULE = Rule("pronoun_value", _fix)
