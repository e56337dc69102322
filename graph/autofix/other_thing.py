"""Things of another table than those asked for: "each vessel's last inspection" under the inspectors' names.

Where the question names the things of a table (*each vessel*, *which vessels*) that FROM lacks and whose key
the rows have, and what is shown instead are names of a table that no word of the question speaks of, the one
is joined in the place of the other.
"""

import re

from sqlglot import exp

from graph.autofix.asked_group import asked_groups
from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded, identifier
from graph.context.joins import Join
from graph.context.synonyms import SYNONYMS
from graph.context.words import name_words, stem, stems, words
from wire.snapshot import Table

_WHICH = re.compile(r"\b(?:which|what|whose|each|every)\s+((?:\w+\s+){0,2}\w+)", re.IGNORECASE)
_LABELS = ("name", "title", "label")


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    if not isinstance(select, exp.Select) or select.is_star or select.args.get("with_"):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or len(sources) < 2 or any(source.table is None for source in sources):
        return None
    asked = set(stems(context.question))
    things = _asked_things(context, sources)
    if things is None:
        return None
    for join in select.args.get("joins") or ():
        shown = next((one for one in sources if one.alias == join.alias_or_name.lower()), None)
        for source in (shown, sources[0]):
            way = _way(source, things, sources, context) if source is not None else None
            if source is None or way is None or _is_spoken_of(source, join, asked, context):
                continue
            if len(sources) != 2 or join.side or not isinstance(join.args.get("on"), exp.EQ):
                continue
            said = _replaced(select, join, source, sources, things, way, names.snapshot.search_path)
            if said is not None:
                return said
    return None


def _asked_things(context: Context, sources: list[Source]) -> Table | None:
    """The one table outside FROM whose things the question names first."""
    here = {source.table.qualified_name for source in sources if source.table}
    for phrase in [*asked_groups(context.question), *_WHICH.findall(context.question)]:
        spoken = [stem(word) for word in words(phrase)]
        for length in (2, 1):
            found = [
                table
                for table in context.names.snapshot.listed
                if [stem(word) for word in context.names.joins.short.table_words(table)] == spoken[:length]
            ]
            if len(found) == 1:
                return found[0] if found[0].qualified_name not in here else None
    return None


def _way(source: Source, things: Table, sources: list[Source], context: Context) -> Join | None:
    """The one join that leads to the things from what stands beside the source."""
    joins = context.names.joins
    found = [
        join
        for other in sources
        if other is not source and other.table is not None
        for join in joins.between(other.table.qualified_name, things.qualified_name)
        if things.qualified_name in joins.referred(other.table.qualified_name)
    ]
    return found[0] if len(found) == 1 and len(found[0].left_columns) == 1 else None


def _is_spoken_of(source: Source, join: exp.Join, asked: set[str], context: Context) -> bool:
    """Whether a word of the question is the table's, one of its columns', or that of what refers to it."""
    assert source.table is not None
    said = {stem(word) for word in context.names.joins.short.table_words(source.table)}
    said |= {stem(word) for column in join.find_all(exp.Column) for word in name_words(column.name)}
    said |= {stem(word) for column in source.table.columns for word in name_words(column.name)}
    said -= {stem("id"), *map(stem, _LABELS)}
    return bool(asked & (said | {other for word in said for other in SYNONYMS.get(word, ())}))


def _replaced(
    select: exp.Select,
    join: exp.Join,
    source: Source,
    sources: list[Source],
    things: Table,
    way: Join,
    path: list[str],
) -> str | None:
    labels = [
        column.name
        for column in things.columns
        if name_words(column.name)[-1:] and name_words(column.name)[-1] in _LABELS
    ]
    label = labels[0] if len(labels) == 1 else way.right_columns[0]
    inside = {id(column) for column in join.args["on"].find_all(exp.Column)}
    mine = [
        column
        for column in select.find_all(exp.Column)
        if id(column) not in inside and folded(column.args.get("table")) == source.alias
    ]
    shown = {folded(column.this) for column in mine}
    if len(shown) != 1 or not any(item.unalias() is column for item in select.selects for column in mine):
        return None
    if name_words(next(iter(shown)))[-1:] == ["id"] or any(
        column.find_ancestor(exp.Where, exp.AggFunc) for column in mine
    ):
        return None
    other = next(one for one in sources if one is not source)
    alias = source.alias if source.table is not None and source.alias != source.table.name else things.name
    for column in mine:
        column.set("this", identifier(label))
        column.set("table", exp.to_identifier(alias))
    relation = exp.Table(
        this=identifier(things.name),
        db=None if things.schema_name in path else identifier(things.schema_name),
        alias=exp.TableAlias(this=exp.to_identifier(alias)) if alias != things.name else None,
    )
    old = next(table for table in select.find_all(exp.Table) if table.alias_or_name.lower() == source.alias)
    old.replace(relation)
    left = exp.column(identifier(way.left_columns[0]), table=other.alias)
    right = exp.column(identifier(way.right_columns[0]), table=alias)
    join.set("on", exp.EQ(this=left, expression=right))
    return f"{things.name} is what is asked for, not {source.table.name if source.table else source.alias}."


RULE = Rule("other_thing", _fix)
