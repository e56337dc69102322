"""Figures "per year" or "by month" over all time: the period is grouped by and shown.

By the one moment on which the query has a condition, else by the only one that its tables have. A moment that
is somebody's birth is none when no word of the question speaks of birth.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import ungrouped
from graph.autofix.base import Context, Rule
from graph.autofix.foreign_functions import extract, truncated
from graph.autofix.kinds import MOMENTS, kind_of, kind_of_type
from graph.autofix.names import folded, identifier
from graph.context.words import name_words

_ASKED = re.compile(
    r"\b(?:per|(?:for|in|of)\s+(?:each|every)|each|every|by|broken\s+down\s+by|split\s+by)\s+"
    r"(?:the\s+)?(?:calendar\s+)?"
    r"(?P<unit>year|quarter|month|week|weekday|day\s+of\s+(?:the\s+)?week|day|hour)\b"
    r"(?!\s+(?:of|they|it|she|he|membership|pass|rate|fee))(?!-)",
    re.IGNORECASE,
)
_ONE_FIGURE = re.compile(
    r"\b(?:on\s+average|average\s+(?:number|amount|total|count)|average|typical(?:ly)?|rate)\b", re.IGNORECASE
)
"""One figure over all periods: so many orders a month on average."""
_WEEKDAY = ("weekday", "week")
_BIRTH = {"birth", "born", "dob", "birthday", "birthdate"}


def _fix(context: Context) -> str | None:
    question = context.question
    asked = _ASKED.search(question)
    found = ungrouped(context)
    if asked is None or found is None or _ONE_FIGURE.search(question):
        return None
    select, sources = found
    if select.args.get("having") or not all(_is_figure(item) for item in select.selects):
        return None
    unit = asked["unit"].lower().split()[-1] if asked["unit"].lower() != "week" else "week"
    weekday = asked["unit"].lower().startswith(("weekday", "day of"))
    if any(unit in name_words(name) for source in sources for name in source.columns or ()):
        return None  # a column that holds the period
    moment = period_moment(select, context)
    if moment is None:
        return None
    if weekday:
        period, unit = extract("ISODOW", moment.copy()), "weekday"
    elif unit in {"year", "hour"}:
        period = extract(unit.upper(), moment.copy())
    else:
        period = truncated(unit.upper(), moment.copy())
    select.set("expressions", [exp.alias_(period, unit), *select.selects])
    select.set("group", exp.Group(expressions=[period.copy()]))
    select.set("order", exp.Order(expressions=[exp.Ordered(this=period.copy())]))
    return f"Asked for each {unit}: grouped by that of {moment.name}."


def _is_figure(item: exp.Expr) -> bool:
    return item.find(exp.AggFunc) is not None and item.find(exp.Window) is None


def period_moment(select: exp.Select, context: Context) -> exp.Column | None:
    names = context.names
    scope, where = names.scopes[-1], select.args.get("where")
    filtered = {
        (folded(column.args.get("table")), folded(column.this)): column
        for column in (where.find_all(exp.Column) if where is not None else ())
        if column.parent_select is select and kind_of(column, names, scope) in MOMENTS
    }
    if filtered:
        found = list(filtered.values())
    else:
        found = [
            exp.column(identifier(name), table=source.alias if len(names.sources(scope)) > 1 else None)
            for source in names.sources(scope)
            for name, kind in (source.columns or {}).items()
            if kind_of_type(kind) in MOMENTS
        ]
    found = [
        column for column in found if not _is_birth(column) or _BIRTH & {*context.question.lower().split()}
    ]
    return found[0] if len(found) == 1 else None


def _is_birth(column: exp.Column) -> bool:
    return bool(_BIRTH & {*name_words(folded(column.this))})


RULE = Rule("period_group", _fix)
