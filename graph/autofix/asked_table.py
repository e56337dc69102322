"""Figures "per drug" where FROM has no drug: its table is joined in, and each drug is shown.

Only a table that FROM refers to, itself or over others, so that no row is counted twice; and only where one
way leads there, or one alone has the word that is said before the table's: ``destination_port_id`` for the
destination country.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import AVERAGE_PER, asked_groups, is_one_each, is_owned, ungrouped
from graph.autofix.base import Context, Rule
from graph.autofix.missing_join import join_along
from graph.autofix.names import Names, Source, identifier
from graph.context.joins import Join
from graph.context.words import QUERY_WORDS, STOP_WORDS, name_words, stem, stems, words
from wire.snapshot import Table

_EACH = re.compile(r"\b(?:each|every|by)\b", re.IGNORECASE)
MOST_JOINS = 3
"""Joins that the way to the table may take."""


def _fix(context: Context) -> str | None:
    names = context.names
    found = ungrouped(context)
    if found is None:
        return None
    select, sources = found
    if not all(item.find(exp.AggFunc) and not item.find(exp.Window) for item in select.selects):
        return None
    if (AVERAGE_PER.search(context.question) and not _averages_named(select, context.question)) or (
        select.find(exp.Div) and not _EACH.search(context.question)
    ):
        return None  # one figure over all: so many orders per customer
    for phrase in asked_groups(context.question):
        found_table = outside_table(phrase, names, sources, owned=is_owned(phrase, context.question, names))
        if found_table is None:
            continue
        table, role = found_table
        way = way_to(names, sources, table, role)
        if way is None:
            continue
        if any(is_one_each(source, phrase, context.question) for source in sources):
            return None
        place = len(select.args.get("joins") or ())
        alias = join_along(names, names.scopes[-1], sources, way, wanted="", place=place)
        shown = [exp.column(identifier(name), table=alias) for name in shown_of(table, way[-1], names)]
        select.set("expressions", [*shown, *select.expressions])
        select.set("group", exp.Group(expressions=[column.copy() for column in shown]))
        return f"Asked for each {phrase.split()[0].lower()}: {table.name} is joined in and shown."
    return None


def _averages_named(select: exp.Select, question: str) -> bool:
    """``AVG(seats)`` for the average number of seats: of each row a measure, not a number of rows."""
    asked = set(stems(question))
    averages = [average.this for average in select.find_all(exp.Avg)]
    return bool(averages) and all(
        isinstance(one, exp.Column) and {stem(word) for word in name_words(one.name)} <= asked
        for one in averages
    )


def outside_table(
    phrase: str, names: Names, sources: list[Source], *, owned: bool = False
) -> tuple[Table, str] | None:
    """The one table outside FROM that the first words of the phrase name, or those after one more, which
    says in which part the things are meant: its owner, for one."""
    here = {source.table.qualified_name for source in sources if source.table}
    spoken = [stem(word) for word in words(phrase)]
    for start in (0, 1) if not {*words(phrase)[:1]} & (STOP_WORDS | QUERY_WORDS) else (0,):
        for end in range(len(spoken), start, -1):
            found = [
                table
                for table in names.snapshot.listed
                if spoken[start:end] in ([stem(word) for word in name_words(table.name)], _said(table, names))
            ]
            if found and start == 0 and end == 1 and owned:
                continue
            if found:
                new = len(found) == 1 and found[0].qualified_name not in here
                return (found[0], spoken[0] if start else "") if new else None
    return None


def _said(table: Table, names: Names) -> list[str]:
    return [stem(word) for word in names.joins.short.table_words(table)]


def way_to(names: Names, sources: list[Source], goal: Table, role: str) -> list[Join] | None:
    """The joins that lead from FROM to the table, each to what is referred to; None unless just one does."""
    here = [source.table.qualified_name for source in sources if source.table]
    ways = names.joins.ways(here, goal.qualified_name, longest=MOST_JOINS)
    if role:
        # One more word may be no role but a word about the things: "each new customer".
        played = [way for way in ways if any(role in _words(step, names) for step in way)]
        ways = played or (ways if not _is_reference(role, names) else [])
    if len(ways) != 1:
        return None
    return ways[0] if all(step.right in names.joins.referred(step.left) for step in ways[0]) else None


def _words(step: Join, names: Names) -> set[str]:
    """What the reference is called, and the table that has it."""
    schema, _, name = step.left.rpartition(".")
    table = names.snapshot.table(schema, name)
    said = {stem(word) for column in step.left_columns for word in name_words(column)}
    return said | ({*_said(table, names)} if table is not None else set())


def _is_reference(role: str, names: Names) -> bool:
    """Whether the word is some table's own: "per customer country" is the customer's, whatever else is."""
    return any(role in _said(table, names) for table in names.snapshot.listed)


def shown_of(table: Table, last: Join, names: Names) -> list[str]:
    """The table's key, and what its things are called."""
    called = names.joins.own.called(table)
    return [*last.right_columns, *(name for name in called if name not in last.right_columns)]


RULE = Rule("asked_table", _fix)
