"""Of two references to one kind of thing the other than the question speaks of: who sold, for who bought.

``game g JOIN player p ON p.player_id = g.black_id`` for *games won as white*: the join goes by the reference
that the question has a word of. A place after *from* or *to* says it as well: ``flight f JOIN airport a ON
f.origin_id = a.airport_id WHERE a.city = 'Oslo'`` for *flights to Oslo*. Nothing is done where the statement
goes both ways, and where the word may speak of something else: another column, a table, a value.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.key_pairs import equalities, role_of, sides_of, source_of
from graph.autofix.names import Names, Source, folded, held_texts, identifier, known_values
from graph.autofix.roles import role_stem
from graph.context.joins import Join, type_family
from graph.context.words import name_words, words

_STARTS = frozenset(map(role_stem, ("origin", "departure", "source", "from", "start", "begin", "pickup")))
_ENDS = frozenset(map(role_stem, ("destination", "arrival", "target", "to", "end", "final", "dropoff")))

_PAST = frozenset({"bought", "sold", "sent", "lent", "written", "paid", "won", "lost"})
_DOERS = ("er", "ers", "or", "ors", "ee", "ees")
_BE = r"(?:is|are|was|were|be|been|being|get|gets|got|getting)\b"


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes if context.question else ():
        for test in equalities(scope.expression):
            sides = sides_of(test)
            for link, key in (sides, sides[::-1]) if sides else ():
                said = _turned(link, key, context, scope)
                if said is not None:
                    return said
    return None


def _turned(link: exp.Column, key: exp.Column, context: Context, scope: Scope) -> str | None:
    names = context.names
    mine, theirs = source_of(link, names.visible(scope)), source_of(key, names.visible(scope))
    if mine is None or theirs is None or mine.table is None or theirs.table is None:
        return None
    if mine.table is theirs.table:
        return None
    ways = [
        way
        for way in names.joins.between(mine.table.qualified_name, theirs.table.qualified_name)
        if len(way.left_columns) == 1
    ]
    pair = (folded(link.this),), (folded(key.this),)
    written = next((way for way in ways if (way.left_columns, way.right_columns) == pair), None)
    if written is None or len(ways) < 2 or not names.joins.is_reference(written):
        return None
    # Where one thing refers to another that refers back, figures may be of either.
    if scope.expression.find(exp.AggFunc):
        ways = [way for way in ways if way.right_columns == written.right_columns]
    others = [way for way in ways if way is not written]
    holders = {way: mine if names.joins.is_reference(way) else theirs for way in ways}
    if _times_read(written, mine, names) > 1 or any(_times_read(way, holders[way], names) for way in others):
        return None
    meant = _by_place(written, others, theirs, context) or _by_word(written, others, holders, context)
    if meant is None:
        return None
    link.set("this", identifier(meant.left_columns[0]))
    key.set("this", identifier(meant.right_columns[0]))
    said, instead = (_reference(way, names) for way in (meant, written))
    return f"The question speaks of {said}, and not of {instead}: the join goes by it."


def _reference(way: Join, names: Names) -> str:
    """The column that refers."""
    return (way.left_columns if names.joins.is_reference(way) else way.right_columns)[0]


def _by_word(written: Join, others: list[Join], holders: dict[Join, Source], context: Context) -> Join | None:
    """The other way, where the question has a word of its alone."""
    joins = context.names.joins
    things = set(map(role_stem, joins.short.table_words(joins.table(written.left))))
    said = {word for word in words(context.question) if role_stem(word) not in things}
    if role_of(written, joins) & set(map(role_stem, said)):
        return None
    told = []
    for way in others:
        role = role_of(way, joins) - _elsewhere(way, holders[way], context)
        moments = _moments(holders[way]) & role
        spoken = {word for word in said if role_stem(word) in role}
        if any(
            _is_active(word, context.question, things)
            if _is_deed(word)
            else role_stem(word) not in moments or word.endswith(_DOERS)
            for word in spoken
        ):
            told.append(way)
    return told[0] if len(told) == 1 else None


def _is_deed(word: str) -> bool:
    """Whether it may be said of the doer and of what it was done to: *approved*, *sold*."""
    return (word.endswith("ed") or word in _PAST) and role_stem(word) not in _STARTS | _ENDS


def _is_active(word: str, question: str, things: set[str]) -> bool:
    """Whether the question says of somebody that they did it, and not of rows that it was done to them."""
    if re.search(rf"\b{word}\s+by\b", question, re.IGNORECASE):
        return True
    before = r"who|they|have|has|had|did|do|does|never|ever|which\s+(?P<noun>\w+)"
    found = re.search(rf"\b(?:{before})(?:\s+(?!{_BE})\w+){{0,4}}?\s+{word}\b", question, re.IGNORECASE)
    return found is not None and role_stem((found["noun"] or "").lower()) not in things


def _moments(mine: Source) -> set[str]:
    """Words of the columns that say when something was done: ``sold_on``."""
    return {
        role_stem(word)
        for name, kind in (mine.columns or {}).items()
        if type_family(kind) == "moment"
        for word in name_words(name)
    }


def _elsewhere(way: Join, mine: Source, context: Context) -> set[str]:
    """Words that may speak of something else than the reference."""
    names, found = context.names, set[str]()
    own = _reference(way, names)
    assert mine.table is not None
    read = [source.table for scope in names.scopes for source in names.sources(scope) if source.table]
    for table in read:
        for column in table.columns:
            if table is mine.table and (column.name == own or type_family(column.type) == "moment"):
                continue
            found |= set(map(role_stem, name_words(column.name)))
            found |= {role_stem(word) for value in known_values(column)[0] for word in words(value)}
    for table in names.snapshot.listed:
        target = way.right if names.joins.is_reference(way) else way.left
        if table.qualified_name != target:
            found |= set(map(role_stem, name_words(table.name)))
    for _, _, text in held_texts(names.tree.find_all(exp.Binary)):
        found |= set(map(role_stem, words(text.name)))
    return found


def _by_place(written: Join, others: list[Join], theirs: Source, context: Context) -> Join | None:
    """The other end of a journey, where the question puts the place that is looked for after its word."""
    joins = context.names.joins
    if len(others) != 1:
        return None
    ends = [role_of(way, joins) for way in (written, others[0])]
    if ends[0] & _STARTS and ends[1] & _ENDS:
        before = r"(?:to|into|towards)"
    elif ends[0] & _ENDS and ends[1] & _STARTS:
        before = r"(?:from|out\s+of)"
    else:
        return None
    for _, column, text in held_texts(context.names.tree.find_all(exp.EQ, exp.ILike, exp.Like)):
        place = text.name.strip("%")
        if folded(column.args.get("table")) not in {theirs.alias, ""} or not theirs.has(folded(column.this)):
            continue
        if place and re.search(rf"\b{before}\s+(?:the\s+)?{re.escape(place)}\b", context.question, re.I):
            return others[0]
    return None


def _times_read(way: Join, mine: Source, names: Names) -> int:
    """How often the statement has the reference's column, of any source of the table."""
    alike = [one.alias for scope in names.scopes for one in names.sources(scope) if one.table is mine.table]
    return sum(
        folded(column.this) == _reference(way, names) and folded(column.args.get("table")) in {*alike, ""}
        for column in names.tree.find_all(exp.Column)
    )


RULE = Rule("said_reference", _fix)
