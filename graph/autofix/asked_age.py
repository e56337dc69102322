"""Ages counted in days, or by the number of the year: "older than 65" as ``CURRENT_DATE - born > 65``.

What is written of a date of birth beside a question about age is in whole years: as a figure, and beside a
number. Who is older than so many years was born before, and not after, the day that lies so far back.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Names, folded
from graph.context.words import name_words

_AGE = re.compile(
    r"\b(?:age[ds]?|old|older|oldest|young|younger|youngest|years?\s+of\s+age|under|over|minors?)\b", re.I
)
_OTHER_UNIT = re.compile(r"\bin\s+(?:days|months|weeks|hours)\b|\bhow\s+many\s+(?:days|months|weeks)\b", re.I)
_OLDER = re.compile(
    r"\b(?:older\s+than|over|above|at\s+least|more\s+than|\d+\s+(?:years?\s+)?(?:or|and)\s+(?:older|over|above))\b",
    re.I,
)
_YOUNGER = re.compile(
    r"\b(?:younger\s+than|under|below|at\s+most|less\s+than|\d+\s+(?:years?\s+)?(?:or|and)\s+(?:younger|under|below))\b",
    re.I,
)
_BIRTH = frozenset({"birth", "born", "dob", "birthday", "birthdate"})
_OLDEST = 130
_TURNED = ((exp.LT, exp.GT), (exp.LTE, exp.GTE), (exp.GT, exp.LT), (exp.GTE, exp.LTE))
_NOW = (exp.CurrentDate, exp.CurrentTimestamp)


def _fix(context: Context) -> str | None:
    if not _AGE.search(context.question) or _OTHER_UNIT.search(context.question):
        return None
    names = context.names
    for scope in names.scopes:
        for node in list(scope.find_all(exp.Sub, exp.Anonymous)):
            said = _in_years(node, names, scope)
            if said:
                return said
        for test in list(scope.find_all(exp.LT, exp.LTE, exp.GT, exp.GTE)):
            said = _turned(test, context.question, names, scope)
            if said:
                return said
    return None


def _in_years(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``CURRENT_DATE - born``, ``AGE(born)``, or the difference of the years' numbers."""
    born = _of_years(node) or _of_span(node)
    if born is None or not _is_birth(born, names, scope):
        return None
    years = exp.Extract(this=exp.var("YEAR"), expression=exp.Anonymous(this="AGE", expressions=[born.copy()]))
    top = node
    while isinstance(top.parent, exp.Paren):
        top = top.parent
    outer = top.parent
    if isinstance(outer, exp.Extract | exp.Div | exp.Mul | exp.Ordered | exp.Sub | exp.Add | exp.Cast):
        return None
    if _of_years(node) is None and isinstance(outer, exp.Binary):
        other = outer.expression if outer.this is top else outer.this
        if not isinstance(other, exp.Literal) or not other.name.isdigit() or int(other.name) > _OLDEST:
            return None
        if other.is_string:
            other.replace(exp.Literal.number(other.name))
    top.replace(years)
    return f"Ages are counted in whole years from {born.name}."


def _of_years(node: exp.Expr) -> exp.Column | None:
    """``EXTRACT(YEAR FROM CURRENT_DATE) - EXTRACT(YEAR FROM born)``."""
    if not isinstance(node, exp.Sub):
        return None
    sides = [node.this, node.expression]
    if not all(isinstance(side, exp.Extract) and side.this.name.lower() == "year" for side in sides):
        return None
    now, then = (side.expression for side in sides)
    return then if isinstance(now, _NOW) and isinstance(then, exp.Column) else None


def _of_span(node: exp.Expr) -> exp.Column | None:
    if isinstance(node, exp.Sub):
        now, then = node.this, node.expression
        return then if isinstance(now, _NOW) and isinstance(then, exp.Column) else None
    if str(node.this).lower() != "age":
        return None
    given = node.expressions
    if len(given) == 2 and isinstance(given[0], _NOW):
        given = given[1:]
    return given[0] if len(given) == 1 and isinstance(given[0], exp.Column) else None


def _turned(test: exp.Expr, question: str, names: Names, scope: Scope) -> str | None:
    """``born > CURRENT_DATE - INTERVAL '65 years'`` for who is older."""
    column, then = test.this, test.expression.unnest()
    if not isinstance(column, exp.Column) or not _is_birth(column, names, scope):
        return None
    if (
        not isinstance(then, exp.Sub)
        or not isinstance(then.this, _NOW)
        or not isinstance(then.expression, exp.Interval)
    ):
        return None
    number = then.expression.this.name.split()[0] if then.expression.this.name else ""
    older, younger = bool(_OLDER.search(question)), bool(_YOUNGER.search(question))
    if older == younger or not number.isdigit() or not re.search(rf"\b{number}\b", question):
        return None
    if isinstance(test, exp.LT | exp.LTE) == older:
        return None
    for kind, other in _TURNED:
        if type(test) is kind:
            test.replace(other(this=column.copy(), expression=test.expression.copy()))
            break
    return f"Who is {'older' if older else 'younger'} was born {'before' if older else 'after'} that day."


def _is_birth(column: exp.Column, names: Names, scope: Scope) -> bool:
    return kind_of(column, names, scope) in MOMENTS and bool(_BIRTH & {*name_words(folded(column.this))})


RULE = Rule("asked_age", _fix)
