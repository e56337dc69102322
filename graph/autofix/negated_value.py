"""A value that the question excludes and the query asks for: "not by email", ``channel = 'email'``.

Only where nothing in the query is negated, and the question denies one thing, right before the value.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.context.words import fold

_DENIES = r"(?:\bnot|n['’]t|\bexcept|\bexcluding|\bother\s+than|\bapart\s+from|\bbesides)"
_BETWEEN = r"\W+(?:(?!and\b|or\b|but\b|only\b)\w+\W+){0,4}?"
_DENIAL = re.compile(_DENIES, re.IGNORECASE)
_LETTERS = 3


def _fix(context: Context) -> str | None:
    tree, question = context.tree, fold(context.question)
    if len(_DENIAL.findall(question)) != 1 or re.search(r"\bnot\s+only\b", question):
        return None
    if tree.find(exp.Not, exp.NEQ, exp.Except, exp.Case, exp.Filter) or any(
        join.side for join in tree.find_all(exp.Join)
    ):
        return None
    for where in tree.find_all(exp.Where):
        for test in list(where.find_all(exp.EQ)):
            literal = test.expression
            if not (
                isinstance(test.this, exp.Column) and isinstance(literal, exp.Literal) and literal.is_string
            ):
                continue
            value = fold(literal.name.strip("%"))
            if sum(map(str.isalpha, value)) < _LETTERS or isinstance(test.parent, exp.Or):
                continue
            if re.search(rf"{_DENIES}{_BETWEEN}['\"“‘]?{re.escape(value)}\b", question):
                test.replace(exp.NEQ(this=test.this.copy(), expression=literal.copy()))
                return f"Asked for what is not {literal.name!r}: {test.this.name} is something else."
    return None


RULE = Rule("negated_value", _fix)
