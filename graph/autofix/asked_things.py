"""A number, where the things themselves are asked for: "which clients ordered nothing?" drafted as COUNT(*).

Where the table of FROM has the things that stand after *which*, or refers to them in one way, these are
selected instead of counted.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import identifier
from graph.context.words import STOP_WORDS, stem, words
from wire.snapshot import Table

_WHICH = re.compile(
    r"^\W*(?:(?:please\s+)?(?:list|show|name|find)\s+(?:me\s+)?(?:all\s+)?(?:the\s+)?|which\s+(?:of\s+)?(?:our\s+|the\s+)?)"
    r"([\w-]+(?:\s+[\w-]+){0,2})",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\b(?:how\s+(?:many|much|often)|number|count|total|share|percent\w*|most|least|more|fewer|each|per|by)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.?!])\s")


def _fix(context: Context) -> str | None:
    asked, select, names = _WHICH.search(context.question), context.tree, context.names
    said = _SENTENCE.split(context.question.strip(), maxsplit=1)[0]
    if asked is None or _NUMBER.search(said) or not isinstance(select, exp.Select):
        return None
    item = select.selects[0].unalias() if len(select.selects) == 1 else None
    if not isinstance(item, exp.Count) or any(
        select.args.get(arg) for arg in ("group", "having", "order", "limit")
    ):
        return None
    sources = names.sources(names.scopes[-1])
    if names.scopes[-1].expression is not select or not sources or (table := sources[0].table) is None:
        return None
    key = names.joins.own.key(table)
    alias = sources[0].alias if select.find(exp.TableAlias) else None
    own = _words_of(table, context)
    referred = _references(table, context)
    shown: list[str] = []
    for root in (stem(word) for word in words(asked[1]) if word not in STOP_WORDS):
        if root in own:
            shown = [*names.joins.own.called(table), *([key] if key else [])]
            select.set("distinct", exp.Distinct() if shown and len(sources) > 1 else None)
        elif len(sources) > 1:
            continue  # what the rows of several tables refer to, joins tell
        elif found := {name for name, called in referred if root in called}:
            shown = list(found) if len(found) == 1 else []
            select.set("distinct", exp.Distinct() if shown else None)
        else:
            continue
        break  # "which customers ordered": the first is whom it asks for
    if not shown:
        return None
    select.set("expressions", [exp.column(identifier(name), table=alias) for name in dict.fromkeys(shown)])
    return f"Which they are is asked, not how many: {shown[0]} is shown."


def _references(table: Table, context: Context) -> list[tuple[str, set[str]]]:
    """Columns that refer to other things, with what those are called."""
    joins = context.names.joins
    by_name = {one.qualified_name: one for one in context.names.snapshot.listed}
    return [
        (join.left_columns[0], _words_of(by_name[join.right], context))
        for join in joins.of(table.qualified_name)
        if len(join.left_columns) == 1 and join.right in joins.referred(table.qualified_name)
    ]


def _words_of(table: Table, context: Context) -> set[str]:
    return {stem(word) for word in context.names.joins.short.table_words(table)}


RULE = Rule("asked_things", _fix)
