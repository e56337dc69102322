"""Rows counted by when the thing began that they refer to: units lost "in 2025", of batches received then.

Where figures are of one table and the time asked for is held against a date of the life of another, which the
first one refers to (launched, received, opened), the rows' own moment is meant: the question has no word for
the other's. A date that an order or the like has for its lines is none of a life, and stays.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Names, Source, folded, identifier
from graph.autofix.other_moment import row_moment
from graph.context.words import listed, name_words, stem, words

_LIFE = frozenset(
    map(
        stem,
        listed(
            """
            acquired began birth born bought built closed commissioned ended established finished founded
            hired introduced joined launched left opened received registered retired released started
            withdrawn
            """
        ),
    )
)
_TIME = re.compile(
    r"\b(?:19|20)\d\d\b|\b(?:this|last|previous|past)\s+(?:\w+\s+)?(?:year|month|quarter|week)s?\b", re.I
)


def _fix(context: Context) -> str | None:
    names, select = context.names, context.tree
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or scope.expression is not select or not isinstance(select, exp.Select):
        return None
    where = select.args.get("where")
    measured = _measured(select, names, scope)
    if where is None or measured is None or measured.table is None or not _TIME.search(context.question):
        return None
    spoken = {stem(word) for word in words(context.question)}
    referred = names.joins.referred(measured.table.qualified_name)
    dates = [one for one in where.find_all(exp.Column) if kind_of(one, names, scope) in MOMENTS]
    others = {(folded(one.args.get("table")), folded(one.this)) for one in dates}
    if len(others) != 1:
        return None
    [(alias, name)] = others
    source = next((one for one in names.sources(scope) if one.alias == alias), None)
    if source is None or source is measured or source.table is None:
        return None
    said = {stem(word) for word in name_words(name)}
    if source.table.qualified_name not in referred or not said & _LIFE or said & spoken:
        return None
    own = row_moment(measured.table, context.question, names)
    if own is None or any(folded(one.this) == own for one in select.find_all(exp.Column)):
        return None
    for one in dates:
        one.replace(exp.column(identifier(own), table=identifier(measured.alias)))
    return f"The time asked for is that of {measured.table.name}.{own}, not of {source.table.name}.{name}."


def _measured(select: exp.Select, names: Names, scope: Scope) -> Source | None:
    """The one table whose column is counted, added up or averaged."""
    figures = [figure for item in select.selects for figure in item.find_all(exp.AggFunc)]
    columns = [column for figure in figures for column in figure.find_all(exp.Column)]
    aliases = {folded(column.args.get("table")) for column in columns}
    if len(aliases) != 1:
        return None
    [alias] = aliases
    return next((one for one in names.sources(scope) if one.alias == alias), None)


RULE = Rule("own_moment", _fix)
