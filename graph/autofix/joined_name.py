"""A second thing that is asked for, joined and not shown: "the biggest ship, and who operates it".

Where one table of FROM is read by nothing but its join and the question asks on (*and who*, *with their*,
*along with the*), what its things are called is shown. Not in figures per group: there would be more of them.
"""

import re

from sqlglot import exp

from graph.autofix.asked_column import listed_rows
from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded, identifier, output_name
from graph.context.joins import singular

_ASKED_ON = re.compile(
    r"\b(?:and|,)\s*(?:also\s+)?(?:by\s+|from\s+|to\s+|at\s+|in\s+|for\s+|of\s+)?"
    r"(?:who|whom|whose|which|what|where|(?:its|their|his|her|the)\s+\w+)\b|"
    r"\b(?:along|together)\s+with\b|\bwith\s+(?:its|their|his|her|the)\b|\bas\s+well\s+as\b|"
    r"\b(?:including|plus)\b|\b\w+(?:'s|s')\s+\w*\s*names?\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    found = listed_rows(context)
    if found is None or not _ASKED_ON.search(context.question):
        return None
    select, sources = found
    idle = [source for source in sources if _is_idle(source, select)]
    if len(idle) != 1 or len(sources) < 2 or (table := idle[0].table) is None:
        return None
    called = context.names.joins.own.called(table)
    if not called:
        return None
    taken = {output_name(item) for item in select.selects}
    for name in called:
        column: exp.Expr = exp.column(identifier(name), table=idle[0].alias)
        alias = f"{singular(table.name)}_{name}"
        select.append("expressions", exp.alias_(column, alias) if name in taken else column)
    return f"{table.name} is joined because it is asked for: its {' and '.join(called)} is shown, too."


def _is_idle(source: Source, select: exp.Select) -> bool:
    """Whether a joined table is read by its own join condition alone."""
    join = next(
        (one for one in select.args.get("joins") or () if one.alias_or_name.lower() == source.alias), None
    )
    if join is None or join.args.get("using") or join.args.get("on") is None:
        return False
    inside = set(map(id, join.args["on"].find_all(exp.Column)))
    return not any(
        folded(column.args.get("table")) in {source.alias, ""} and source.has(folded(column.this))
        for column in select.find_all(exp.Column)
        if id(column) not in inside
    )


RULE = Rule("joined_name", _fix)
