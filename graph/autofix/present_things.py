"""Things that are there no more among those of the present: "our present reps", of whom some have left.

A table whose rows say when they ended (``left_on``, ``withdrawn``, ``closed_at``) keeps what is gone. Where
the question puts *present*, *current* or *existing* before its things, or says that they *still* are, those
with an end are left out. Nothing is added where the query heeds that column already, or the question asks
about the past.
"""

import re

from sqlglot import exp

from graph.autofix.added_condition import add_condition
from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import Source, folded, identifier
from graph.context.synonyms import SYNONYMS
from graph.context.words import listed, name_words, stem, words

_ENDINGS = listed(
    """
    canceled cancelled closed decommissioned delisted departed deregistered discontinued dissolved ended
    finished left resigned retired scrapped terminated withdrawn
    """
)
_OF_TIME = listed("on at date dt day time ts")
_ADJECTIVE = re.compile(
    r"\b(?:present|current|existing|today's|present-day)\s+"
    r"((?:(?!(?:of|in|for|on|by|with|at|to|from|and)\b)[\w-]+\s+){0,2}"
    r"(?!(?:of|in|for|on|by|with|at|to|from|and)\b)[\w-]+)",
    re.IGNORECASE,
)
_STILL = re.compile(
    r"\b(?:still|currently|presently)\s+(?:with\s+us|run|running|runs|in\s+(?:use|service|business)|open|employed"
    r"|work|works|working|active|operating|trading|here|around)\b",
    re.IGNORECASE,
)
_ALL_OF_THEM = listed(
    "team fleet list range staff roster catalogue catalog portfolio workforce crew books squad"
)
"""What a table's things are together."""
_PAST = re.compile(
    r"\b(?:former\w*|past|previous\w*|ex|gone|left|leav\w+|retir\w+|withdr\w+|clos\w+|end\w*|finish\w*"
    r"|terminat\w+|discontinu\w+|scrapp\w+|histor\w+|whether|including|regardless|no\s+longer|any\s+more)\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    question, names = context.question, context.names
    if not question or _PAST.search(question):
        return None
    said = {stem(word) for found in _ADJECTIVE.findall(question) for word in words(found)}
    still = _STILL.search(question) is not None
    if not said and not still:
        return None
    # What is asked for stands outside: a subquery's rows are others, and may well have ended.
    for scope in names.scopes:
        if not isinstance(scope.expression, exp.Select) or scope.expression is not context.tree:
            continue
        ended = [(source, column) for source in names.sources(scope) for column in _ends(source)]
        asked = [one for one in ended if still or _are_meant(one[0], said)]
        if len(asked) != 1:
            continue
        [(source, column)] = asked
        if any(folded(one.this) == column for one in names.tree.find_all(exp.Column)):
            return None
        still_there = exp.Is(
            this=exp.column(identifier(column), table=identifier(source.alias)), expression=exp.Null()
        )
        if add_condition(scope.expression, source.alias, still_there):
            return f"Asked for what there is at present: those with {column} are left out."
    return None


def _ends(source: Source) -> list[str]:
    """The columns that say when a row of the table ceased to be, if it has one only."""
    if source.table is None:
        return []
    found = [
        column.name
        for column in source.table.columns
        if column.nullable
        and kind_of_type(column.type) in MOMENTS
        and len(parts := [part for part in name_words(column.name) if part not in _OF_TIME]) == 1
        and parts[0] in _ENDINGS
    ]
    return found if len(found) == 1 else []


def _are_meant(source: Source, said: set[str]) -> bool:
    assert source.table is not None
    things = {stem(word) for word in name_words(source.table.name)}
    things |= {other for word in things for other in SYNONYMS.get(word, ())}
    return bool(things & said) or any(stem(word) in said for word in _ALL_OF_THEM)


RULE = Rule("present_things", _fix)
