"""Things that never have a value, told by rows that have another: "never bought a hat" as ``kind <> 'hat'``.

A row of another kind says nothing of what there is besides. The things are those of which no row has the
value: those without any row as well, where only that is asked. "Hats but no coats" as ``kind = 'hat' AND
kind <> 'coat'`` keeps its hats and loses those with coats. And of a chain of outer joins the rows that end
nowhere are no proof: a thing may have another row that does not.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Names, Source, conditions_of, folded, identifier
from graph.context.words import fold, words

_NEVER = r"(?:\bnever|\bno|\bnot|n['’]t|\bwithout|\bnone|\bnor|\bneither)\b"
_NEVER_ANY = re.compile(
    r"\b(?:never|without\s+(?:ever|any)|(?:not|n['’]t)\s+(?:\w+\s+){0,3}any(?:thing|one|body)?)\b|\bnot\s+ever\b|"
    r"^\W*(?:which|what|how\s+many)\s+(?:\w+\s+){1,3}?(?:(?:did|have|has|had)(?:\s+not|n['’]t)|(?:have|has|had)\s+no)\b",
    re.IGNORECASE,
)
_BUT = re.compile(r"\b(?:but|yet)\b", re.IGNORECASE)
"""That there are other rows is asked for as well."""
_PARTS = ("group", "having", "limit", "offset", "with_")


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or scope.expression is not select or not isinstance(select, exp.Select):
        return None
    if any(select.args.get(part) for part in _PARTS) or select.find(exp.Window, exp.Subquery):
        return None
    sources = names.sources(scope)
    if not re.search(_NEVER, fold(context.question)) or any(one.table is None for one in sources):
        return None
    if all(join.side == "LEFT" for join in select.args.get("joins") or ()):
        return _open_ends(select, sources, names)
    if any(join.side for join in select.args.get("joins") or ()):
        return None
    return _besides(select, sources, context) or _instead(select, sources, context)


def _besides(select: exp.Select, sources: list[Source], context: Context) -> str | None:
    """``c = 'A' AND c <> 'B'``: what has a row with B as well is left out."""
    tests = conditions_of(select)
    for test in tests:
        excluded = _excluded(test)
        if excluded is None or not _is_denied(excluded[1].name, context.question):
            continue
        what, value = excluded
        if not any(isinstance(one, exp.EQ) and one.this == what and _literal(one) != value for one in tests):
            continue
        others = [one for one in tests if one is not test]
        plain = [one for one in others if not (isinstance(one, exp.EQ) and one.this == what)]
        key = _key(select, what, sources, context.names)
        if key is None:
            return None
        listed = _having(select, key, [exp.EQ(this=what.copy(), expression=value.copy()), *plain])
        select.set("where", exp.Where(this=exp.and_(*(one.copy() for one in others), exp.Not(this=listed))))
        return f"Those that have {value.name} as well are left out: another row of theirs may say so."
    return None


def _instead(select: exp.Select, sources: list[Source], context: Context) -> str | None:
    """``c <> 'A'`` alone: those of which no row has A."""
    if not _NEVER_ANY.search(context.question):
        return None
    tests = conditions_of(select)
    negated = [(test, found) for test in tests if (found := _excluded(test)) is not None]
    if len(negated) != 1 or not _is_denied(negated[0][1][1].name, context.question):
        return None
    test, (what, value) = negated[0]
    key = _key(select, what, sources, context.names)
    first = select.args["from_"].this if select.args.get("from_") else None
    if key is None or not isinstance(first, exp.Table):
        return None
    wanted = exp.EQ(this=what.copy(), expression=value.copy())
    if _BUT.search(context.question):
        kept = [one for one in tests if one is not test]
        listed = _having(select, key, [wanted, *kept])
        select.set("where", exp.Where(this=exp.and_(*(one.copy() for one in kept), exp.Not(this=listed))))
        return f"Those that have {value.name} are left out: another row of theirs says nothing of it."
    thing = next((one for one in sources if one.alias == folded(key.args.get("table"))), None)
    own = context.names.joins.own.key(thing.table) if thing is not None and thing.table is not None else None
    if thing is None or own is None or folded(key.this) != own:
        return None
    mine = [one for one in tests if one is not test and _is_of(one, thing)]
    theirs = [one for one in tests if one is not test and not _is_of(one, thing)]
    listed = _having(select, key, [wanted, *theirs])
    rows = next(node for node in _relations(select) if node.alias_or_name.lower() == thing.alias)
    select.args["from_"].set("this", rows.copy())
    select.set("joins", None)
    select.set("where", exp.Where(this=exp.and_(*(one.copy() for one in mine), exp.Not(this=listed))))
    return f"Never {value.name}: those of which no row has it, and not those that have another row."


def _open_ends(select: exp.Select, sources: list[Source], names: Names) -> str | None:
    """``LEFT JOIN … LEFT JOIN kind ON … AND kind = 'A' WHERE kind.id IS NULL``: where no row reaches it."""
    joins = select.args.get("joins") or []
    tests = conditions_of(select)
    empty = [
        one
        for one in tests
        if isinstance(one, exp.Is)
        and isinstance(one.expression, exp.Null)
        and isinstance(one.this, exp.Column)
        and one.this.args.get("table")
    ]
    if len(joins) < 2 or len(empty) != 1 or isinstance(empty[0].parent, exp.Not | exp.Or):
        return None
    end = folded(empty[0].this.args["table"])
    last = next((join for join in joins if join.alias_or_name.lower() == end), None)
    first = sources[0]
    if last is None or last.args.get("on") is None or first.table is None or end == first.alias:
        return None
    reached = {folded(column.args.get("table")) for column in last.args["on"].find_all(exp.Column)} - {end}
    shown = [item.unalias() for item in select.selects]
    if not reached or first.alias in reached or "" in reached or not is_repeated(first, sources, names):
        return None
    if not shown or not all(isinstance(item, exp.Column) and _is_of(item, first) for item in shown):
        return None
    if any(not _is_of(one, first) for one in tests if one is not empty[0]):
        return None
    own = names.joins.own.key(first.table)
    if own is None:
        return None
    keys = [exp.column(identifier(own), table=first.alias), *(item.copy() for item in shown)]
    kept = [one.copy() for one in tests if one is not empty[0]]
    select.set("distinct", None)
    select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
    select.set("group", exp.Group(expressions=list(dict.fromkeys(keys))))
    none = exp.EQ(this=exp.Count(this=empty[0].this.copy()), expression=exp.Literal.number(0))
    select.set("having", exp.Having(this=none))
    return f"Those of which no row leads to {end}: one that does not is no proof."


def _excluded(test: exp.Expr) -> tuple[exp.Expr, exp.Literal] | None:
    """What is not to be which value: ``c <> 'A'``, ``NOT c = 'A'``, ``EXTRACT(YEAR FROM m) <> 2025``."""
    bare = test.unnest()
    if isinstance(bare, exp.Not) and isinstance(bare.this.unnest(), exp.EQ):
        bare = bare.this.unnest()
    elif not isinstance(bare, exp.NEQ):
        return None
    value = _literal(bare)
    columns = list(bare.this.find_all(exp.Column))
    return (bare.this, value) if value is not None and len(columns) == 1 else None


def _literal(test: exp.Expr) -> exp.Literal | None:
    value = test.args.get("expression")
    return value if isinstance(value, exp.Literal) else None


def _is_denied(value: str, question: str) -> bool:
    """Whether the question says *no*, *not* or *never* of a value, in the same clause."""
    said = r"\W+".join(rf"{re.escape(word)}(?:s|es)?" for word in words(value))
    return bool(said) and bool(re.search(rf"{_NEVER}[^,;.?]{{0,60}}?\b{said}\b", fold(question)))


def _key(select: exp.Select, what: exp.Expr, sources: list[Source], names: Names) -> exp.Column | None:
    """What tells the things apart that are shown or counted, of which the tested rows may be many."""
    items = [item.unalias() for item in select.selects]
    if len(items) == 1 and isinstance(items[0], exp.Count) and isinstance(items[0].this, exp.Distinct):
        items = items[0].this.expressions
    columns = [item for item in items if isinstance(item, exp.Column) and not isinstance(item.this, exp.Star)]
    if not items or len(columns) != len(items):
        return None
    things = [_source(item, sources) for item in columns]
    tested = _source(next(what.find_all(exp.Column)), sources)
    thing = things[0]
    if tested is None or thing is None or thing.table is None or any(one is not thing for one in things):
        return None
    if len(columns) == 1 and _refers(columns[0], thing, names):
        return columns[0]
    own = names.joins.own.key(thing.table)
    if own is None or thing is tested or not is_repeated(thing, sources, names):
        return None
    return exp.column(identifier(own), table=thing.alias)


def _having(select: exp.Select, key: exp.Column, tests: list[exp.Expr]) -> exp.In:
    """Whether the key is among those of rows with all of this."""
    inner = exp.Select(expressions=[key.copy()])
    for part in ("from_", "joins"):
        given = select.args.get(part)
        if given:
            inner.set(part, given.copy() if isinstance(given, exp.Expr) else [one.copy() for one in given])
    known = exp.Not(this=exp.Is(this=key.copy(), expression=exp.Null()))
    inner.set("where", exp.Where(this=exp.and_(*(one.copy() for one in tests), known)))
    return exp.In(this=key.copy(), query=exp.Subquery(this=inner))


def _relations(select: exp.Select) -> list[exp.Expr]:
    return [select.args["from_"].this, *(join.this for join in select.args.get("joins") or ())]


def _is_of(node: exp.Expr, thing: Source) -> bool:
    """Whether all columns in it are the thing's."""
    columns = [node] if isinstance(node, exp.Column) else list(node.find_all(exp.Column))
    return all(folded(column.args.get("table")) == thing.alias for column in columns)


def _source(column: exp.Column, sources: list[Source]) -> Source | None:
    qualifier, name = folded(column.args.get("table")), folded(column.this)
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _refers(column: exp.Column, source: Source, names: Names) -> bool:
    assert source.table is not None
    return names.joins.refers(source.table.qualified_name, folded(column.this))


RULE = Rule("never_value", _fix)
