"""A view that holds only some of the things asked for: "orders of each month" of a view of completed orders.

Where a view's comment says by a value of the things' table which of them it counts, and neither question
nor notes do, the same figures are taken of the table: counted by its one moment, for the period of the view.
"""

import re
from itertools import pairwise

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import folded, identifier, known_values
from graph.autofix.other_moment import row_moment
from graph.context.words import name_words, stem, words
from wire.snapshot import Table

_COUNTED = re.compile(r"\b(?:how\s+many|(?:number|count)s?\s+of)\s+((?:\w+\s+){0,2}\w+)", re.IGNORECASE)
_UNITS = ("year", "quarter", "month", "week", "day")


def _fix(context: Context) -> str | None:
    names, select = context.names, context.tree
    scope = names.scopes[-1]
    if not isinstance(select, exp.Select) or scope.expression is not select or select.find(exp.Subquery):
        return None
    sources = names.sources(scope)
    relation = select.args["from_"].this if select.args.get("from_") else None
    view = sources[0].table if len(sources) == 1 else None
    if view is None or view.kind not in {"view", "materialized_view"} or not isinstance(relation, exp.Table):
        return None
    asked = {stem(word) for word in words(f"{context.question} {context.notes}")}
    things = _things(context)
    moment = row_moment(things, context.question, names) if things is not None else None
    if things is None or moment is None or not _is_narrower(view, things, asked):
        return None
    used = {folded(column.this) for column in select.find_all(exp.Column)}
    counted = {name for name in used if _stems(name) == _stems(things.name)}
    periods = {name for name in used if name_words(name)[-1:] and name_words(name)[-1] in _UNITS}
    if len(counted) != 1 or len(periods) > 1 or used - counted - periods:
        return None
    period = _period(view, periods)
    if period is None:
        return None
    name, unit, kind = period
    # A month's first day is kept as what it is in the view.
    start = exp.func(
        "DATE_TRUNC", exp.Literal.string(unit), exp.column(identifier(moment)), dialect="postgres"
    )
    shown = exp.cast(start, "date") if kind == "date" else start
    schema = None if things.schema_name in names.snapshot.search_path else things.schema_name
    rows = exp.select(
        exp.alias_(shown, identifier(name)), exp.alias_(exp.Count(this=exp.Star()), identifier(*counted))
    ).from_(exp.Table(this=identifier(things.name), db=identifier(schema) if schema else None))
    rows.set("group", exp.Group(expressions=[exp.Literal.number(1)]))
    relation.replace(rows.subquery(identifier(sources[0].alias)))
    return f"{view.name} holds only some {things.name}, by what is said of it: all of them are counted."


def _stems(name: str) -> list[str]:
    return [stem(word) for word in name_words(name)]


def _things(context: Context) -> Table | None:
    """The one table whose things the question counts."""
    phrases = _COUNTED.findall(context.question)
    spoken = [stem(word) for word in words(phrases[0])] if len(phrases) == 1 else []
    found = [
        table
        for table in context.names.snapshot.listed
        if table.kind in {"table", "partitioned_table"} and table.partition_of is None
        for said in [_stems(table.name)]
        if spoken[: len(said)] == said
    ]
    return found[0] if len(found) == 1 else None


def _is_narrower(view: Table, things: Table, asked: set[str]) -> bool:
    """Whether the view is said to be of those things with a value that nobody asked for."""
    said = [stem(word) for word in words(view.comment)]
    values = {
        stem(value.lower())
        for column in things.columns
        for known, whole in [known_values(column)]
        for value in (known if whole else ())
        if value.isalpha()
    }
    own = _stems(things.name)
    kept = {one for one, after in pairwise(said) if one in values and [after] == own[:1]}
    return bool(kept) and not kept & asked


def _period(view: Table, periods: set[str]) -> tuple[str, str, str] | None:
    """The view's one column of time, its unit and its type; where the query names none, too."""
    found = [
        (column.name, said[-1], kind_of_type(column.type))
        for column in view.columns
        for said in [name_words(column.name)]
        if said and said[-1] in _UNITS and kind_of_type(column.type) in MOMENTS
    ]
    if len(found) != 1 or periods - {found[0][0]}:
        return None
    return found[0]


RULE = Rule("narrower_view", _fix)
