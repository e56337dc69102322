"""A ratio "of X above 4 to X below 4" whose divisor is everything instead of the second part that was named.

Only where the first part of the question is the condition that the query already counts by, and the second
part names another condition on the same column: another comparison with a number, or another of its values.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, known_values
from graph.context.words import fold

_ASKED = re.compile(
    r"\b(?:ratio|proportion)\s+of\s+(.+?)(?=\s+(?:per|by|for|in)\s+(?:each|every|different)\b|"
    r"\s+(?:per|by)\s+\w+\s*[?.]?$|\s+(?:var|differ|overall|across)|[?,;]|\.(?!\d)|$)",
    re.IGNORECASE,
)
_TO = re.compile(r"\s+(?:to|versus|vs\.?)\s+", re.IGNORECASE)
_NUMBER = r"(?P<n>\d+(?:\.\d+)?|one|two|three|four|five|six|seven|eight|nine|ten)"
_COMPARISONS: tuple[tuple[re.Pattern[str], type[exp.Binary]], ...] = tuple(
    (re.compile(form.replace("N", _NUMBER), re.IGNORECASE), kind)
    for forms, kind in (
        (r"\b(?:at\s+least|no\s+(?:less|fewer)\s+than)\s+N\b|||>=\s*N", exp.GTE),
        (r"\b(?:at\s+most|no\s+more\s+than|up\s+to)\s+N\b|||<=\s*N", exp.LTE),
        (r"\bN\s+or\s+(?:more|above|higher|greater)\b", exp.GTE),
        (r"\bN\s+or\s+(?:less|fewer|below|lower)\b", exp.LTE),
        (r"\b(?:more|greater|higher|larger)\s+than\s+N\b|||\b(?:above|over|exceeding)\s+N\b|||>\s*N", exp.GT),
        (r"\b(?:less|fewer|lower|smaller|shorter)\s+than\s+N\b|||\b(?:below|under)\s+N\b|||<\s*N", exp.LT),
        (r"\b(?:exactly|only|just|have|has|having|with|to|of|in)\s+N\b|||=\s*N", exp.EQ),
    )
    for form in forms.split("|||")
)  # fmt: skip
_WORDS = {word: str(number) for number, word in enumerate(
    "zero one two three four five six seven eight nine ten".split()  # noqa: SIM905 - a list of words
)}  # fmt: skip
_SAME: dict[type[exp.Binary], tuple[type[exp.Binary], int]] = {exp.GTE: (exp.GT, -1), exp.LTE: (exp.LT, 1)}
"""Over whole numbers ``>= 3`` and ``> 2`` are one condition."""


def _fix(context: Context) -> str | None:
    asked = _ASKED.search(context.question)
    if asked is None:
        return None
    # "papers that belong to 2 sets to papers that belong to 1": any "to" may be the one between the parts.
    splits = [(asked[1][: at.start()], asked[1][at.end() :]) for at in _TO.finditer(asked[1])]
    names = context.names
    for scope in names.scopes:
        if not isinstance(scope.expression, exp.Select):
            continue
        for division in list(scope.find_all(exp.Div)):
            part, whole = bare(division.this), bare(division.expression)
            test = _test(part)
            if test is None or not is_whole(whole):
                continue
            others = (_second(test, first, second, names, scope) for first, second in splits)
            other = next((one for one in others if one is not None), None)
            if other is None:
                continue
            below = part.copy()
            found = _test(below)
            if found is None:
                continue
            found.replace(other)
            division.set("expression", exp.Nullif(this=below, expression=exp.Literal.number(0)))
            _drop_condition(scope.expression, test)
            return f"The ratio is to those with {other.sql(dialect='postgres')}, as asked, not to all."
    return None


def bare(node: exp.Expr) -> exp.Expr:
    """The value without casts, parentheses, guards against zero and factors."""
    while isinstance(node, exp.Paren | exp.Cast | exp.Nullif | exp.Mul):
        if isinstance(node, exp.Mul):
            numbers = [side for side in (node.this, node.expression) if isinstance(side, exp.Literal)]
            if len(numbers) != 1:
                return node
            node = node.expression if node.this is numbers[0] else node.this
        else:
            node = node.this
    return node


def _test(part: exp.Expr) -> exp.Binary | None:
    """The one comparison by which a conditional aggregate counts; None for any other expression."""
    if isinstance(part, exp.Filter):
        condition = part.expression.this
    elif isinstance(part, exp.Sum | exp.Count):
        inner = part.this.expressions[0] if isinstance(part.this, exp.Distinct) else part.this
        if not isinstance(inner, exp.Case) or len(inner.args["ifs"]) != 1:
            return None
        condition = inner.args["ifs"][0].this
    else:
        return None
    tests = list(condition.find_all(exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.ILike))
    if condition is not (tests[0] if len(tests) == 1 else None):
        return None
    return tests[0] if isinstance(tests[0].expression, exp.Literal) else None


def is_whole(node: exp.Expr) -> bool:
    """An aggregate over everything: no condition in it."""
    return isinstance(node, exp.Count | exp.Sum) and node.find(exp.Case, exp.Filter) is None


def _second(test: exp.Binary, first: str, second: str, names: Names, scope: Scope) -> exp.Expr | None:
    """The condition that the second part names, when the first part names the one that is tested."""
    if not test.expression.is_string:
        one, other = _comparison(first), _comparison(second)
        if one is None or other is None or one == other:
            return None
        if not _means(one, type(test), str(test.expression.this)):
            return None
        kind, number = other
        return kind(this=test.this.copy(), expression=exp.Literal.number(number))
    if not isinstance(test.this, exp.Column):
        return None
    known = names.column(test.this, scope)
    values = known_values(known)[0] if known is not None else []
    if fold(test.expression.name.strip("%")) not in fold(first):
        return None
    named = [value for value in values if value and fold(value) in fold(second)]
    if len(named) != 1 or named[0] == test.expression.name:
        return None
    return exp.EQ(this=test.this.copy(), expression=exp.Literal.string(named[0]))


def _comparison(phrase: str) -> tuple[type[exp.Binary], str] | None:
    """The comparison with a number that a phrase names: ``more than 3`` is ``> 3``."""
    for pattern, kind in _COMPARISONS:
        if found := pattern.search(phrase):
            number = found["n"].lower()
            return kind, _WORDS.get(number, number)
    return None


def _means(asked: tuple[type[exp.Binary], str], kind: type[exp.Binary], number: str) -> bool:
    kind_asked, number_asked = asked
    if kind_asked is kind and float(number_asked) == float(number):
        return True
    for one, count, other, other_count in (
        (kind_asked, number_asked, kind, number), (kind, number, kind_asked, number_asked)
    ):  # fmt: skip
        if one in _SAME and _SAME[one][0] is other and float(count) + _SAME[one][1] == float(other_count):
            return True
    return False


def _drop_condition(select: exp.Select, test: exp.Binary) -> None:
    """The first part's condition, if WHERE has it too, would leave nothing for the second."""
    where = select.args.get("where")
    if where is None:
        return
    parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    said = test.sql().lower()
    kept = [part.copy() for part in parts if part.sql().lower() != said]
    if len(kept) < len(parts):
        select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)


RULE = Rule("ratio_parts", _fix)
