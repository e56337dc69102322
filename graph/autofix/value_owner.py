"""A condition on a column that two tables of FROM have, written of the wrong one: *customers from Spain*.

``events.country = 'Spain'`` is about where events happened. Whose column is meant says the thing that stands
right before *from*, *in* or *of* in the question.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Source, folded, held_texts, known_values
from graph.context.words import fold, stem

_BEFORE = (
    r"\b(\w+)\s+(?:(?:who|that|which)\s+)?(?:(?:are|come|came|live|is|comes|lives)\s+)?"
    r"(?:based\s+|living\s+|located\s+|coming\s+)?(?:from|in|of)\s+(?:the\s+)?['\"“‘]?"
)


def _fix(context: Context) -> str | None:
    names, question = context.names, fold(context.question)
    for scope in names.scopes:
        sources = names.sources(scope)
        if len(sources) < 2 or any(source.table is None for source in sources):
            continue
        for _, column, literal in held_texts(scope.find_all(exp.EQ)):
            said = re.findall(rf"{_BEFORE}{re.escape(fold(literal.name))}\b", question)
            qualifier, name = folded(column.args.get("table")), folded(column.this)
            owner = next((source for source in sources if source.alias == qualifier), None)
            if len(said) != 1 or owner is None or _is_called(owner, said[0], context):
                continue
            others = [
                source
                for source in sources
                if source is not owner
                and _is_called(source, said[0], context)
                and _may_hold(source, name, literal.name)
            ]
            if len(others) != 1 or others[0].table is owner.table:
                continue
            column.set("table", exp.to_identifier(others[0].alias))
            return f"Asked for {said[0]} of {literal.name!r}: it is their {name} that is compared."
    return None


def _is_called(source: Source, word: str, context: Context) -> bool:
    """Whether the word is that by which the table's things are called, in one or in many."""
    assert source.table is not None
    called = context.names.joins.short.table_words(source.table)
    return bool(called) and stem(called[-1]) == stem(word)


def _may_hold(source: Source, name: str, text: str) -> bool:
    column = source.table.column(name) if source.table is not None else None
    if column is None:
        return False
    values, complete = known_values(column)
    return not complete or text in values


RULE = Rule("value_owner", _fix)
