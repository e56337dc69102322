"""The share of things that have rows elsewhere, taken over a join that drops those without, or counts a thing
for each of its rows: "what percentage of customers have placed an order" is 100 % of those joined to one.

The things are kept whole (``LEFT JOIN``), each is counted once, and conditions on what they have go to the
join. Where the part is told by the things' own columns, what they have is not joined at all.
"""

import re
from dataclasses import dataclass

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.certain_share import counted_condition, split_share
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Names, Source, conditions_of, conjuncts, folded, identifier
from graph.autofix.ratio_parts import bare, is_whole
from graph.context.words import STOP_WORDS, stem, words
from wire.snapshot import Table

_SHARE = re.compile(r"\b(?:share|percentage|percent|per\s+cent|proportion|fraction)\s+of\b", re.IGNORECASE)
_PARTS = ("group", "having", "limit", "distinct", "with_", "order")
_PERCENT = re.compile(r"%|\bper\s?cent(?:age)?s?\b", re.IGNORECASE)
_NUMBER = re.compile(r"\bhow\s+(?:many|much)\b|\bnumber\s+of\b", re.IGNORECASE)
_NARROWED = re.compile(r"\b(?:with|without|having|who|whose|that|which|where)\b", re.IGNORECASE)
"""A whole that is told by what its things have: a join may be what tells it."""
_PLAIN = frozenset({"all", "total", "our", "the", "different", "existing", "registered"})


@dataclass(frozen=True, slots=True)
class _Things:
    """What the share is of, what refers to it, and how they are joined."""

    things: Source
    rows: Source
    join: exp.Join
    key: exp.Column
    """Of the things."""
    link: exp.Column
    """By which the rows refer to it."""


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    split = split_share(question)
    if split is None or not _SHARE.search(question) or not isinstance(select, exp.Select):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    if any(select.args.get(part) for part in _PARTS) or len(select.selects) != 1:
        return None
    divisions = list(select.selects[0].find_all(exp.Div))
    if len(divisions) > 1 or select.find(exp.Window):
        return None
    whole = split[1]
    if _NARROWED.search(whole):
        return None
    if not divisions:
        found = _joined(select, sources, whole, names)
        if found is None or _speaks_of(whole, found.rows, names):
            return None
        return _undivided(found, select, question)
    if len(sources) == 1:
        return _over_rows(divisions[0], sources[0], whole, select, names)
    found = _joined(select, sources, whole, names)
    if found is None or _speaks_of(whole, found.rows, names):
        return None
    return _over_join(divisions[0], found, select, sources, plain=_is_plain(whole, found.things, names))


def _speaks_of(phrase: str, rows: Source, names: Names) -> bool:
    assert rows.table is not None
    return bool(set(_said(rows.table, names)) & {stem(word) for word in words(phrase)})


def _is_plain(whole: str, things: Source, names: Names) -> bool:
    """Whether the whole is all of the things, without a word of which."""
    assert things.table is not None
    left = [word for word in words(whole) if word not in STOP_WORDS | _PLAIN]
    return {stem(word) for word in left} == set(_said(things.table, names))


def _over_join(
    division: exp.Div, found: _Things, select: exp.Select, sources: list[Source], *, plain: bool
) -> str | None:
    above, below = bare(division.this), bare(division.expression)
    if isinstance(below, exp.Subquery):
        # The whole stands by itself; above it each thing with a row counts once.
        if isinstance(above, exp.Count) and not isinstance(above.this, exp.Distinct) and is_whole(above):
            if found.join.side:
                return None
            above.set("this", exp.Distinct(expressions=[found.key.copy()]))
            return f"Each of {found.things.alias} is counted once, however many rows refer to it."
        return None
    if not is_whole(below) or not isinstance(below, exp.Count) or not _counts(below, found, sources):
        return None
    condition = counted_condition(above)
    without = False
    tests: list[exp.Expr] = []
    if condition is None:
        if not isinstance(above, exp.Count) or not is_whole(above):
            return None
        if not _counts(above, found, sources):
            return None
    else:
        if isinstance(above, exp.Sum) and above.find(exp.Case) and not _is_ones(above):
            return None
        owners = {_owner(column, sources) for column in condition.find_all(exp.Column)}
        if owners == {found.things.alias}:
            return _without_rows(found, select, sources) if plain else None
        if owners != {found.rows.alias}:
            return None
        present = _presence(condition)
        without = present is False
        tests = [] if present is not None else [condition.copy()]
    where = conditions_of(select)
    owned = [{_owner(column, sources) for column in one.find_all(exp.Column)} for one in where]
    if any(len(owners) > 1 or None in owners for owners in owned):
        return None
    own = [one for one, owners in zip(where, owned, strict=True) if owners != {found.rows.alias}]
    rows = [one for one, owners in zip(where, owned, strict=True) if owners == {found.rows.alias}]
    if any(one.find(exp.Is) for one in rows):
        return None
    things: exp.Expr = exp.Count(this=exp.Distinct(expressions=[found.key.copy()]))
    having: exp.Expr = exp.Count(this=exp.Distinct(expressions=[found.link.copy()]))
    if without:
        unmet = exp.Is(this=found.link.copy(), expression=exp.Null())
        having = exp.Filter(this=things.copy(), expression=exp.Where(this=unmet))
    elif tests:
        having = exp.Filter(this=having, expression=exp.Where(this=exp.and_(*tests)))
    if found.join.side and not rows and _same(above, having) and _same(below, things):
        return None
    above.replace(having)
    below.replace(things)
    _keep_whole(select, found, rows)
    select.set("where", exp.Where(this=exp.and_(*(one.copy() for one in own))) if own else None)
    return (
        f"All of {found.things.alias} are the whole, each counted once, with {found.rows.alias} or without."
    )


def _undivided(found: _Things, select: exp.Select, question: str) -> str | None:
    """Those that have rows, counted and not divided."""
    count = select.selects[0].unalias()
    if not isinstance(count, exp.Count) or not is_whole(count) or _NUMBER.search(question):
        return None
    things = exp.Count(this=exp.Distinct(expressions=[found.key.copy()]))
    above: exp.Expr = exp.cast(things.copy(), exp.DType.DOUBLE)
    if _PERCENT.search(question):
        above = exp.Mul(this=exp.Literal.number("100.0"), expression=things.copy())
    division = exp.Div(this=above, expression=things.copy(), typed=True)
    count.replace(division)
    return _over_join(division, found, select, _both(found), plain=False)


def _same(one: exp.Expr, other: exp.Expr) -> bool:
    return one.sql().lower() == other.sql().lower()


def _both(found: _Things) -> list[Source]:
    return [found.things, found.rows]


def _keep_whole(select: exp.Select, found: _Things, tests: list[exp.Expr]) -> None:
    """The things on the left of an outer join, with what their rows must meet in its condition."""
    start = select.args["from_"].this
    link = exp.and_(found.join.args["on"].copy(), *(one.copy() for one in tests))
    rows = found.join.this
    if start.alias_or_name.lower() != found.things.alias:
        start, rows = rows, start
    select.set("from_", exp.From(this=start.copy()))
    select.set("joins", [exp.Join(this=rows.copy(), side="LEFT", on=link)])


def _without_rows(found: _Things, select: exp.Select, sources: list[Source]) -> str | None:
    """Leave out what the things have, where nothing of it is asked but its being there."""
    if found.join.side:
        return None
    link = found.link
    for column in list(select.find_all(exp.Column)):
        if column.find_ancestor(exp.Join) is not None or _owner(column, sources) != found.rows.alias:
            continue
        if folded(column.this) != folded(link.this) and not _is_counted(column):
            return None
    for column in list(select.find_all(exp.Column)):
        if column.find_ancestor(exp.Join) is None and _owner(column, sources) == found.rows.alias:
            column.replace(found.key.copy())
    start = select.args["from_"].this
    things = start if start.alias_or_name.lower() == found.things.alias else found.join.this
    select.set("from_", exp.From(this=things.copy()))
    select.set("joins", None)
    return f"The whole is all of {found.things.alias}; {found.rows.alias} says nothing of the part."


def _is_counted(column: exp.Column) -> bool:
    parent = column.parent
    return isinstance(parent, exp.Count) or (isinstance(parent, exp.If) and parent.args.get("true") is column)


def _over_rows(division: exp.Div, rows: Source, whole: str, select: exp.Select, names: Names) -> str | None:
    """A share of things over the table alone that refers to them: its whole is their own table."""
    above, below = bare(division.this), bare(division.expression)
    things = _named(whole, names)
    if things is None or rows.table is None or things is rows.table or not isinstance(below, exp.Count):
        return None
    left = [word for word in words(whole) if word not in STOP_WORDS | _PLAIN]
    if {stem(word) for word in left} != set(_said(things, names)):
        return None
    if things.qualified_name not in names.joins.referred(rows.table.qualified_name):
        return None
    ways = names.joins.between(rows.table.qualified_name, things.qualified_name)
    if len(ways) != 1 or len(ways[0].left_columns) != 1 or not is_whole(below):
        return None
    link = ways[0].left_columns[0]
    counted = (
        above.this.expressions[0]
        if isinstance(above, exp.Count) and isinstance(above.this, exp.Distinct)
        else None
    )
    if not isinstance(counted, exp.Column) or folded(counted.this) != link:
        return None
    schema = None if things.schema_name in names.snapshot.search_path else identifier(things.schema_name)
    all_things = exp.select(exp.Count(this=exp.Star())).from_(
        exp.Table(this=identifier(things.name), db=schema)
    )
    below.replace(all_things.subquery())
    return f"The whole is all of {things.name}, not what {rows.alias} has rows of."


def _joined(select: exp.Select, sources: list[Source], whole: str, names: Names) -> _Things | None:
    """The things that the whole is called by, joined to one table of rows that refer to them."""
    joins = select.args.get("joins") or []
    if (
        len(sources) != 2
        or len(joins) != 1
        or joins[0].side not in {"", "LEFT"}
        or joins[0].kind not in {"", "INNER"}
    ):
        return None
    things = next((one for one in sources if one.table is not None and _ends(whole, one.table, names)), None)
    if things is None or things.table is None or not is_repeated(things, sources, names):
        return None
    rows = next(one for one in sources if one is not things)
    if rows.table is None or (
        _names_it(whole, rows.table, names) and not _names_it(whole, things.table, names)
    ):
        return None
    if joins[0].side and sources[0] is not things:
        return None
    on = joins[0].args.get("on")
    if on is None:
        return None
    pairs = [part for part in conjuncts(on) if isinstance(part, exp.EQ)]
    for pair in pairs:
        sides = (pair.this, pair.expression)
        if not all(isinstance(side, exp.Column) for side in sides):
            continue
        owners = [_owner(side, sources) for side in sides]
        if set(owners) == {things.alias, rows.alias}:
            key = sides[owners.index(things.alias)]
            link = sides[owners.index(rows.alias)]
            return _Things(things, rows, joins[0], _qualified(key, things), _qualified(link, rows))
    return None


def _qualified(column: exp.Column, source: Source) -> exp.Column:
    return exp.column(column.this.copy(), table=column.args.get("table") or source.alias)


def _counts(count: exp.Count, found: _Things, sources: list[Source]) -> bool:
    """Whether it counts things or rows, and not values of one of their columns."""
    inner = count.this.expressions[0] if isinstance(count.this, exp.Distinct) else count.this
    if isinstance(inner, exp.Star):
        return True
    if not isinstance(inner, exp.Column):
        return False
    name, owner = folded(inner.this), _owner(inner, sources)
    source = (
        found.things if owner == found.things.alias else found.rows if owner == found.rows.alias else None
    )
    if source is None or source.table is None:
        return False
    return name in {folded(found.key.this), folded(found.link.this), *source.table.primary_key} or (
        name.endswith("id")
    )


def _is_ones(total: exp.Sum) -> bool:
    case = total.this
    return isinstance(case, exp.Case) and case.args["ifs"][0].args["true"].sql() in {
        "1",
        "1.0",
        "100",
        "100.0",
    }


def _presence(condition: exp.Expr) -> bool | None:
    """True for ``x IS NOT NULL``, False for ``x IS NULL``; None for any other condition."""
    if isinstance(condition, exp.Is) and isinstance(condition.expression, exp.Null):
        return bool(condition.args.get("negate"))
    return None


def _owner(column: exp.Column, sources: list[Source]) -> str | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one.alias for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _said(table: Table, names: Names) -> list[str]:
    return [stem(word) for word in names.joins.short.table_words(table)]


def _names_it(phrase: str, table: Table, names: Names) -> bool:
    said = _said(table, names)
    return bool(said) and set(said) <= {stem(word) for word in words(phrase)}


def _ends(phrase: str, table: Table, names: Names) -> bool:
    """Whether the phrase is about the table's things: the first plural of it is what they are called."""
    said, spoken = _said(table, names), words(phrase)
    at = next(
        (place for place, word in enumerate(spoken, 1) if word.endswith("s") and stem(word) == said[-1:][0]),
        0,
    )
    return bool(said) and at > 0 and [stem(word) for word in spoken[:at]][-len(said) :] == said


def _named(phrase: str, names: Names) -> Table | None:
    found = [
        table for table in names.snapshot.listed if table.kind == "table" and _ends(phrase, table, names)
    ]
    return found[0] if len(found) == 1 else None


RULE = Rule("having_share", _fix)
