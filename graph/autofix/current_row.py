"""Rows that are no longer in force, where what is current is asked for: "what does mooring cost at present?".

A table whose rows hold from one day to another, by a pair of columns such as valid_from and valid_to, has the
current ones among those that have not ended. Nothing is added where the query or the question speaks of time.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import Source, folded, identifier
from graph.context.words import name_words

_NOW = re.compile(
    r"\b(?:current(?:ly)?|at\s+present|presently|at\s+the\s+moment|now|today|nowadays|in\s+force|still|as\s+of\s+now)\b",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"\b(?:history|past|former(?:ly)?|previous(?:ly)?|ever|ended|expired|until|since|before)\b|\d{4}", re.I
)
_ENDS = {"to": "from", "until": "from", "end": "start", "ends": "starts", "ended": "started", "thru": "from"}
"""The last word of the column that says when a row ends, with that of the one that says when it began."""


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    if not isinstance(select, exp.Select) or not _NOW.search(question) or _ALL.search(question):
        return None
    scope = names.scopes[-1]
    if scope.expression is not select:
        return None
    sources = names.sources(scope)
    found = [(source, end) for source in sources for end in _end(source)]
    if len(found) != 1 or any(source.table is None for source in sources):
        return None
    [(source, (began, ended))] = found
    read = {folded(column.this) for clause in _clauses(select) for column in clause.find_all(exp.Column)}
    if {began, ended} & read:
        return None
    column = exp.column(identifier(ended), table=source.alias if len(sources) > 1 else None)
    open_end = exp.Is(this=column, expression=exp.Null())
    later = exp.GTE(this=column.copy(), expression=exp.CurrentDate())
    select.where(exp.paren(exp.or_(open_end, later)), copy=False)
    return f"Asked for what is current: rows whose {ended} is past are left out."


def _end(source: Source) -> list[tuple[str, str]]:
    """The pair of columns by which rows begin and end, where they may go on."""
    if source.table is None:
        return []
    moments = {column.name: column for column in source.table.columns if kind_of_type(column.type) in MOMENTS}
    found: list[tuple[str, str]] = []
    for name, column in moments.items():
        parts = name_words(name)
        began = _ENDS.get(parts[-1]) if parts else None
        if began is None or not column.nullable:
            continue
        found += [(other, name) for other in moments if name_words(other) == [*parts[:-1], began]]
    return found if len(found) == 1 else []


def _clauses(select: exp.Select) -> list[exp.Expr]:
    joins = select.args.get("joins") or []
    return [one for one in (select.args.get("where"), select.args.get("order"), *joins) if one is not None]


RULE = Rule("current_row", _fix)
