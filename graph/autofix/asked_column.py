"""Columns that the question lists and the query leaves out: "show make, model and price", without price.

Only in a plain list of rows, where one more column changes no row; and only a column that the words name
exactly, of one table of FROM.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded, identifier, output_name
from graph.context.words import STOP_WORDS, stem, words

_LISTED = re.compile(
    r"(?:\b(?:list|show|give|return|display|include|including|along\s+with|get|provide)\b|:)\s+"
    r"(?:me\s+|us\s+)?((?:[\w'’ /-]+,\s*)*[\w'’ /-]+?(?:,?\s+and\s+[\w'’ /-]+)?)"
    r"(?=[.?!;:]|\s+(?:of|for|from|who|that|which|where|in)\b|$)",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r",|\band\b|/", re.IGNORECASE)
_FEW = 3
"""Words that a listed thing may have."""


def _fix(context: Context) -> str | None:
    found = listed_rows(context)
    if found is None:
        return None
    select, sources = found
    names = context.names
    shown = {folded(column.this) for item in select.selects for column in item.find_all(exp.Column)}
    shown |= {output_name(item) for item in select.selects}
    for phrase in _LISTED.findall(context.question):
        for thing in _BETWEEN.split(phrase):
            wanted = [stem(word) for word in words(thing) if word not in STOP_WORDS]
            if not 0 < len(wanted) <= _FEW:
                continue
            named = [
                (source, column.name)
                for source in sources
                if source.table is not None
                for column in source.table.columns
                if _stems(names.joins.short.column_words(source.table, column.name)) == wanted
            ]
            if len(named) != 1 or named[0][1] in shown:
                continue
            source, name = named[0]
            select.append("expressions", exp.column(identifier(name), table=source.alias))
            return f"Asked for {' '.join(words(thing))}: {name} is shown, too."
    return None


def _stems(said: list[str]) -> list[str]:
    return [stem(word) for word in said]


def listed_rows(context: Context) -> tuple[exp.Select, list[Source]] | None:
    """The statement with its sources, when it lists rows of tables as they are."""
    select, names = context.tree, context.names
    if not isinstance(select, exp.Select) or select.is_star or not names.scopes:
        return None
    if any(select.args.get(part) for part in ("group", "distinct", "with_", "having")):
        return None
    if any(item.find(exp.AggFunc, exp.Window) for item in select.selects):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    return select, sources


RULE = Rule("asked_column", _fix)
