"""Rows counted where different things are: "at least three different genres" as ``COUNT(genre) >= 3``.

Where the question says *different*, *distinct* or *unique* of what the counted column is called, or the table
that it refers to, each value is counted once. So is each month, where "in every month" of a year is asked for
and twelve rows, or twelve days, would do.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.foreign_functions import extract
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Names, conditions_of
from graph.context.words import name_words, stem, words

_DIFFERENT = re.compile(r"\b(?:different|distinct|unique|various)\s+((?:\w+\s+){0,2}\w+)", re.IGNORECASE)
_EVERY = re.compile(
    r"\b(?:every|each|all)(?:\s+(?:single|one|12|twelve|4|four|of\s+the|the))*\s+(month|quarter)s?\b", re.I
)
_OF_YEAR = {"12": "MONTH", "4": "QUARTER"}
_KEYS = frozenset(map(stem, ("id", "code", "name", "no", "number", "key")))


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        for phrase in _DIFFERENT.findall(context.question):
            spoken = [stem(word) for word in words(phrase)]
            for count in select.find_all(exp.Count):
                if count.parent_select is select and _is_named(count.this, spoken):
                    count.set("this", exp.Distinct(expressions=[count.this.copy()]))
                    return f"Different {phrase.split()[0].lower()} are asked for: each is counted once."
        every = _EVERY.search(context.question)
        said = _periods(select, every[1].upper(), names) if every is not None else None
        if said:
            return said
    return None


def _is_named(counted: exp.Expr, spoken: list[str]) -> bool:
    if not isinstance(counted, exp.Column):
        return False
    said = [stem(word) for word in name_words(counted.name)]
    said = said[:-1] if len(said) > 1 and said[-1] in _KEYS else said
    return bool(said) and (spoken[: len(said)] == said or spoken[:1] == said[-1:])


def _periods(select: exp.Select, unit: str, names: Names) -> str | None:
    """``HAVING COUNT(*) = 12`` of a year's rows."""
    having = select.args.get("having")
    scope = next(one for one in names.scopes if one.expression is select)
    if having is None:
        return None
    moments = {
        column.sql(): column
        for test in conditions_of(select)
        for column in test.find_all(exp.Column)
        if kind_of(column, names, scope) in MOMENTS
    }
    if len(moments) != 1:
        return None
    [moment] = moments.values()
    for test in having.find_all(exp.EQ, exp.GTE):
        count, number = test.this, test.expression
        if not isinstance(count, exp.Count) or _OF_YEAR.get(number.name) != unit:
            continue
        counted = count.this.expressions[0] if isinstance(count.this, exp.Distinct) else count.this
        if isinstance(counted, exp.Star | exp.Literal | exp.Column):
            period = extract(unit, moment.copy())
            count.set("this", exp.Distinct(expressions=[period]))
            return f"Every {unit.lower()} is asked for: {unit.lower()}s are counted, and not rows."
    return None


RULE = Rule("distinct_count", _fix)
