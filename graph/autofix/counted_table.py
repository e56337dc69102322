"""``COUNT(*)`` of another table's rows: "how many restaurants in each region" counted over the regions.

The table that the question counts is joined in, when exactly one join leads to it from a table of FROM. Where
that one is there for nothing but its time, and no word of the question speaks of it, the other stands in.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Source, folded, identifier, is_output_alias
from graph.autofix.other_moment import BARE, row_moment
from graph.context.synonyms import SYNONYMS
from graph.context.words import name_words, stem, words
from wire.snapshot import Table

_COUNTED = re.compile(r"\b(?:how\s+many|number\s+of|count\s+of)\s+((?:\w+\s+){0,1}\w+)", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    if not isinstance(select, exp.Select) or select.args.get("joins") or not select.args.get("group"):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or len(sources) != 1 or sources[0].table is None:
        return None
    if not any(isinstance(count.this, exp.Star) for count in scope.find_all(exp.Count)):
        return None
    here = sources[0].table
    counted = _counted(context.question, names.snapshot.tables)
    if counted is None or counted is here or any(True for _ in select.find_all(exp.Subquery)):
        return None
    if _is_for_its_time(select, here, context):
        return _replaced(select, here, counted, context)
    ways = names.joins.between(here.qualified_name, counted.qualified_name)
    if len(ways) != 1:
        return None
    way = ways[0]
    on = exp.and_(
        *(
            exp.EQ(
                this=exp.column(identifier(left), table=sources[0].alias),
                expression=exp.column(identifier(right), table=counted.name),
            )
            for left, right in zip(way.left_columns, way.right_columns, strict=True)
        )
    )
    table = exp.Table(
        this=identifier(counted.name),
        db=None if counted.schema_name in names.snapshot.search_path else identifier(counted.schema_name),
    )
    for column in names.columns(scope):
        if not column.args.get("table") and _is_read(column, scope, sources[0]):
            column.set("table", exp.to_identifier(sources[0].alias))
    select.append("joins", exp.Join(this=table, on=on))
    return f"{counted.name} is what is counted; it is joined to {here.name}."


def _is_for_its_time(select: exp.Select, here: Table, context: Context) -> bool:
    """Whether nothing of the table is read but one moment, of which the question does not speak."""
    names = context.names
    scope = names.scopes[-1]
    source = names.sources(scope)[0]
    columns = [column for column in names.columns(scope) if _is_read(column, scope, source)]
    read = {folded(column.this) for column in columns}
    if len(read) != 1 or select.args.get("where") or select.args.get("having"):
        return False
    if any(kind_of(column, names, scope) not in MOMENTS for column in columns):
        return False
    said = {*names.joins.short.table_words(here), *names.joins.short.column_words(here, read.pop())} - BARE
    spoken = {stem(word) for word in words(f"{context.question} {context.notes}")}
    return not spoken & {other for word in said for other in (stem(word), *SYNONYMS.get(stem(word), ()))}


def _is_read(column: exp.Column, scope: Scope, source: Source) -> bool:
    """Whether it is a column of the table, and not a select item's name."""
    return source.has(folded(column.this)) is not False or not is_output_alias(column, scope)


def _replaced(select: exp.Select, here: Table, counted: Table, context: Context) -> str | None:
    """The counted table in the place of one that only lent its time; None where the former has none."""
    names = context.names
    moment = row_moment(counted, context.question, names)
    if moment is None:
        return None
    scope = names.scopes[-1]
    source = names.sources(scope)[0]
    columns = [column for column in names.columns(scope) if _is_read(column, scope, source)]
    for column in columns:
        column.set("this", identifier(moment))
        column.set("table", None)
    table = exp.Table(
        this=identifier(counted.name),
        db=None if counted.schema_name in names.snapshot.search_path else identifier(counted.schema_name),
    )
    select.set("from_", exp.From(this=table))
    return f"{counted.name} is what is counted, by {moment}; nothing was asked of {here.name}."


def _counted(question: str, tables: list[Table]) -> Table | None:
    """The one table whose whole name follows "how many"."""
    for phrase in _COUNTED.findall(question):
        spoken = [stem(word) for word in words(phrase)]
        for length in (2, 1):
            found = [
                table
                for table in tables
                if [stem(word) for word in name_words(table.name)] == spoken[:length]
                and table.partition_of is None
            ]
            if len(found) == 1:
                return found[0]
    return None


RULE = Rule("counted_table", _fix)
