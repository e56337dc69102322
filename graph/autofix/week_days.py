"""Days of the week that are numbered as elsewhere, or compared with names that PostgreSQL pads.

MySQL's Sunday is 1, PostgreSQL's ``DOW`` has 0 for it and ``ISODOW`` 7; ``TO_CHAR(d, 'Day')`` gives
``'Sunday   '``. Which days are meant is taken from the question, where it names them.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NAMED = re.compile(rf"\b({'|'.join(_DAYS)})s?\b", re.IGNORECASE)
_WEEKEND = re.compile(r"\bweekends?\b", re.IGNORECASE)
_WORKING = re.compile(r"\b(?:weekdays?|working\s+days?|workdays?)\b", re.IGNORECASE)
_PADDED = re.compile(r"^TO_CHAR\(.*, '(Day|Month)'\)$", re.IGNORECASE | re.DOTALL)


def _fix(context: Context) -> str | None:
    return _unpadded(context) or _numbered(context)


def _unpadded(context: Context) -> str | None:
    """``TO_CHAR(d, 'Day') = 'Sunday'`` compares with a name that is filled up to nine letters."""
    for call in context.tree.find_all(exp.ToChar, exp.TimeToStr, exp.Anonymous):
        padded = _PADDED.match(call.sql(dialect="postgres"))
        test = call.parent
        if padded is None or not isinstance(test, exp.EQ | exp.NEQ | exp.In):
            continue
        texts = [side.name for side in [test.args.get("expression"), *test.expressions] if _is_text(side)]
        if texts and all(text == text.strip() for text in texts):
            moment = call.expressions[0] if isinstance(call, exp.Anonymous) else call.this
            pattern = exp.Literal.string(f"FM{padded[1]}")
            call.replace(exp.Anonymous(this="TO_CHAR", expressions=[moment.copy(), pattern]))
            return f"{padded[1]} is written FM{padded[1]}: PostgreSQL would fill the name up with blanks."
    return None


def _is_text(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _numbered(context: Context) -> str | None:
    wanted = _wanted(context.question)
    if not wanted:
        return None
    tests = [
        test for test in context.tree.find_all(exp.EQ, exp.In, exp.Between, exp.NEQ) if _of_week(test.this)
    ]
    if len(tests) != 1 or isinstance(tests[0], exp.NEQ) or isinstance(tests[0].parent, exp.Not | exp.Or):
        return None
    [test] = tests
    numbers = _numbers(test)
    extract = next(iter(test.this.find_all(exp.Extract)))
    if numbers is None or len(numbers) != len(wanted):
        return None
    iso = exp.Extract(this=exp.var("ISODOW"), expression=extract.expression.copy())
    if _meant(test.this, extract, numbers) == wanted:
        return None
    days = [exp.Literal.number(day) for day in sorted(wanted)]
    test.replace(
        exp.In(this=iso, expressions=days) if len(days) > 1 else exp.EQ(this=iso, expression=days[0])
    )
    return f"Days of the week are counted from Monday as 1: {', '.join(day.name for day in days)}."


def _wanted(question: str) -> set[int]:
    """The days that the question names, Monday as 1; none where it speaks of several kinds."""
    named = {_DAYS.index(day.lower()) + 1 for day in _NAMED.findall(question)}
    kinds = [bool(named), bool(_WEEKEND.search(question)), bool(_WORKING.search(question))]
    if sum(kinds) != 1 or len(named) > 1:
        return set()
    return named or ({6, 7} if kinds[1] else {1, 2, 3, 4, 5})


def _of_week(node: exp.Expr | None) -> bool:
    """Whether a number is the day of the week, perhaps shifted by a constant."""
    if node is None:
        return False
    extracts = list(node.find_all(exp.Extract))
    plain = all(
        isinstance(one, exp.Extract | exp.Sub | exp.Add | exp.Mod | exp.Paren | exp.Literal | exp.Cast)
        for one in node.walk(prune=lambda inner: isinstance(inner, exp.Extract))
        if not isinstance(one, exp.DataType)
    )
    return len(extracts) == 1 and extracts[0].this.name.upper() in {"DOW", "ISODOW", "DAYOFWEEK"} and plain


def _numbers(test: exp.Expr) -> set[int] | None:
    if isinstance(test, exp.Between):
        low, high = test.args["low"], test.args["high"]
        if not (low.name.isdigit() and high.name.isdigit()):
            return None
        return set(range(int(low.name), int(high.name) + 1))
    written = test.expressions if isinstance(test, exp.In) else [test.expression]
    if not written or not all(isinstance(one, exp.Literal) and one.name.isdigit() for one in written):
        return None
    return {int(one.name) for one in written}


def _meant(node: exp.Expr, extract: exp.Extract, numbers: set[int]) -> set[int] | None:
    """The days, Monday as 1, for which a plain or shifted day of the week is among the numbers."""
    bare = node.unnest() if isinstance(node, exp.Paren) else node
    shift = 0
    if isinstance(bare, exp.Add | exp.Sub) and bare.this is extract and bare.expression.name.isdigit():
        shift = int(bare.expression.name) * (1 if isinstance(bare, exp.Add) else -1)
    elif bare is not extract:
        return None
    own = {day: day if extract.this.name.upper() == "ISODOW" else day % 7 for day in range(1, 8)}
    return {day for day, number in own.items() if number + shift in numbers}


RULE = Rule("week_days", _fix)
