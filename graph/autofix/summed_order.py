"""Things ordered by a measure of single rows that refer to them: "our biggest customer" by the largest order.

The measure is added up for each thing. Not where the question speaks of those rows ("the customer with the
largest order") or of a measure that cannot be added up, as a rate or a score.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Names, Source, folded
from graph.context.joins import type_family
from graph.context.words import listed, name_words, stem, stems

_ADDED = listed(
    """
    amount amt total quantity qty revenue sales cost paid payment fee fees count minutes hours seconds
    duration spent profit turnover volume units pieces
    """
)
"""Words of columns whose values make a sum."""
_SINGLE = re.compile(
    r"\b(?:single|one|any|individual|ever|at\s+once|expensive|cheap\w*|average|avg|mean|each|every|per|maximum|max|"
    r"minimum|min)\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    if not isinstance(select, exp.Select) or not question or _SINGLE.search(question):
        return None
    if any(select.args.get(part) for part in ("group", "having", "with_", "offset")) or select.is_star:
        return None
    order = select.args.get("order")
    if order is None or select.args.get("limit") is None or len(order.expressions) != 1:
        return None
    shown = [item.unalias() for item in select.selects if isinstance(item.unalias(), exp.Column)]
    measure = order.expressions[0].this
    if len(shown) != len(select.selects) or not isinstance(measure, exp.Column):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    rows = _source(measure, sources)
    things = [_source(item, sources) for item in shown]
    if rows is None or things[0] is None or any(thing is not things[0] for thing in things):
        return None
    if rows is things[0] or not _adds_up(measure, names, rows) or _speaks_of(rows, measure, question):
        return None
    if len(sources) != 2 or not is_repeated(things[0], sources, names):
        return None
    order.expressions[0].set("this", exp.Sum(this=measure.copy()))
    select.set("distinct", None)
    select.set("group", exp.Group(expressions=[item.copy() for item in shown]))
    return f"{measure.name} is added up for each {things[0].alias}, of which there are many rows."


def _source(column: exp.Expr, sources: list[Source]) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _adds_up(measure: exp.Column, names: Names, rows: Source) -> bool:
    name = folded(measure.this)
    assert rows.table is not None
    said = names.joins.short.column_words(rows.table, name)
    return type_family((rows.columns or {}).get(name, "")) == "number" and bool(_ADDED.intersection(said))


def _speaks_of(rows: Source, measure: exp.Column, question: str) -> bool:
    asked = set(stems(question))
    assert rows.table is not None
    table = {stem(word) for word in name_words(rows.table.name)}
    return table <= asked or {stem(word) for word in name_words(measure.name)} <= asked


RULE = Rule("summed_order", _fix)
