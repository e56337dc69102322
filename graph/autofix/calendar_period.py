"""A period of the calendar ("last month", "this year") compared as if it were a moment or a rolling span.

``sold_on = CURRENT_DATE - INTERVAL '1 month'`` is one day; ``EXTRACT(MONTH FROM sold_on) = EXTRACT(MONTH FROM
CURRENT_DATE) - 1`` is that month of every year, and none in January. Said of the whole period instead.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.foreign_functions import interval, truncated
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Names

_UNITS = ("week", "month", "quarter", "year")
_NAMED = re.compile(
    r"(?<!\bthe\s)\b(last|previous|this|current)\s+(?:calendar\s+)?(week|month|quarter|year)\b(?!\s*[-'’])|"
    r"\bthe\s+(previous|current)\s+(?:calendar\s+)?(week|month|quarter|year)\b",
    re.IGNORECASE,
)

_DENIED = re.compile(
    r"\b(?:not|never|no|none|without|before|ago|older|earlier|since|until|more\s+than|over)\b|n['’]t\b",
    re.IGNORECASE,
)
_LAST_FEW = re.compile(r"\b(?:last|past|previous)\s+\w+\s+(day|week|month)s\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    asked = [
        ((one or three).lower(), (two or four).lower())
        for one, two, three, four in _NAMED.findall(context.question)
    ]
    for scope in context.names.scopes:
        where = scope.expression.args.get("where")
        if where is None:
            continue
        parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        for part in parts:
            said = (
                _equal_to_a_day(part, context.names, scope)
                or _by_number(part, parts, context, scope)
                or (
                    _as_named(part, parts, asked[0], context.question, context.names, scope)
                    if len(set(asked)) == 1
                    else None
                )
            )
            if said:
                return said
    return None


def _equal_to_a_day(part: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``moment = CURRENT_DATE - INTERVAL '1 month'``, ``timestamp = CURRENT_DATE``."""
    if not isinstance(part, exp.EQ) or not isinstance(part.this, exp.Column):
        return None
    kind = kind_of(part.this, names, scope)
    if kind == "timestamp" and isinstance(part.expression, exp.CurrentDate):
        part.set("this", exp.cast(part.this.copy(), exp.DType.DATE))
        return f"{part.this.sql(dialect='postgres')} is compared as a day."
    step = _back(part.expression)
    if kind == "timestamp" and step is not None and step[1] == "day":
        part.set("this", exp.cast(part.this.copy(), exp.DType.DATE))
        return f"{part.this.sql(dialect='postgres')} is compared as a day."
    if kind not in MOMENTS or step is None or step[1] not in _UNITS:
        return None
    _set_period(part, part.this, *step)
    return f"The whole {step[1]} is meant, not one day of it."


def _by_number(part: exp.Expr, parts: list[exp.Expr], context: Context, scope: Scope) -> str | None:
    """``EXTRACT(MONTH FROM moment) >= EXTRACT(MONTH FROM CURRENT_DATE) - 6`` for the last six months.

    In spring that is a number below 1, and in autumn it is those months of every year.
    """
    asked = _LAST_FEW.findall(context.question)
    if len(asked) != 1 or not isinstance(part, exp.GTE | exp.GT) or not isinstance(part.this, exp.Extract):
        return None
    unit, other = part.this.this.name.lower(), part.expression.unnest()
    column = part.this.expression
    if unit not in {"day", "week", "month"} or unit != asked[0].lower() or not isinstance(other, exp.Sub):
        return None
    now, count = other.this, other.expression
    if not isinstance(now, exp.Extract) or not isinstance(
        now.expression, exp.CurrentDate | exp.CurrentTimestamp
    ):
        return None
    if (
        now.this.name.lower() != unit
        or not count.name.isdigit()
        or kind_of(column, context.names, scope) not in MOMENTS
    ):
        return None
    since = exp.Sub(this=exp.CurrentDate(), expression=interval(int(count.name), unit))
    kept = [one.copy() for one in parts if one is not part and not _is_this_year(one, column)]
    begins = exp.GTE(this=column.copy(), expression=since)
    scope.expression.set("where", exp.Where(this=exp.and_(begins, *kept)))
    return f"The last {count.name} {unit}s are counted back from today, and not by the number of the {unit}."


def _is_this_year(test: exp.Expr, column: exp.Expr) -> bool:
    """``EXTRACT(YEAR FROM moment) = EXTRACT(YEAR FROM CURRENT_DATE)``."""
    if not isinstance(test, exp.EQ):
        return False
    sides = [test.this, test.expression]
    if not all(isinstance(side, exp.Extract) and side.this.name.lower() == "year" for side in sides):
        return False
    return bool(sides[0].expression == column) and isinstance(
        sides[1].expression, exp.CurrentDate | exp.CurrentTimestamp
    )


def _as_named(
    part: exp.Expr,
    parts: list[exp.Expr],
    asked: tuple[str, str],
    question: str,
    names: Names,
    scope: Scope,
) -> str | None:
    """A rolling span, or a month of any year, where the question names a period of the calendar."""
    which, unit = asked
    back = 0 if which in {"this", "current"} else 1
    column = _rolling(part, parts, unit) or _month_alone(part, unit, back)
    if column is None and back and not _DENIED.search(question):
        column = _before_then(part, parts, unit)
    if column is None or kind_of(column, names, scope) not in MOMENTS:
        return None
    _set_period(part, column, back, unit)
    return f"{which.capitalize()} {unit} is that of the calendar."


def _rolling(part: exp.Expr, parts: list[exp.Expr], unit: str) -> exp.Column | None:
    """``moment >= NOW() - INTERVAL '1 month'`` with no upper end, or from the first of that month."""
    if not isinstance(part, exp.GTE | exp.GT) or not isinstance(part.this, exp.Column):
        return None
    bounded = any(other is not part and part.this in list(other.find_all(exp.Column)) for other in parts)
    from_then = (1, unit) in {_back(part.expression), _back_to_first(part.expression)}
    return part.this if from_then and not bounded else None


def _before_then(part: exp.Expr, parts: list[exp.Expr], unit: str) -> exp.Column | None:
    """``moment < NOW() - INTERVAL '1 year'``: all but what is asked for."""
    if not isinstance(part, exp.LTE | exp.LT) or not isinstance(part.this, exp.Column):
        return None
    bounded = any(other is not part and part.this in list(other.find_all(exp.Column)) for other in parts)
    return part.this if (1, unit) == _back(part.expression) and not bounded else None


def _month_alone(part: exp.Expr, unit: str, back: int) -> exp.Column | None:
    """``EXTRACT(MONTH FROM moment) = EXTRACT(MONTH FROM CURRENT_DATE) - 1``."""
    if unit == "year" or not isinstance(part, exp.EQ) or not isinstance(part.this, exp.Extract):
        return None
    column, other = part.this.expression, part.expression
    if isinstance(other, exp.Sub) and other.expression.name == "1" and back == 1:
        other = other.this
        at = other.expression if isinstance(other, exp.Extract) else None
        found = isinstance(at, exp.CurrentDate | exp.CurrentTimestamp)
    elif isinstance(other, exp.Extract) and back == 0:
        found = isinstance(other.expression, exp.CurrentDate | exp.CurrentTimestamp)
    else:
        found = isinstance(other, exp.Extract) and _back(other.expression) == (1, unit) and back == 1
    named = part.this.this.name.lower() == unit == (other.this.name.lower() if found else "")
    return column if named and isinstance(column, exp.Column) else None


def _back_to_first(node: exp.Expr) -> tuple[int, str] | None:
    """``DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '1 month'``, cut before or after."""
    bare = node.unnest()
    if isinstance(bare, exp.TimestampTrunc):
        cut, step = bare, _back(bare.this)
    elif isinstance(bare, exp.Sub) and isinstance(bare.this, exp.TimestampTrunc):
        cut = bare.this
        step = _back(exp.Sub(this=cut.this.copy(), expression=bare.expression.copy()))
    else:
        return None
    unit = cut.text("unit").lower()
    if (step, unit) == ((3, "month"), "quarter"):
        return 1, unit
    return step if step is not None and step[1] == unit else None


def _back(node: exp.Expr) -> tuple[int, str] | None:
    """How many units before now; None for anything else."""
    bare = node.unnest() if isinstance(node, exp.Paren) else node
    if not isinstance(bare, exp.Sub) or not isinstance(bare.expression, exp.Interval):
        return None
    if not isinstance(bare.this, exp.CurrentDate | exp.CurrentTimestamp):
        return None
    number, unit = bare.expression.this, bare.expression.args.get("unit")
    if number is None or unit is None or not number.name.isdigit():
        return None
    return int(number.name), unit.name.lower().removesuffix("s")


def _set_period(part: exp.Expr, column: exp.Expr, back: int, unit: str) -> None:
    now: exp.Expr = exp.CurrentDate()
    if back:
        count, word = (back * 3, "month") if unit == "quarter" else (back, unit)
        now = exp.Sub(this=now, expression=interval(count, word))
    part.replace(exp.EQ(this=truncated(unit, column.copy()), expression=truncated(unit, now)))


RULE = Rule("calendar_period", _fix)
