"""The most of each group without what has it: "the heaviest animal of each species" as each species' weight.

Where a query groups and shows one ``MAX`` or ``MIN`` and the question asks for the things that have it, they
are shown with it, the first within each group.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.first_of_each import FIRST, rank_within
from graph.autofix.kinds import kind_of
from graph.autofix.names import Source, folded, identifier, output_name
from graph.context.synonyms import SYNONYMS
from graph.context.words import stem, words

_EACH = re.compile(r"\b(?:each|every|per|by)\b", re.IGNORECASE)
_WHICH = re.compile(r"\bwhich\s+((?:\w+\s+){0,1}\w+)", re.IGNORECASE)
_BETWEEN = 2
"""Words that may stand between a superlative and the thing: the most expensive used car."""


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    if not isinstance(select, exp.Select) or not _EACH.search(question) or not FIRST.search(question):
        return None
    group = select.args.get("group")
    if group is None or any(select.args.get(part) for part in ("having", "limit", "distinct", "with_")):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    figures = [item for item in select.selects if item.find(exp.AggFunc)]
    keys = [item.unalias() for item in select.selects if not item.find(exp.AggFunc)]
    if len(figures) != 1 or select.find(exp.Window) or not all(isinstance(key, exp.Column) for key in keys):
        return None
    figure = figures[0].unalias()
    measure = figure.this if isinstance(figure, exp.Max | exp.Min) else None
    if not isinstance(measure, exp.Column) or kind_of(measure, names, scope) not in {"integer", "number"}:
        return None
    holder = _source(measure, sources)
    parts = [one for one in group.expressions if isinstance(one, exp.Column)]
    if holder is None or holder.table is None or len(parts) != len(group.expressions) or not keys:
        return None
    called = names.joins.own.called(holder.table)
    own = names.joins.own.key(holder.table)
    told = [*called] or ([own] if own else [])
    grouped = {folded(part.this) for part in parts if _source(part, sources) is holder}
    if not told or grouped & {*called, own} or not _is_asked(holder, context):
        return None
    alias = holder.alias
    taken = [output_name(item) for item in select.selects]
    shown = []
    for name in told:
        column: exp.Expr = exp.column(identifier(name), table=alias)
        given = f"{alias}_{name}" if name in taken else name
        shown.append((exp.alias_(column, given) if given != name else column, given))
    place = next(index for index, item in enumerate(select.selects) if item is figures[0])
    given = figures[0].alias or folded(measure.this)
    items = [
        *select.selects[:place],
        *(item for item, _ in shown),
        exp.alias_(measure.copy(), given),
        *select.selects[place + 1 :],
    ]
    outputs = [*taken[:place], *(name for _, name in shown), given, *taken[place + 1 :]]
    if len(set(outputs)) != len(outputs):
        return None
    select.set("expressions", items)
    select.set("group", None)
    select.set("order", None)
    down = isinstance(figure, exp.Max)
    order = exp.Ordered(this=measure.copy(), desc=down or None, nulls_first=False)
    rank_within(select, [*parts], [order], outputs, 1)
    return f"Asked which {holder.table.name}: {' and '.join(told)} of the first of each is shown."


def _source(column: exp.Column, sources: list[Source]) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _is_asked(holder: Source, context: Context) -> bool:
    """Whether the question asks for the things: "its heaviest animal", "which animal"."""
    assert holder.table is not None
    said = [stem(word) for word in context.names.joins.short.table_words(holder.table)][-1:]
    alike = {*said, *(other for word in said for other in SYNONYMS.get(word, ()))}
    question = context.question
    for match in FIRST.finditer(question):
        after = [stem(word) for word in words(re.split(r"[,;?.]", question[match.end() :])[0])]
        if match[0].lower() in {"most", "least"}:
            after = after[1:]
        if alike & {*after[:_BETWEEN]}:
            return True
    return any(alike & {stem(word) for word in words(phrase)} for phrase in _WHICH.findall(question))


RULE = Rule("holder_of_each", _fix)
