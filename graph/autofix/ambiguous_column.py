"""A bare column that several tables of FROM have: it is read from the first of them.

Mostly these are the columns on which the tables are joined, and then every reading is the same one. Otherwise
the first table is what the query starts from; the change says so, for the reader to judge.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded


def _fix(context: Context) -> str | None:
    for item in context.names.unresolved():
        if item.problem != "ambiguous":
            continue
        name = folded(item.column.this)
        holder = next(source for source in context.names.sources(item.scope) if source.has(name))
        item.column.set("table", exp.to_identifier(holder.alias))
        return f"{name} is in several tables; it is read from {holder.alias}."
    return None


RULE = Rule("ambiguous_column", _fix)
