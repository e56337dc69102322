"""Things asked for without a word of which they are: "which studios have a pool" answered with their cities.

What the things of the table are called is shown beside, in a plain list of rows of that one table. Not where
the question asks for the very column that is shown, nor for a value of one row: "what is the rate of Ann".
"""

import re

from sqlglot import exp

from graph.autofix.asked_column import listed_rows
from graph.autofix.base import Context, Rule
from graph.autofix.names import folded, identifier
from graph.context.words import STOP_WORDS, stem, words

_ASKED = re.compile(
    r"\b(?:which|who|whom|whose|list|show|name|find|identify|give\s+me|what(?=\s+\w+s\b))\b\s*(.*)",
    re.IGNORECASE,
)
_FEW = 4
"""Words after *which* among which the thing that is asked for is named."""
_EVERY = re.compile(r"\b(?:distinct|different|unique|kinds?|types?|how\s+(?:many|much|often|long))\b", re.I)


def _fix(context: Context) -> str | None:
    asked = _ASKED.search(context.question)
    found = listed_rows(context)
    if asked is None or found is None or _EVERY.search(context.question):
        return None
    select, sources = found
    if len(sources) != 1 or (table := sources[0].table) is None:
        return None
    names = context.names
    called = names.joins.own.called(table)
    items = [item.unalias() for item in select.selects]
    if not called or not all(isinstance(item, exp.Column) for item in items):
        return None
    shown = {folded(item.this) for item in items}
    if shown & {*called, names.joins.own.key(table)} or any(_is_key(name) for name in shown):
        return None
    spoken = [word for word in words(asked[1]) if word not in STOP_WORDS][:_FEW]
    said = {stem(word) for name in shown for word in names.joins.short.column_words(table, name)}
    if said & {stem(word) for word in spoken}:
        return None
    columns = [exp.column(identifier(name), table=items[0].args.get("table")) for name in called]
    order = select.args.get("order")
    counted = order is not None and any(isinstance(key.this, exp.Literal) for key in order.expressions)
    select.set("expressions", [*select.selects, *columns] if counted else [*columns, *select.selects])
    return f"Each of {table.name} is asked for: {' and '.join(called)} is shown, too."


def _is_key(name: str) -> bool:
    """Whether a column tells rows apart by a number or code of another kind."""
    return name.endswith("id") or name.rpartition("_")[2] in {
        "id",
        "code",
        "cd",
        "no",
        "number",
        "name",
        "nm",
        "title",
        "reference",
    }


RULE = Rule("own_name", _fix)
