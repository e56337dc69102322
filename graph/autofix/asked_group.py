"""Figures "per country", "for each fare" or "by category" that the query does not show per anything.

The word after *per*, *each* or *by* is looked for among the columns of FROM. When exactly one column is meant
it is shown, and grouped by if the query aggregates.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.short_names import stands_for
from graph.context.words import STOP_WORDS, name_words, stem, words

_ASKED = re.compile(
    r"\b(?:(?:for|in|of|by|from|on|at|within|per)\s+(?:each|every)|per|"
    r"(?<!ed\s)(?<!made\s)(?<!sold\s)(?<!held\s)(?<!paid\s)(?<!nt\s)(?<!en\s)(?<!ght\s)(?<!won\s)(?<!done\s)by(?!\s+the\s+(?:number|total))|"
    r"across(?:\s+(?:different|all|various))?|each)\s+(?:of\s+the\s+)?(?:(?:the|our|their|its)\s+(?=\w+['’]))?"
    r"((?:\w+[\s'’]+){0,2}\w+)",
    re.IGNORECASE,
)
AVERAGE_PER = re.compile(r"\baverage\s+number\s+of\b.*\b(?:per|each)\b", re.IGNORECASE)
"""One figure over all groups: the average number of employees per department."""
_REFERENCES = frozenset({"id", "code", "key", "no"})
_OWNER = re.compile(r"\w+(?:['’]s|s['’])\s", re.IGNORECASE)
_KEYS = ("id", "code", "name")
"""Endings of the column by which a thing is told apart, the likeliest first."""


def ungrouped(context: Context) -> tuple[exp.Select, list[Source]] | None:
    """The statement with its sources, when it is a plain one over tables that shows nothing by groups."""
    select = context.tree
    if not isinstance(select, exp.Select) or select.args.get("group") or select.is_star:
        return None
    if select.args.get("limit") or select.args.get("distinct") or select.args.get("with_"):
        return None
    scope = context.names.scopes[-1]
    sources = context.names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    return select, sources


def asked_groups(question: str) -> list[str]:
    """Up to three words after each *per*, *each* or *by* of a question."""
    return _ASKED.findall(question)


def _fix(context: Context) -> str | None:
    found_tables = ungrouped(context)
    if found_tables is None:
        return None
    select, sources = found_tables
    aggregates = [item for item in select.selects if item.find(exp.AggFunc)]
    if any(item.find(exp.Window) for item in select.selects):
        return None
    if aggregates and len(aggregates) != len(select.selects):
        return None  # grouping mends this
    shown = {folded(column.this) for item in select.selects for column in item.find_all(exp.Column)}
    for phrase in asked_groups(context.question):
        found = named_column(phrase, sources, context.names)
        if found is None or is_owned(phrase, context.question, context.names):
            continue
        source, name = found
        if not aggregates and _tells_apart(shown, source, name):
            return None
        column = exp.column(identifier(name), table=source.alias)
        if aggregates and _is_of_each_row(select, source, name, sources, context.names):
            return None
        if name in shown or (aggregates and is_one_each(source, phrase, context.question)):
            return None
        select.set("expressions", [column, *select.expressions])
        if aggregates:
            select.set("group", exp.Group(expressions=[column.copy()]))
        return f"Asked for each {phrase.split()[0].lower()}: {name} is shown."
    return None


def _is_of_each_row(
    select: exp.Select, source: Source, name: str, sources: list[Source], names: Names
) -> bool:
    """Whether an average per row is asked for, "the average delay per incident": it is one over all rows."""
    figures = [item.unalias() for item in select.selects]
    own = source.table is not None and names.joins.own.key(source.table) == name
    return own and len(sources) == 1 and all(item.find(exp.Avg) for item in figures)


def is_owned(phrase: str, question: str, names: Names) -> bool:
    """Whether figures are asked for *by the driver's depot*: by things of a table, not by their owners."""
    said = words(phrase)
    if not _OWNER.match(phrase) or len(said) < 2:
        return False
    tables = (names.joins.short.table_words(table) for table in names.snapshot.listed)
    if not any([stem(word) for word in table] == [stem(said[1])] for table in tables):
        return False
    return (
        re.search(rf"\b(?:by|per)\s+(?:(?:the|our|its|their)\s+)?{re.escape(phrase)}", question, re.I)
        is not None
    )


def is_one_each(source: Source, phrase: str, question: str) -> bool:
    """Whether one average over all groups is asked for, and the source's name says that it has a row each:
    the average number of employees per department, of ``headcount_by_department``."""
    table = name_words(source.table.name if source.table else source.alias)
    asked = [stem(word) for word in words(phrase)[:1]]
    return bool(AVERAGE_PER.search(question)) and set(asked) <= {stem(word) for word in table}


def named_column(phrase: str, sources: list[Source], names: Names) -> tuple[Source, str] | None:
    """The one column that the first words of the phrase name; longer readings win."""
    spoken = words(phrase)
    tables = {stem(word) for source in sources if source.table for word in name_words(source.table.name)}
    readings = [spoken[:3], spoken[:2], spoken[:1]]
    if stem(spoken[0]) in tables:
        # ``product categories`` are the categories of the table product.
        readings.insert(2, spoken[1:2])
    for reading in readings:
        wanted = [stem(word) for word in reading]
        if all(word in STOP_WORDS for word in reading):
            continue
        for matches in (_is_named, _is_key_of):
            found = [
                (source, name)
                for source in sources
                for name in source.columns or ()
                if matches(wanted, name, source, names)
            ]
            # The column on which tables are joined is in both; either shows the same.
            if found and len({name for _, name in found}) == 1:
                return found[0]
    return None


def thing_column(phrase: str, sources: list[Source], names: Names) -> tuple[Source, str] | None:
    """The column that tells apart the things that the phrase names: theirs, else what refers to them."""
    # Two words that name a table say more than the first of them, which may name another.
    found = _reference(phrase, sources, names, 2) or named_column(phrase, sources, names)
    if found is not None:
        return found
    wanted = stem(words(phrase)[0])
    references = [
        (source, name)
        for source in sources
        for name in source.columns or ()
        for said in [name_words(name)]
        if [stem(word) for word in said[:-1]] == [wanted] and said[-1] in _REFERENCES
    ]
    if len(references) == 1:
        return references[0]
    spoken = words(phrase)
    # Of a subject field the head is the field.
    head = named_column(spoken[1], sources, names) if len(spoken) == 2 else None
    return _reference(phrase, sources, names, 1) or head


def _reference(phrase: str, sources: list[Source], names: Names, least: int) -> tuple[Source, str] | None:
    """The one column that refers to the table of which the phrase speaks: a vessel type's, ``type_code``."""
    spoken = [stem(word) for word in words(phrase)]
    found: dict[tuple[str, str], tuple[Source, str]] = {}
    for source in sources:
        own = source.table.qualified_name if source.table is not None else ""
        for join in names.joins.of(own):
            schema, _, name = join.right.rpartition(".")
            target = names.snapshot.table(schema, name)
            said = [stem(word) for word in names.joins.short.table_words(target)] if target else []
            if len(said) >= least and spoken[: len(said)] == said and join.right in names.joins.referred(own):
                found[(source.alias, join.left_columns[0])] = (source, join.left_columns[0])
    return next(iter(found.values())) if len(found) == 1 else None


def _is_named(wanted: list[str], name: str, source: Source, names: Names) -> bool:
    """``country`` is country or country_name; ``course id`` is course_id; ``sector`` is brinstsec."""
    own = [stem(word) for word in name_words(name)]
    if source.table is not None and names.joins.short.glues(source.table):
        said = names.joins.short.column_words(source.table, name)
        if len(said) == len(wanted) == 1 and _is_short_for(said[0], wanted[0]):
            return True
        own = [stem(word) for word in said]
    return own == wanted or (len(own) == len(wanted) + 1 and own[:-1] == wanted and own[-1] == stem("name"))


def _is_short_for(letters: str, word: str) -> bool:
    """``sec`` for sector, but hardly for security: half of the word is there."""
    return stands_for(letters, word) and len(word) <= 2 * len(letters)


def _is_key_of(wanted: list[str], name: str, source: Source, names: Names) -> bool:
    """``fare`` is fare_id of the table fare; ``studio`` is std_id of the table studio."""
    table = source.table.name if source.table else source.alias
    if source.table is not None and names.joins.own.key(source.table) == name:
        said = names.joins.short.table_words(source.table)
        if [stem(word) for word in said] == wanted:
            return True
    if [stem(word) for word in name_words(table)] != wanted:
        return False
    return name in {f"{table}_id", f"{table}id", "id"} or (
        source.table is not None and source.table.primary_key == [name]
    )


def _tells_apart(shown: set[str], source: Source, name: str) -> bool:
    """Whether the rows already say which thing each is about."""
    if name in shown:
        return True
    return any(name_words(column)[-1:] and name_words(column)[-1] in _KEYS for column in shown)


RULE = Rule("asked_group", _fix)
