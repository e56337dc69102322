"""A time taken of another date than that of the deed: "delivered in May" by ``ordered_at``.

The verb before a time says which date of a table it is of, where one has its name: what was *returned in
2025* has its ``returned_on`` there. Only where the query's own date is not spoken of, and no other deed
stands between: what was delivered may have been *placed in May*.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of, kind_of_type
from graph.autofix.month_names import MONTHS
from graph.autofix.names import Names, Source, folded, identifier
from graph.autofix.other_moment import BARE
from graph.context.short_names import short_names
from graph.context.words import listed, stem, words

_UNIT = r"(?:day|week|month|quarter|year)"
_TIME = re.compile(
    rf"\b(?:(?:in|on|during|since|between|before|after|from|by|until|throughout|for)\s+(?:the\s+)?)?"
    rf"(?:(?:(?:end|start|beginning|month|months|year|years|first|second|third|fourth|last|half|quarter|week)\s+(?:of\s+)?)*"
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?)?(?:(?:{'|'.join(MONTHS)})\b,?\s*(?:of\s+)?)?(?:19|20)\d\d\b|"
    rf"(?:this|last|past|previous|each|every|per|current)\s+(?:\w+\s+)?{_UNIT}s?\b(?:\s+(?:of|in)\s+(?:19|20)\d\d\b)?|"
    rf"(?:today|yesterday)\b)",
    re.IGNORECASE,
)
_DEEDS = listed("""
    made sent bought sold taken took given gave got gotten won lost left paid built born held met begun began
    written wrote drawn drew put set cut done did come came gone went lent hit said told found kept
""")
_BARE_STEMS = frozenset(map(stem, BARE))
_COMPARISONS = (exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In)
_BETWEEN = 6
"""Words that may stand between a deed and its time."""


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        where = scope.expression.args.get("where")
        if where is None or not isinstance(scope.expression, exp.Select):
            continue
        timed = {
            column.sql(): column
            for test in where.find_all(*_COMPARISONS)
            for column in test.find_all(exp.Column)
            if column.parent_select is scope.expression and kind_of(column, names, scope) in MOMENTS
        }
        if len(timed) != 1:
            continue
        [column] = timed.values()
        source = names.source_of(column, scope)
        meant = _meant(folded(column.this), source, context) if source is not None else None
        if meant is None or not _may_change(column, meant, names, scope):
            continue
        name = folded(column.this)
        for one in list(names.columns(scope)):
            if folded(one.this) == name and names.source_of(one, scope) is source:
                one.set("this", identifier(meant))
        return f"The time is asked of {meant}, and not of {name}."
    return None


def _meant(name: str, source: Source, context: Context) -> str | None:
    """The one other moment of the table whose deed stands before the time."""
    assert source.table is not None
    short = short_names(context.names.snapshot)
    own = {stem(word) for word in short.table_words(source.table)}
    told = {
        column.name: {stem(word) for word in short.column_words(source.table, column.name)}
        - _BARE_STEMS
        - own
        for column in source.table.columns
        if kind_of_type(column.type) in MOMENTS
    }
    if told.get(name, set()) & {stem(word) for word in words(context.question)}:
        return None
    spoken = _deed(context.question, own, {word for said in told.values() for word in said})
    found = [other for other, said in told.items() if spoken is not None and said == {spoken}]
    return found[0] if len(found) == 1 and found[0] != name else None


def _deed(question: str, own: set[str], known: set[str]) -> str | None:
    """The deed of which the one time of a question is."""
    times = list(_TIME.finditer(question))
    if len(times) != 1:
        return None
    before = words(re.split(r"[,;:]", question[: times[0].start()])[-1])
    if not question[: times[0].start()].strip():
        said = [word for word in words(question[times[0].end() :]) if _is_deed(word, known)]
        return stem(said[0]) if len(said) == 1 and stem(said[0]) in known and _is_done(said[0]) else None
    for place in range(len(before) - 1, max(len(before) - 1 - _BETWEEN, 0), -1):
        word = before[place]
        if stem(word) in own:
            return None
        if _is_deed(word, known):
            one_of_two = before[place - 1] in {"or", "and"}
            return stem(word) if stem(word) in known and _is_done(word) and not one_of_two else None
    return None


def _is_deed(word: str, known: set[str]) -> bool:
    return stem(word) in known or _is_done(word)


def _is_done(word: str) -> bool:
    return word.endswith("ed") or word in _DEEDS


def _may_change(column: exp.Column, meant: str, names: Names, scope: Scope) -> bool:
    """Whether the query neither reads the other date, nor takes this one as more than a time."""
    for one in names.columns(scope):
        if folded(one.this) == meant and not isinstance(one.parent, exp.Is):
            return False
        if folded(one.this) == folded(column.this) and isinstance(one.parent, exp.Is | exp.Sub | exp.Ordered):
            return False
    return True


RULE = Rule("deed_moment", _fix)
