"""A time of day that the question names taken for a moment: ``came < '2023-01-01 08:00'`` for "before 8 am".

The hour of each moment is compared. Where the query says nothing of hours, the condition is added if its FROM
has exactly one moment with a time of day.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.foreign_functions import extract
from graph.autofix.kinds import kind_of, kind_of_type
from graph.autofix.names import Names, folded, identifier

_HALF = r"a\.?m\.?|p\.?m\.?|in\s+the\s+(?:morning|afternoon|evening)|at\s+night"
_CLOCK = rf"(?P<hour>\d{{1,2}})(?::(?P<minute>\d\d))?\s*(?:o['’]?clock\s*)?(?P<half>{_HALF})?"
_ASKED = re.compile(
    rf"\b(?P<side>before|after|until|till|from|since|past|at\s+or\s+after|later\s+than|earlier\s+than)\s+"
    rf"(?:(?P<word>noon|midday)\b|{_CLOCK}(?![\w.,:%/-]*\d))",
    re.IGNORECASE,
)
_CLEAR = re.compile(rf"\d\s*(?:{_HALF})(?!\w)|o['’]?clock|\d:\d\d|\bnoon\b|\bmidday\b", re.IGNORECASE)
"""That it is a time of day at all: "after 6" alone may count anything."""
_OTHER = re.compile(
    r"\b(?:between|and\s+after|or\s+after|and\s+before|or\s+before|duration|long|hours?)\b", re.I
)
_BEFORE = frozenset({"before", "until", "till", "earlier than"})
_TIMED = re.compile(r"(?:(?P<day>\d{4}-\d{1,2}-\d{1,2})[ T])?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::\d\d)?$")
_NOON, _DAY = 12, 24


def _fix(context: Context) -> str | None:
    question, names = context.question, context.names
    found = [match for match in _ASKED.finditer(question) if _CLEAR.search(match[0])]
    if len(found) != 1 or _OTHER.search(question):
        return None
    time = _time(found[0])
    if time is None:
        return None
    before = " ".join(found[0]["side"].lower().split()) in _BEFORE
    for scope in names.scopes:
        for test in scope.find_all(exp.LT, exp.LTE, exp.GT, exp.GTE):
            column = test.this
            if not isinstance(column, exp.Column) or kind_of(column, names, scope) != "timestamp":
                continue
            if _written(test.expression, question) == time and isinstance(test, exp.LT | exp.LTE) == before:
                test.replace(_at(column, time, before=before))
                return f"Asked for {found[0][0]}: of {column.name} the time of day is compared."
    return _added(context, time, found[0][0], before=before)


def _time(match: re.Match[str]) -> tuple[int, int] | None:
    """Hour and minute; None for what no clock shows."""
    if match["word"]:
        return _NOON, 0
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    half = (match["half"] or "").lower().replace(".", "")
    if half and (hour > _NOON or not hour):
        return None
    if half == "pm" or "afternoon" in half or "evening" in half or half.endswith("night"):
        hour = hour % _NOON + _NOON
    elif half:
        hour %= _NOON
    elif not match["minute"] and hour <= _NOON:
        return None  # eight o'clock is one of two
    return (hour, minute) if hour < _DAY and minute < 60 else None


def _written(bound: exp.Expr, question: str) -> tuple[int, int] | None:
    """The time of a moment that is written out, unless the question names its year."""
    while isinstance(bound, exp.Cast | exp.Paren):
        bound = bound.this
    match = _TIMED.match(bound.name) if isinstance(bound, exp.Literal) and bound.is_string else None
    if match is None or (match["day"] and match["day"][:4] in question):
        return None
    return int(match["hour"]), int(match["minute"])


def _at(column: exp.Expr, time: tuple[int, int], *, before: bool) -> exp.Expr:
    compare = exp.LT if before else exp.GTE
    hour, minute = time
    if not minute:
        return compare(this=extract("HOUR", column), expression=exp.Literal.number(hour))
    moment = exp.cast(column.copy(), exp.DType.TIME)
    return compare(this=moment, expression=exp.Literal.string(f"{hour:02}:{minute:02}"))


def _added(context: Context, time: tuple[int, int], said: str, *, before: bool) -> str | None:
    select, names = context.tree, context.names
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or not isinstance(select, exp.Select) or scope.expression is not select:
        return None
    if _speaks_of_hours(select) or len(names.scopes) > 1:
        return None
    moments = _moments(names, scope)
    if moments is None or len(moments) != 1:
        return None
    alias, name = moments[0]
    column = exp.column(identifier(name), table=alias if len(names.sources(scope)) > 1 else None)
    select.where(_at(column, time, before=before), copy=False)
    return f"Asked for {said}: only rows whose {name} is at that time of day are taken."


def _speaks_of_hours(select: exp.Select) -> bool:
    if any(one.this.name.lower() in {"hour", "minute", "epoch"} for one in select.find_all(exp.Extract)):
        return True
    if any(_TIMED.match(one.name) for one in select.find_all(exp.Literal)):
        return True
    if any(one.to.sql(dialect="postgres").lower().startswith("time") for one in select.find_all(exp.Cast)):
        return True
    return select.find(exp.Anonymous, exp.TimeToStr) is not None


def _moments(names: Names, scope: Scope) -> list[tuple[str, str]] | None:
    """Every timestamp of FROM; None where that cannot be known or a column holds times of day as it is."""
    found: list[tuple[str, str]] = []
    for source in names.sources(scope):
        if source.table is None:
            return None
        for column in source.table.columns:
            kind = kind_of_type(column.type)
            if kind == "time":
                return None
            if kind == "timestamp":
                found.append((source.alias, folded(column.name)))
    return found


RULE = Rule("asked_hour", _fix)
