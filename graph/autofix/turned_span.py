"""A span of time taken from its end to its beginning: "how long did calls last" as ``arrival - departure``.

Only where the two columns are of one table and their names, or what is said of them, tell which comes first,
or where the question names both ends: "from departure to arrival". A guest arrives and then departs, a train
the other way round: these two words tell nothing unless it is said which of the two it is.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of
from graph.autofix.names import Names, Source, folded
from graph.autofix.other_moment import BARE, BEGIN
from graph.context.words import listed, name_words, stem, words
from wire.snapshot import Table

_LASTS = re.compile(
    r"\b(?:how\s+long|last(?:s|ed)?|took|takes?|durations?|between|until|till|from|elapsed|time\s+to|spent|"
    r"stay(?:s|ed)?|(?:days|hours|minutes|weeks|months|years)\s+(?:did|do|does|it|on|of))\b",
    re.IGNORECASE,
)
_EARLY = re.compile(r"\b(?:early|earlier|ahead|before|prior|in\s+advance|sooner)\b", re.IGNORECASE)
_ENDS = re.compile(
    r"\b(?:from|between)\s+(?:\w+\s+){0,4}?(\w+)\s+(?:to|until|till|and)\s+(?:\w+\s+){0,4}?(\w+)", re.I
)
_COMES, _GOES = frozenset({"arriv"}), frozenset({"depart"})
_ROOTS = {"arrival": "arriv", "departur": "depart"}
_STAYS = frozenset(map(stem, listed("""
    stay visit guest night room hotel berth moor mooring dock docking harbour harbor call ward patient
    admission reservation employee staff tenure layover turnaround stopover
""")))  # fmt: skip
_TRAVELS = frozenset(map(stem, listed("""
    trip journey transit transport flight fly train travel shipment ship cargo delivery ride voyage sailing
    crossing leg route run freight consignment parcel
""")))  # fmt: skip
_FIRST = frozenset(map(stem, listed("""
    start started begin began begun open opened created ordered issued raised joined requested
    checkin admitted hired picked submitted reported loaded
""")))  # fmt: skip
_LAST = frozenset(map(stem, listed("""
    end ended finish finished close closed resolved cleared completed delivered returned
    left discharged terminated paid shipped checkout done settled unloaded
""")))  # fmt: skip


_BARE = frozenset(map(stem, BARE))
_EVENTS = frozenset(map(stem, listed("start started begin began begun checkin")))
_PLANNED = frozenset(map(stem, listed("""
    due expected planned scheduled estimated promised wanted valid birth born expiry expires eta deadline
""")))  # fmt: skip


def _fix(context: Context) -> str | None:
    if not _LASTS.search(context.question) or _EARLY.search(context.question):
        return None
    names = context.names
    for scope in names.scopes:
        for span in scope.find_all(exp.Sub):
            one, other = _bare(span.this), _bare(span.expression)
            if not (isinstance(one, exp.Column) and isinstance(other, exp.Column)):
                continue
            if said := _after_parent(span, one, other, names, scope):
                return said
            if folded(one.args.get("table")) != folded(other.args.get("table")) or one is not span.this:
                continue
            if not {kind_of(one, names, scope), kind_of(other, names, scope)} <= MOMENTS:
                continue
            first, last = names.column(one, scope), names.column(other, scope)
            if first is None or last is None:
                continue
            early, late = _said(first.name, first.comment), _said(last.name, last.comment)
            if {*_COMES, *_GOES} & (early | late):
                if not _is_turned(early, late, context.question, _table(one, names, scope)):
                    continue
            elif not (early & _FIRST and late & _LAST) or early & _LAST or late & _FIRST:
                continue
            span.set("this", other.copy())
            span.set("expression", one.copy())
            return f"{first.name} comes before {last.name}: it is taken from it, and not the other way round."
    return None


def _bare(side: exp.Expr) -> exp.Expr:
    """The column of ``CAST(ordered_at AS DATE)``."""
    while isinstance(side, exp.Cast | exp.Paren):
        side = side.this
    return side


def _after_parent(
    span: exp.Expr, one: exp.Column, other: exp.Column, names: Names, scope: Scope
) -> str | None:
    """``orders.ordered_on - despatches.sent_on``: what refers to a thing comes after that thing began."""
    sides = [_source(side, names, scope) for side in (one, other)]
    thing, row = sides
    if thing is None or row is None or thing is row or thing.table is None or row.table is None:
        return None
    if not _refers(row.table, thing.table, names):
        return None
    if not {kind_of(one, names, scope), kind_of(other, names, scope)} <= MOMENTS:
        return None
    own = {stem(word) for word in name_words(thing.table.name)}
    begins = {_root(word) for word in name_words(one.name)} - _BARE
    comes = {_root(word) for word in name_words(other.name)} - _BARE
    # What starts on a day that is arranged may well be spoken of before: people enter for a race.
    if not (begins <= own or begins & (_FIRST | BEGIN)) or begins & _EVENTS or comes & _PLANNED:
        return None
    left, right = span.this.copy(), span.expression.copy()
    span.set("this", right)
    span.set("expression", left)
    return f"{one.name} comes before {other.name}: it is taken from it, and not the other way round."


def _refers(row: Table, thing: Table, names: Names) -> bool:
    """Whether rows of the one are about a thing of the other; without keys, by the first columns."""
    if thing.qualified_name in names.joins.referred(row.qualified_name):
        return True
    ways = names.joins.between(row.qualified_name, thing.qualified_name)
    first = thing.columns[0].name
    return any(
        way.left_columns == way.right_columns == (first,) and row.columns[0].name != first for way in ways
    )


def _source(column: exp.Column, names: Names, scope: Scope) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in names.sources(scope) if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _is_turned(early: set[str], late: set[str], question: str, table: str) -> bool:
    """Whether what is written first is the beginning, of a span that an arrival or a departure bounds."""
    for one, other in _ENDS.findall(question):
        begin, end = _root(one.lower()), _root(other.lower())
        if begin in early and end in late:
            return True
        if begin in late and end in early:
            return False
    told = {stem(word) for word in words(question)} | {stem(word) for word in name_words(table)}
    stays, travels = bool(told & _STAYS), bool(told & _TRAVELS)
    if stays == travels:
        return False
    firsts, lasts = (_FIRST | _COMES, _LAST | _GOES) if stays else (_FIRST | _GOES, _LAST | _COMES)
    return bool(early & firsts and late & lasts) and not (early & lasts or late & firsts)


def _table(column: exp.Column, names: Names, scope: Scope) -> str:
    """The name of the table that a column is of; ``""`` where it is not known."""
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [
        source.table.name
        for source in names.sources(scope)
        if source.table is not None and (source.alias == qualifier if qualifier else source.has(name))
    ]
    return found[0] if len(found) == 1 else ""


def _said(name: str, comment: str | None) -> set[str]:
    """The words of a column's name; of what is said of it where the name says nothing of the kind."""
    own = {_root(word) for word in name_words(name)}
    return own if own & (_FIRST | _LAST | _COMES | _GOES) else {_root(word) for word in words(comment or "")}


def _root(word: str) -> str:
    root = stem(word)
    return _ROOTS.get(root, root)


RULE = Rule("turned_span", _fix)
