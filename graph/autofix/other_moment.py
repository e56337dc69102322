"""A date of a role that nobody spoke of: "new customers since 2023" by their dates of birth.

Where a table has one date by which its rows begin (joined, ordered, opened) and the question has no word
for the other one (of birth, an end, a deadline), nor for any further one, its time is that of the beginning.
Where the question has a word for just one other date (*delivered last month*, by ``due_on``), it is of that.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of, kind_of_type
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.short_names import short_names
from graph.context.words import listed, stem, words
from wire.snapshot import Table

_TIME = re.compile(
    r"\b(?:19|20)\d\d\b|\b(?:this|last|previous|current|past)\s+(?:\w+\s+)?(?:year|month|quarter|week|day)s?\b|"
    r"\b(?:today|yesterday)\b",
    re.IGNORECASE,
)
_ROLES = (
    ("birth born birthday dob birthdate", "age aged old older oldest young younger youngest generation"),
    ("died death deceased", "dead die alive living live passed"),
    ("due deadline payable", "overdue late owe owed owing time pay pays"),
    (
        "end ends ended expiry expires expired until terminated termination valid",
        "expire over stop stopped finish finished close closed leave left lapse run runs active current",
    ),
    ("cancelled cancellation", "cancel canceled quit stop stopped"),
    ("left exit resigned", "leave leaving quit resign gone turnover churn lose lost"),
    ("expected planned estimated eta promised forecast", "expect plan estimate promise should will come"),
    ("updated modified changed edited", "update modify change edit"),
    ("deleted removed archived", "delete remove archive"),
)
_SPECIAL = [
    (frozenset(map(stem, own.split())), frozenset(map(stem, f"{own} {said}".split()))) for own, said in _ROLES
]
BEGIN = frozenset(map(stem, listed("""
    created join joined registered registration signup signed opened open ordered order booked booking
    start started begin began placed issued hire hired since added enrolled entered subscribed admitted
    submitted filed reported requested
""")))  # fmt: skip
BARE = listed("date dt at on ts day time datetime timestamp dttm")
_BARE_STEMS = frozenset(map(stem, BARE))
_COMPARISONS = (
    exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.In, exp.Like, exp.ILike, exp.RegexpLike,
)  # fmt: skip


def _fix(context: Context) -> str | None:
    names, question = context.names, context.question
    if not _TIME.search(question):
        return None
    spoken = {stem(word) for word in words(question)}
    for scope in names.scopes:
        where = scope.expression.args.get("where")
        if where is None or not isinstance(scope.expression, exp.Select):
            continue
        for test in where.find_all(*_COMPARISONS):
            column = _compared(test)
            if column is None or kind_of(column, names, scope) not in MOMENTS:
                continue
            source = names.source_of(column, scope)
            begin = _beginning(folded(column.this), source, spoken, names) if source is not None else None
            if begin is None or not _may_change(column, begin, names, scope):
                continue
            name = folded(column.this)
            for one in list(names.columns(scope)):
                if folded(one.this) == name and names.source_of(one, scope) is source:
                    one.set("this", identifier(begin))
            return f"Nobody asked for {name}: the time is that of {begin}."
    return None


def _compared(test: exp.Expr) -> exp.Column | None:
    """The one column that is held against days that are written out or a pattern, or a part of it against a
    number."""
    columns = list(test.find_all(exp.Column))
    if not columns or any(one != columns[0] for one in columns) or test.find(exp.Query):
        return None
    bare = isinstance(test, exp.GT | exp.GTE) and isinstance(
        test.expression, exp.CurrentDate | exp.CurrentTimestamp
    )
    return None if bare else columns[0]


def _beginning(name: str, source: Source, spoken: set[str], names: Names) -> str | None:
    """The date that was spoken of, else that by which rows begin, where the one that was taken has another
    role and nobody spoke of it."""
    assert source.table is not None
    short = short_names(names.snapshot)
    own = {stem(word) for word in short.table_words(source.table)}
    found: list[str] = []
    asked_for: list[str] = []
    is_special = False
    for column in source.table.columns:
        if kind_of_type(column.type) not in MOMENTS:
            continue
        said = {stem(word) for word in short.column_words(source.table, column.name) if word not in BARE}
        roles = [(words_of, asked) for words_of, asked in _SPECIAL if said & words_of]
        if column.name == name:
            is_special = bool(roles) and not any(spoken & asked for _, asked in roles)
        elif not roles and (said <= own or said & BEGIN):
            found.append(column.name)
        elif said & spoken:
            asked_for.append(column.name)
    if not is_special:
        return None
    told = asked_for or found
    return told[0] if len(told) == 1 else None


def row_moment(table: Table, question: str, names: Names) -> str | None:
    """The moment by which rows of a table are told: its only one, the one that is spoken of, or by which
    they begin; None where several may be meant."""
    spoken = {stem(word) for word in words(question)}
    own = {stem(word) for word in names.joins.short.table_words(table)}
    said = {
        column.name: {stem(word) for word in names.joins.short.column_words(table, column.name)} - _BARE_STEMS
        for column in table.columns
        if kind_of_type(column.type) in MOMENTS
    }
    special = {name for name, of in said.items() if any(of & words_of for words_of, _ in _SPECIAL)}
    begun = {name for name, of in said.items() if name not in special and (of <= own or of & BEGIN)}
    for found in (set(said), {name for name, of in said.items() if of & (spoken - own)}, begun):
        if len(found) == 1:
            return found.pop()
    return None


def _may_change(column: exp.Column, begin: str, names: Names, scope: Scope) -> bool:
    """Whether the query neither shows the date, nor asks whether there is one, nor reads the other."""
    for one in names.columns(scope):
        if folded(one.this) == begin:
            return False
        if folded(one.this) == folded(column.this) and (
            isinstance(one.parent, exp.Is | exp.Alias | exp.Select | exp.Sub | exp.Ordered)
        ):
            return False
    return True


RULE = Rule("other_moment", _fix)
