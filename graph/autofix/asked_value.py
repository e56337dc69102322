"""A condition that the question names and the query leaves out: "premium members", of any tier.

A word of the question that is a known value of exactly one column of FROM, that no name explains, and of
which the query says nothing, nor of its column: it is compared with. Two values of one column may be asked
side by side, and are left to the model.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier, known_values
from graph.context.synonyms import SYNONYMS
from graph.context.words import STOP_WORDS, fold, listed, name_words, stem, words

_LETTERS = 4
"""Letters that a value needs to be told by."""
_EXCLUDES = re.compile(
    r"\b(?:not|no|non|never|without|except|excluding|exclude|other\s+than|besides|ignor\w+|regardless|"
    r"whether|either|or|versus|vs|compared?|ratio|even|includ\w+)\b|n['’]t\b",
    re.IGNORECASE,
)
_NOT = re.compile(rf"{_EXCLUDES.pattern}|\b(?:per|each|every|by|any|all)\b", re.IGNORECASE)
"""Words that make of a value something else than what all rows must have."""
_COUNTED = r"\b(?:how\s+many|number\s+of|count\s+of)\s+(?:(?:the|our|all|different)\s+)*"
"""What is counted, of each of something or of all: "how many page views does each page have"."""
_EACH = re.compile(r"\b(?:each|every|all)\b(?!\s+of\b)", re.IGNORECASE)
"""Said of single rows: "list each pilot with the name of the supervisor"."""
VAGUE = listed(
    """
    active amount average best bottom count current default false first general high highest international
    last local lowest main maximum mean median medium minimum more normal null number other others percent
    rate ratio regular share standard sum top total true unknown various worst
    """
)
"""Values that anything may be."""
_VAGUE_STEMS = {stem(word) for word in (*VAGUE, "new", "old", "big", "small")}
_COMPOUND = 2
"""Words from which a value is told by itself, whatever names have one of them."""


def _fix(context: Context) -> str | None:
    question = context.question
    each = _EACH.sub(" ", question)
    figures = any(item.find(exp.AggFunc) for item in context.tree.selects)
    if not question or _EXCLUDES.search(question):
        return None
    parted = _NOT.search(question if figures else each) is not None
    names = context.names
    spoken = [stem(word) for word in words(question)]
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or not isinstance(scope.expression, exp.Select):
        return None
    sources = names.sources(scope)
    if not sources or any(source.table is None for source in sources):
        return None
    said = told(names, scope) | {stem(word) for word in words(context.notes)}
    found: dict[tuple[str, str], set[str]] = {}
    for source in sources:
        for column, value in _values(source):
            parts = [stem(word) for word in words(value)]
            unsaid = not said.intersection(parts) or _is_state(parts, source, question)
            unsaid = unsaid or _is_compound(parts, names, scope)
            if stands_in(parts, spoken) and unsaid and not is_part_of_name(value, question):
                found.setdefault((source.alias, column), set()).add(value)
    by_value: dict[str, list[tuple[str, str]]] = {}
    for place, values in found.items():
        for value in values:
            by_value.setdefault(fold(value), []).append(place)
    used = {folded(one.this) for one in names.tree.find_all(exp.Column)}
    for (alias, column), values in found.items():
        if len(values) != 1 or column in used:
            continue
        [value] = values
        if parted and not _is_counted(value, context):
            continue
        places = by_value[fold(value)]
        if len(places) != 1 and not (
            _refers_to_itself(sources, names) == alias
            and {place[1] for place in places} == {column}
            and _is_first_asked(value, question)
        ):
            continue
        condition = exp.EQ(
            this=exp.column(identifier(column), table=alias if len(sources) > 1 else None),
            expression=exp.Literal.string(value),
        )
        scope.expression.where(condition, copy=False)
        return f"Asked for {value}: only rows whose {column} is {value!r} are taken."
    return None


def is_asked(context: Context) -> bool:
    """Whether what the question names is what all rows must have: nothing is excluded or told apart."""
    each = _EACH.sub(" ", context.question)
    question = context.question if context.tree.find(exp.AggFunc) else each
    return bool(question) and not _NOT.search(question)


def _values(source: Source) -> list[tuple[str, str]]:
    assert source.table is not None
    # Of a column of which only some values are known, others may hold the word as well: ``Senior Engineer``.
    return [
        (column.name, value)
        for column in source.table.columns
        for values, complete in [known_values(column)]
        for value in values
        if complete
        if sum(map(str.isalpha, value)) >= _LETTERS and fold(value) not in VAGUE
    ]


def told(names: Names, scope: Scope) -> set[str]:
    """Stems of what the statement and the names of its tables say already."""
    said = [*_names(names, scope), *(node.name for node in scope.expression.find_all(exp.Alias))]
    told = {stem(word) for text in said for word in name_words(text)}
    return told | {other for word in set(told) for other in SYNONYMS.get(word, ())} | set(STOP_WORDS)


def _names(names: Names, scope: Scope) -> list[str]:
    said = [node.name for node in scope.expression.find_all(exp.Literal, exp.Column, exp.Table)]
    for source in names.sources(scope):
        if source.table is not None:
            said += [source.table.name, *(column.name for column in source.table.columns)]
    return said


def _is_compound(parts: list[str], names: Names, scope: Scope) -> bool:
    """Whether they are several words of which no one name has all, and one no name has at all."""
    content = {part for part in parts if part not in STOP_WORDS}
    if len(content) < _COMPOUND:
        return False
    said = [{stem(word) for word in name_words(name)} for name in _names(names, scope)]
    return not any(content <= one for one in said) and not content <= set().union(*said) | _VAGUE_STEMS


def _is_counted(value: str, context: Context) -> bool:
    """Whether it is what the question counts rows of."""
    if not any(item.find(exp.Count) for item in context.tree.selects):
        return False
    said = r"\W+".join(rf"{re.escape(word)}(?:s|es)?" for word in words(value))
    return bool(re.search(rf"{_COUNTED}{said}\b", fold(context.question)))


def _is_state(parts: list[str], source: Source, question: str) -> bool:
    """Whether the question says of the table's rows themselves what a value says, a column's word or not.

    "When we settle a claim" and "settled claims" are those whose status is settled, whatever settled_amount
    is.
    """
    if len(parts) != 1 or source.table is None:
        return False
    thing = {stem(word) for word in name_words(source.table.name)}
    for noun in {word for word in words(question) if stem(word) in thing}:
        for said in {word for word in words(question) if stem(word) == parts[0]}:
            whenever = (
                rf"\b(?:when|whenever|once|if)\s+(?:we|they|you)\s+{said}\s+(?:an?\s+|the\s+|one\s+)?{noun}\b"
            )
            adjective = rf"\bof\s+(?:the\s+|all\s+|our\s+)*{said}\s+(?:{noun}|ones)\b"
            if re.search(f"{whenever}|{adjective}", question, re.IGNORECASE):
                return True
    return False


def is_part_of_name(value: str, question: str) -> bool:
    """Whether the value is but a part of a longer name: ``Executive`` of the Chief Executive Officer."""
    said = re.escape(value)
    return bool(re.search(rf"(?:(?<!^)\b[A-Z]\w+\s+{said}\b|\b{said}\s+[A-Z])", question))


def _refers_to_itself(sources: list[Source], names: Names) -> str:
    """Of two sources of one table, the alias of the one whose rows refer to the other's; else ``""``."""
    if len(sources) != 2 or sources[0].table is None or sources[0].table is not sources[1].table:
        return ""
    table = sources[0].table
    references = {
        key.columns[0]
        for key in table.foreign_keys
        if (key.to_schema, key.to_table) == (table.schema_name, table.name) and len(key.columns) == 1
    }
    joins = names.tree.args.get("joins") or []
    on = joins[0].args.get("on") if len(joins) == 1 else None
    sides = [on.this, on.expression] if isinstance(on, exp.EQ) else []
    found = [folded(side.args.get("table")) for side in sides if folded(side.this) in references]
    return found[0] if len(found) == 1 else ""


def _is_first_asked(value: str, question: str) -> bool:
    """Whether the question begins with such things: "list each pilot …", "which pilots …"."""
    first = rf"^\W*(?:(?:list|show|name|give|which|what|for|of|each|every|all|the|are)\s+)+{re.escape(value)}"
    return bool(re.search(first, question, re.IGNORECASE))


def stands_in(parts: list[str], spoken: list[str]) -> bool:
    """Whether a value's stems stand side by side among those of the question."""
    length = len(parts)
    return bool(parts) and any(spoken[at : at + length] == parts for at in range(len(spoken) - length + 1))


RULE = Rule("asked_value", _fix)
