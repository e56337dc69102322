"""One figure asked for, and one for each of something given: groups that are neither shown nor asked for.

"What percentage of tickets was sold online?" with ``GROUP BY member_id``. Where the question has a word of
grouping, or of the group itself, the group is shown instead (``shown_group``).
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.context.synonyms import SYNONYMS
from graph.context.words import name_words, stem, words

_ONE = re.compile(
    r"^\W*(?:how\s+(?:many|much)\b|(?:what|which)\s+(?:is|was|were|are)\s+(?:the|our)\s+(?:overall\s+|total\s+|"
    r"average\s+|mean\s+|median\s+)?(?:number|share|percentage|percent|proportion|fraction|ratio|rate|sum|total|"
    r"average|mean|count)\b|(?:what|which)\s+(?:share|percentage|percent|proportion|fraction|part)\b|"
    r"(?:what|which)\s+(?:is|was)\s+the\s+(?:total|average|overall|mean|median)\b|count\b)",
    re.IGNORECASE,
)
_EACH = re.compile(
    r"\b(?:per|each|every|by|across|among|between|for\s+(?:all|the\s+different|different|the\s+various)|"
    r"respective|respectively|break|broken|split|group|grouped|individual|separate|separately|versus|vs|"
    r"compared?|and\s+(?:its|their|which|what|who))\b",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or not _ONE.search(context.question):
        return None
    group = select.args.get("group")
    if group is None or _EACH.search(context.question) or select.args.get("having"):
        return None
    if select.args.get("limit") or select.args.get("order") or select.find(exp.Window):
        return None
    keys = [key for key in group.expressions if isinstance(key, exp.Column)]
    if not keys or len(keys) != len(group.expressions):
        return None
    if not all(item.unalias().find(exp.AggFunc) for item in select.selects):
        return None
    spoken = {stem(word) for word in words(f"{context.question} {context.notes}")}
    named = {stem(word) for key in keys for word in name_words(key.name) if word not in {"id", "code", "key"}}
    if spoken & (named | {other for word in named for other in SYNONYMS.get(word, ())}):
        return None
    select.set("group", None)
    return f"One figure is asked for, so there is none for each {' and '.join(key.name for key in keys)}."


RULE = Rule("unasked_group", _fix)
