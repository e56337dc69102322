"""A table of many rows for each, joined and not used: what is added up or counted is so many times too much.

``SELECT SUM(o.total) FROM orders o JOIN tickets t ON t.customer_id = o.customer_id`` adds up each order once
for each ticket of its customer. The table is taken out where nothing but its join condition reads it, and the
question has no word of its name and says of nobody that they did something.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_single
from graph.autofix.names import Names, Source, folded, held_texts
from graph.context.synonyms import SYNONYMS
from graph.context.words import stem, stems

DID = re.compile(
    r"\b(?:who|that|which|with|without|(?:have|has|had)(?!\s+been\b)|having|whose|made|placed|bought|sold|took|got|did|gave|"
    r"received|used|often|frequently|(?:most|least)(?:\s+(?:commonly|heavily|widely))?\s+\w+(?:ed|en|ght|old|nt))\b",
    re.IGNORECASE,
)
"""Words by which a question may ask that there be rows of a table without naming it."""


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    if not isinstance(select, exp.Select) or not context.question or DID.search(context.question):
        return None
    if not any(item.find(exp.Sum, exp.Avg, exp.Count) for item in select.selects) or select.is_star:
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or len(sources) < 2 or any(one.table is None for one in sources):
        return None
    if any(count.this.find(exp.Distinct) for count in select.find_all(exp.Count)):
        return None
    for join in select.args.get("joins") or ():
        source = next((one for one in sources if one.alias == join.alias_or_name.lower()), None)
        if source is None or join.side or join.args.get("using") or join.args.get("on") is None:
            continue
        if is_read(join, source, select) or is_named(source, sources, context):
            continue
        if _multiplies(source, sources, names):
            join.pop()
            return f"{source.alias} is not needed, and would count each row many times: it is left out."
    return None


def is_read(join: exp.Join, source: Source, select: exp.Select) -> bool:
    """Whether the statement reads a column of the source anywhere but in what joins it."""
    inside = set(map(id, join.find_all(exp.Column)))
    for column in select.find_all(exp.Column):
        qualifier = folded(column.args.get("table"))
        if id(column) in inside:
            continue
        if qualifier == source.alias or (not qualifier and source.has(folded(column.this)) is not False):
            return True
    return False


def is_named(source: Source, sources: list[Source], context: Context, notes: str = "") -> bool:
    """Whether a word of the table's name that no other table of FROM has stands in the question.

    A word that is a value which the query looks for speaks of that: an invoice that is *paid*, of no payment.
    """
    own, others = _words(source, context), set[str]()
    for other in sources:
        if other is not source:
            others |= _words(other, context)
    asked = set(stems(f"{context.question} {notes}"))
    asked -= {stem(text.name) for _, _, text in held_texts(context.tree.find_all(exp.EQ))}
    telling = (own - others) or own
    return bool(asked & (telling | {other for word in telling for other in SYNONYMS.get(word, ())}))


def _words(source: Source, context: Context) -> set[str]:
    assert source.table is not None
    return {stem(word) for word in context.names.joins.short.table_words(source.table)}


def _multiplies(source: Source, sources: list[Source], names: Names) -> bool:
    """Whether no other table refers to it, and a row of those may have many of it."""
    assert source.table is not None
    own = source.table.qualified_name
    for other in sources:
        if other is source or other.table is None:
            continue
        if own in names.joins.referred(other.table.qualified_name):
            return False
        if is_single(source.table, other.table.qualified_name, names):
            return False
    return True


RULE = Rule("idle_rows", _fix)
