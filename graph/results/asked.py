"""What the question asks to see, and the result does not show: a group, a column."""

import re

from sqlglot import exp

from graph.autofix.names import folded
from graph.context.words import STOP_WORDS, name_words, stem, words
from graph.results.base import Check, Seen

_PER = re.compile(
    r"\b(?:(?:for|in|of|by|from|on|at|within)\s+(?:each|every)|per|each)\s+(?:of\s+the\s+)?(\w+)",
    re.IGNORECASE,
)
_NOT_GROUPS = frozenset({"cent", "capita", "annum", "se", "one", "other"})
_SHOWN = re.compile(
    r"^\W*(?:list|show|give|return|display|get)\s+(?:me\s+)?(?:the\s+|all\s+)*(?P<things>[\w\s,]+?)\s+"
    r"(?:of|for|from|who|that|which|with|in)\b",
    re.IGNORECASE,
)


def _no_group(seen: Seen) -> str | None:
    """``per month`` asked, and one figure for everything given."""
    asked = [word for word in _PER.findall(seen.question) if word.lower() not in _NOT_GROUPS]
    found = seen.outermost
    if not asked or found is None:
        return None
    _, _, select = found
    if select.args.get("group") or select.find(exp.Window) or select.args.get("distinct"):
        return None
    figures = [item for item in select.selects if item.find(exp.AggFunc)]
    if len(figures) != len(select.selects) or seen.rows.row_count != 1:
        return None
    if re.search(r"\baverage\b.*\bper\b|\bper\b.*\baverage\b", seen.question, re.IGNORECASE):
        return None  # an average per thing may be one figure over all things
    return f"The question asks for each {asked[0].lower()}, and the result has one figure for all."


def _no_column(seen: Seen) -> str | None:
    """``Show the first name and email of …``, without the email."""
    asked = _SHOWN.search(seen.question)
    found = seen.outermost
    if asked is None or found is None or found[2].is_star:
        return None
    names, scope, select = found
    shown = {folded(column.this) for item in select.selects for column in item.find_all(exp.Column)}
    shown |= {column.name for column in seen.rows.columns}
    columns = {name for source in names.sources(scope) for name in source.columns or ()}
    for thing in re.split(r",|\band\b", asked["things"]):
        wanted = [stem(word) for word in words(thing) if word not in STOP_WORDS]
        named = [name for name in columns if wanted and [stem(part) for part in name_words(name)] == wanted]
        if len(named) == 1 and named[0] not in shown:
            return f"The question asks for {' '.join(words(thing))}, which the result does not show."
    return None


MISSING_GROUP = Check("missing_group", _no_group, "Show what is grouped by, and GROUP BY it.")
MISSING_COLUMN = Check("missing_column", _no_column, "Select that column too.")
