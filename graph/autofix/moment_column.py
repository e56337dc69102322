"""A moment under a name that no table has: ``payment_date`` where the only moment is ``paid_at``."""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import Source, folded, identifier
from graph.context.words import name_words

_NAMED = frozenset({"date", "datetime", "time", "timestamp", "day", "at", "on", "moment"})


def _fix(context: Context) -> str | None:
    names = context.names
    for item in names.unresolved():
        name, qualifier = folded(item.column.this), folded(item.column.args.get("table"))
        if item.problem != "absent" or not _NAMED & {*name_words(name)[-1:], *name_words(name)[:1]}:
            continue
        if any(table.column(name) is not None for table in names.snapshot.tables):
            continue
        sources = [one for one in names.sources(item.scope) if not qualifier or one.alias == qualifier]
        found = [(source, moment) for source in sources for moment in _moments(source)]
        if len(found) != 1 or any(source.columns is None for source in sources):
            continue
        source, actual = found[0]
        item.column.set("this", identifier(actual))
        if qualifier or len(names.sources(item.scope)) > 1:
            item.column.set("table", exp.to_identifier(source.alias))
        return f"The only moment in {source.alias} is {actual}; there is no {name}."
    return None


def _moments(source: Source) -> list[str]:
    return [name for name, kind in (source.columns or {}).items() if kind_of_type(kind) in MOMENTS]


RULE = Rule("moment_column", _fix)
