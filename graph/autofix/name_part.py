"""A surname looked for at the beginning of a full name, or as all of it: ``name LIKE 'Hughes%'``.

Where one column holds whole names, a surname ends them and a first name begins them.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, held_texts, is_text, known_values
from graph.context.short_names import short_names
from graph.context.words import fold, listed

_LAST = re.compile(r"\b(?:surnames?|(?:last|family)\s+names?)\b", re.IGNORECASE)
_FIRST = re.compile(r"\b(?:forenames?|(?:first|given|christian)\s+names?)\b", re.IGNORECASE)
_BEGINS = re.compile(r"\b(?:begin|start|initial)\w*\b", re.IGNORECASE)
_ELSEWHERE = re.compile(r"\b(?:contain|end|includ|letter|middle)\w*\b", re.IGNORECASE)
_PARTS = listed("first last given family fore sur middle user nick maiden fname lname surname forename")


def _fix(context: Context) -> str | None:
    question, names = context.question, context.names
    last, first = bool(_LAST.search(question)), bool(_FIRST.search(question))
    if last == first or _ELSEWHERE.search(question):
        return None
    begins = bool(_BEGINS.search(question))
    for scope in names.scopes:
        for test, column, literal in held_texts(scope.find_all(exp.EQ, exp.Like, exp.ILike)):
            part = literal.name.strip("%").strip()
            if not part or " " in literal.name or "_" in part or fold(part) not in fold(question):
                continue
            if not any(_holds_full_names(source, column, names) for source in names.sources(scope)):
                continue
            pattern = (f"% {part}" if last else part) + ("%" if begins else "" if last else " %")
            if literal.name == pattern:
                continue
            kind = exp.Like if isinstance(test, exp.EQ) else type(test)
            test.replace(kind(this=column.copy(), expression=exp.Literal.string(pattern)))
            which = "ends" if last else "begins"
            return f"{column.name} holds whole names: {part!r} {which} them."
    return None


def _holds_full_names(source: Source, column: exp.Column, names: Names) -> bool:
    qualifier = folded(column.args.get("table"))
    found = source.table.column(folded(column.this)) if source.table is not None else None
    if (
        source.table is None
        or found is None
        or not is_text(found.type)
        or qualifier not in {"", source.alias}
    ):
        return False
    short = short_names(names.snapshot)
    said = short.column_words(source.table, found.name)
    if not said or said[-1] != "name" or _PARTS & set(said):
        return False
    if any(_PARTS & set(short.column_words(source.table, other.name)) for other in source.table.columns):
        return False
    values, _ = known_values(found)
    return 2 * sum(" " in value for value in values) >= len(values)


RULE = Rule("name_part", _fix)
