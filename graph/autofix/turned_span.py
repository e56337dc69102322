"""A span of time taken from its end to its beginning: "how long did calls last" as ``arrival - departure``.

Only where the two columns are of one table and their names, or what is said of them, tell which comes first.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import folded
from graph.context.words import listed, name_words, stem, words

_LASTS = re.compile(
    r"\b(?:how\s+long|last(?:s|ed)?|took|takes?|durations?|between|until|till|from|elapsed|time\s+to|spent|"
    r"stay(?:s|ed)?|(?:days|hours|minutes|weeks|months|years)\s+(?:did|do|does|it|on|of))\b",
    re.IGNORECASE,
)
_EARLY = re.compile(r"\b(?:early|earlier|ahead|before|prior|in\s+advance|sooner)\b", re.IGNORECASE)
_FIRST = frozenset(map(stem, listed("""
    start started begin began begun open opened arrival arrived created ordered issued raised joined requested
    checkin admitted hired picked submitted reported loaded
""")))  # fmt: skip
_LAST = frozenset(map(stem, listed("""
    end ended finish finished close closed departure departed resolved cleared completed delivered returned
    left discharged terminated paid shipped checkout done settled unloaded
""")))  # fmt: skip


def _fix(context: Context) -> str | None:
    if not _LASTS.search(context.question) or _EARLY.search(context.question):
        return None
    names = context.names
    for scope in names.scopes:
        for span in scope.find_all(exp.Sub):
            one, other = span.this, span.expression
            if not (isinstance(one, exp.Column) and isinstance(other, exp.Column)):
                continue
            if folded(one.args.get("table")) != folded(other.args.get("table")):
                continue
            if not {kind_of(one, names, scope), kind_of(other, names, scope)} <= MOMENTS:
                continue
            first, last = names.column(one, scope), names.column(other, scope)
            if first is None or last is None:
                continue
            early, late = _said(first.name, first.comment), _said(last.name, last.comment)
            if not (early & _FIRST and late & _LAST) or early & _LAST or late & _FIRST:
                continue
            span.set("this", other.copy())
            span.set("expression", one.copy())
            return f"{first.name} comes before {last.name}: it is taken from it, and not the other way round."
    return None


def _said(name: str, comment: str | None) -> set[str]:
    """The words of a column's name; of what is said of it where the name says nothing of the kind."""
    own = {stem(word) for word in name_words(name)}
    return own if own & (_FIRST | _LAST) else {stem(word) for word in words(comment or "")}


RULE = Rule("turned_span", _fix)
