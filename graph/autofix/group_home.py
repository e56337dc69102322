"""Figures "for each instructor" shown under the names of courses: both tables have a column ``name``.

The column by which is grouped is taken of the table that the question names after *each*, *per* or *by*,
where FROM has it and it has a column of that name.
"""

from sqlglot import exp

from graph.autofix.asked_group import asked_groups
from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded
from graph.context.words import stem, words
from wire.snapshot import Table

_LABELS = frozenset({"name", "title", "label"})


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    group = select.args.get("group") if isinstance(select, exp.Select) else None
    if group is None or len(group.expressions) != 1 or not isinstance(group.expressions[0], exp.Column):
        return None
    key = group.expressions[0]
    name, alias = folded(key.this), folded(key.args.get("table"))
    scope = names.scopes[-1]
    if name not in _LABELS or not alias or scope.expression is not select:
        return None
    sources = names.sources(scope)
    here = next((source for source in sources if source.alias == alias), None)
    if here is None or here.table is None or any(source.table is None for source in sources):
        return None
    own = _words(context, here.table)
    for phrase in asked_groups(context.question):
        spoken = [stem(word) for word in words(phrase)]
        if spoken[: len(own)] == own:
            return None
        meant = _meant(context, spoken, sources)
        if meant is None or not meant.has(name):
            continue
        for column in list(names.columns(scope)):
            if folded(column.this) == name and folded(column.args.get("table")) == alias:
                if column.find_ancestor(exp.Where, exp.Join, exp.AggFunc) is not None:
                    return None
                column.set("table", exp.to_identifier(meant.alias))
        return f"Asked for each {phrase.split()[0].lower()}: its {name} is shown, not {here.table.name}'s."
    return None


def _meant(context: Context, spoken: list[str], sources: list[Source]) -> Source | None:
    found = [
        source
        for source in sources
        if source.table is not None
        for own in [_words(context, source.table)]
        if own and spoken[: len(own)] == own
    ]
    return found[0] if len(found) == 1 else None


def _words(context: Context, table: Table) -> list[str]:
    return [stem(word) for word in context.names.joins.short.table_words(table)]


RULE = Rule("group_home", _fix)
