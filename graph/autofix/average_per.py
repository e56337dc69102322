"""How many of one thing another has on average, taken as an average of single rows.

Asked how many items an order contains, ``AVG(quantity) FROM order_items`` says how many pieces a line has:
what all lines have is divided by the orders. Rows whose measure is no number of pieces are counted. Figures
*per* something are grouped by it (``asked_table``).
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_single
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.joins import type_family
from graph.context.synonyms import SYNONYMS
from graph.context.words import name_words, stem, words
from wire.snapshot import Table

_ASKED = re.compile(
    r"\bhow\s+many\s+(?P<thing>(?:\w+\s+){0,2}?\w+)\s+(?:does|do|did|has|have|are|is)\s+(?:there\s+)?"
    r"(?:on\s+average\s+)?(?:in\s+|on\s+)?(?:the\s+average|an\s+average|an?|one)\s+(?P<whole>\w+)\b",
    re.IGNORECASE,
)
_ON_AVERAGE = re.compile(r"\b(?:on|in\s+the)\s+average\b|\ban?\s+average\b|\bthe\s+average\b", re.IGNORECASE)
_PIECES = frozenset({"quantity", "qty", "pieces", "units", "count", "number", "num", "cnt"})


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    asked = _ASKED.search(context.question)
    if asked is None or not _ON_AVERAGE.search(context.question):
        return None
    if not isinstance(select, exp.Select) or select.args.get("group"):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or len(sources) != 1 or len(select.selects) != 1:
        return None
    [source] = sources
    averages = list(select.selects[0].find_all(exp.Avg))
    if source.table is None or len(averages) != 1 or isinstance(averages[0].parent, exp.Window | exp.Filter):
        return None
    column = averages[0].this
    while isinstance(column, exp.Cast | exp.Paren):
        column = column.this
    if not isinstance(column, exp.Column):
        return None
    if type_family((source.columns or {}).get(folded(column.this), "")) != "number":
        return None
    if not _is_called(asked["thing"], source.table, names):
        return None
    reference = _reference(asked["whole"], source, names)
    if reference is None or reference == folded(column.this):
        return None
    key = exp.column(identifier(reference), table=column.args.get("table"))
    things = exp.Count(this=exp.Distinct(expressions=[key]))
    pieces = name_words(folded(column.this))[-1] in _PIECES
    rows = exp.Sum(this=column.copy()) if pieces else exp.Count(this=exp.Star())
    averages[0].replace(
        exp.Div(
            this=exp.cast(rows, exp.DType.DOUBLE),
            expression=exp.Nullif(this=things, expression=exp.Literal.number(0)),
        )
    )
    return f"Asked for {asked['whole']} by {asked['whole']}: all {asked['thing']} are divided by these."


def _is_called(thing: str, table: Table, names: Names) -> bool:
    """Whether what is counted is called as the table's rows are."""
    own = {stem(word) for word in names.joins.short.table_words(table)[-1:]}
    last = stem(words(thing)[-1])
    if any(last == stem(word) for column in table.columns for word in name_words(column.name)):
        return last in own
    return last in own or bool(own & set(SYNONYMS.get(last, ())))


def _reference(whole: str, source: Source, names: Names) -> str | None:
    """The column by which the rows refer, many to each, to the things of this name."""
    assert source.table is not None
    found = set()
    for qualified in names.joins.referred(source.table.qualified_name):
        table = next((one for one in names.snapshot.tables if one.qualified_name == qualified), None)
        if table is None or [stem(word) for word in names.joins.short.table_words(table)] != [stem(whole)]:
            continue
        if is_single(source.table, qualified, names):
            continue
        joins = names.joins.between(source.table.qualified_name, qualified)
        found |= {join.left_columns[0] for join in joins if len(join.left_columns) == 1}
    return found.pop() if len(found) == 1 else None


RULE = Rule("average_per", _fix)
