"""Rows counted where their money is asked for: "the total of payments", "how much did it bring in".

``COUNT`` becomes the sum of the one amount that the counted table has. Not where a number of things is asked
for as well.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import kind_of_type
from graph.autofix.names import Source, folded, identifier, is_integer
from graph.context.words import listed

_MONEY = re.compile(
    r"\b(?:totals?|sums?)\s+of\s+(?:\w+\s+){0,2}?(?:payments|sales|fees|costs|refunds|bills|charges|"
    r"donations|expenses)\b|"
    r"\b(?:total|overall)\s+(?:\w+\s+)?(?:revenue|income|takings|turnover|earnings|spend|spending|cost|sales|value)\b|"
    r"\bhow\s+much\b.*\b(?:br(?:ing|ought)|earn\w*|ma[dk]e|pa(?:y|id)|spen[dt]|cost|collect\w*|charged?|took|"
    r"take|owed?|worth|invoiced?|billed|refunded|money|revenue|income)\b|"
    r"\b(?:revenue|takings|turnover|proceeds)\s+(?:from|of|per|by|in|for)\b",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\b(?:how\s+(?:many|often)|number\s+of|count|counts|times|more\s+often|frequen\w+|average|running|cumulative|most\s+popular)\b",
    re.I,
)
_AMOUNTS = listed("amount total price cost fee paid value revenue sum payment charge refund turnover")


def _fix(context: Context) -> str | None:
    if not _MONEY.search(context.question) or _COUNTED.search(context.question):
        return None
    names, select = context.names, context.tree
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or scope.expression is not select or not isinstance(select, exp.Select):
        return None
    sources = names.sources(scope)
    counts = [count for count in select.find_all(exp.Count) if count.parent_select is select]
    if not counts or any(one != counts[0] for one in counts) or select.find(exp.Sum, exp.Avg, exp.Div):
        return None
    if any(source.table is None for source in sources) or isinstance(
        counts[0].parent, exp.Window | exp.Filter
    ):
        return None
    if counts[0].find(exp.Case) is not None:
        return None
    counted = _counted(counts[0], sources)
    amounts = [
        (source, name)
        for source in ([counted] if counted is not None else sources)
        for name, kind in (source.columns or {}).items()
        if kind_of_type(kind) in {"number", "integer"} and _is_amount(source, name, kind, context)
    ]
    if len(amounts) != 1:
        return None
    source, name = amounts[0]
    column = exp.column(identifier(name), table=source.alias if len(sources) > 1 else None)
    for count in counts:
        count.replace(exp.Sum(this=column.copy()))
    return f"An amount is asked for: {name} of {source.alias} is added up, its rows not counted."


def _counted(count: exp.Count, sources: list[Source]) -> Source | None:
    """The source whose rows are counted; None where that may be any."""
    inner = count.this
    column = inner.expressions[0] if isinstance(inner, exp.Distinct) and inner.expressions else inner
    if not isinstance(column, exp.Column):
        return sources[0] if len(sources) == 1 else None
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _is_amount(source: Source, name: str, kind: str, context: Context) -> bool:
    assert source.table is not None
    said = context.names.joins.short.column_words(source.table, name)
    return said[-1:] != ["id"] and bool(_AMOUNTS & {*said}) and not (is_integer(kind) and said[-1] == "id")


RULE = Rule("summed_money", _fix)
