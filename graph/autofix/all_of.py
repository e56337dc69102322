"""Two values that one thing must both have, where the query asks for one row with both, or for either.

``WHERE d.name = 'A' AND d.name = 'B'`` becomes the groups of what is selected in which both values occur,
also where the values are looked up by subqueries. So do ``IN ('A', 'B')`` and ``= 'A' OR = 'B'`` where the
question says *both*, or *all three of*, and a thing may have several of those rows; where things are counted,
the groups are. A subquery that gives the things is grouped in the same way.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Source, conditions_of, folded, identifier

_BOTH = re.compile(
    r"\bboth\b|\b(?:in|on|with|for)\s+\w+\s+(?:as\s+well\s+as|and\s+also|and\s+again)\b", re.IGNORECASE
)
_ALL = re.compile(
    r"\ball\s+(?:of\s+(?:the|our|these|those|them)|our|the\s+following|three|four|five|six|[3-9])\b|"
    r"\b(?:each|every\s+one)\s+of\b",
    re.IGNORECASE,
)
"""Where several things are named and one must have them all."""
_COUNTED = "with_both"


def _fix(context: Context) -> str | None:
    return _fix_outer(context) or _fix_inner(context)


def _fix_inner(context: Context) -> str | None:
    """``id IN (SELECT ref FROM rows WHERE kind IN ('A', 'B'))``: what is referred to with each kind."""
    for scope in context.names.scopes:
        inner = scope.expression
        within = inner.parent.parent if isinstance(inner.parent, exp.Subquery) else inner.parent
        if not isinstance(inner, exp.Select) or not isinstance(within, exp.In):
            continue
        shown, where = _things(inner), inner.args.get("where")
        if where is None or inner.args.get("group") or inner.args.get("limit") or len(shown) != 1:
            continue
        source = _source(shown[0], context.names.sources(scope))
        if source is None or source.table is None or not _refers(shown, source, context):
            continue
        for part, values in _alternatives(conditions_of(inner), context.question):
            count = exp.Count(this=exp.Distinct(expressions=[_column(part).copy()]))
            having = exp.Having(this=exp.EQ(this=count, expression=exp.Literal.number(len(values))))
            inner.set("distinct", None)
            inner.set("group", exp.Group(expressions=[shown[0].copy()]))
            inner.set("having", having)
            return (
                f"All {len(values)} values of {_column(part).name} are wanted; what has each is looked for."
            )
    return None


def _fix_outer(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or select.args.get("group") or not select.args.get("where"):
        return None
    shown = _things(select)
    if not shown:
        return None
    condition = select.args["where"].this
    parts = conditions_of(select)
    for tests, values in (*_at_once(parts), *_either(parts, shown, context)):
        column = _column(tests[0])
        kept = [part.copy() for part in parts if not any(part is test for test in tests)]
        either = exp.paren(exp.or_(*(test.copy() for test in tests))) if len(tests) > 1 else tests[0].copy()
        select.set("where", exp.Where(this=exp.and_(*kept, either)))
        select.set("distinct", None)
        count = exp.Count(this=exp.Distinct(expressions=[column.copy()]))
        having = exp.Having(this=exp.EQ(this=count, expression=exp.Literal.number(len(values))))
        group = exp.Group(expressions=[item.copy() for item in (*shown, *_own_key(shown, context))])
        if select.find(exp.AggFunc):
            _count_groups(select, shown, group, having)
        else:
            select.set("group", group)
            select.set("having", having)
        if len(tests) > 1 and not isinstance(condition, exp.Or):
            return (
                f"No row has {column.name} equal to {len(values)} values; what has all of them is looked for."
            )
        return f"Both values of {column.name} are wanted; what has all of them is looked for."
    return None


def _own_key(shown: list[exp.Expr], context: Context) -> list[exp.Column]:
    """The key of the thing whose name is selected: two of one name are two things."""
    names = context.names
    scope = names.scopes[-1]
    holders = {source.alias: source for item in shown if (source := _source(item, names.sources(scope)))}
    if scope.expression is not context.tree or len(holders) != 1:
        return []
    [(alias, source)] = holders.items()
    key = names.joins.own.key(source.table) if source.table is not None else None
    if key is None or any(folded(item.this) == key for item in shown) or _refers(shown, source, context):
        return []
    qualifier = alias if any(item.args.get("table") for item in shown) else None
    return [exp.column(identifier(key), table=qualifier)]


def _things(select: exp.Select) -> list[exp.Expr]:
    """What is selected, when it is plain columns or the count of one; else nothing."""
    items = [item.unalias() for item in select.selects]
    if select.is_star or not items:
        return []
    if len(items) == 1 and isinstance(items[0], exp.Count) and isinstance(items[0].this, exp.Distinct):
        items = items[0].this.expressions
        return items if len(items) == 1 and isinstance(items[0], exp.Column) else []
    return items if all(isinstance(item, exp.Column) for item in items) else []


def _at_once(parts: list[exp.Expr]) -> list[tuple[list[exp.Expr], set[str]]]:
    """Tests of one column for several values, all of which must hold."""
    wanted: dict[str, dict[str, exp.Expr]] = {}
    for part in parts:
        if isinstance(part, exp.EQ | exp.ILike) and isinstance(part.this, exp.Column | exp.Extract):
            value = _value(part.expression)
            if value is not None:
                wanted.setdefault(part.this.sql().lower(), {})[value] = part
    found = [(list(tests.values()), set(tests)) for tests in wanted.values() if len(tests) > 1]
    return [(tests, values) for tests, values in found if not any(map(_pattern, tests))]


def _value(node: exp.Expr) -> str | None:
    """A constant, or a subquery that looks one up: ``(SELECT id FROM product WHERE title = 'Hat')``."""
    if isinstance(node, exp.Literal):
        return node.sql()
    return node.sql() if isinstance(node, exp.Subquery) else None


def _either(
    parts: list[exp.Expr], shown: list[exp.Expr], context: Context
) -> list[tuple[list[exp.Expr], set[str]]]:
    """A test of one column for either of two texts, where both are wanted and things may have both."""
    return [
        ([part], values)
        for part, values in _alternatives(parts, context.question)
        if isinstance(_column(part), exp.Column | exp.Extract) and _may_have_several(part, shown, context)
    ]


def _alternatives(parts: list[exp.Expr], question: str) -> list[tuple[exp.Expr, set[str]]]:
    """Tests of a column for one of several texts, as many as the question wants together."""
    found = []
    for part in parts:
        bare = part.unnest()
        written = _text if not isinstance(_column(part), exp.Extract) else _number
        if isinstance(bare, exp.In) and bare.expressions and all(map(written, bare.expressions)):
            values = {value.name for value in bare.expressions}
        elif isinstance(bare, exp.Or):
            tests = list(bare.flatten())
            if not all(isinstance(one, exp.EQ) and written(one.expression) for one in tests):
                continue
            values = {one.expression.name for one in tests}
            if len({one.this.sql().lower() for one in tests}) != 1:
                continue
        else:
            continue
        if (len(values) == 2 and _BOTH.search(question)) or (len(values) > 2 and _ALL.search(question)):
            found.append((part, values))
    return found


def _may_have_several(part: exp.Expr, shown: list[exp.Expr], context: Context) -> bool:
    """Whether a thing that is selected may stand beside several rows of the column's table."""
    names = context.names
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not context.tree or any(source.table is None for source in sources):
        return False
    tested = _source(next(iter(_column(part).find_all(exp.Column))), sources)
    things = [_source(item, sources) for item in shown]
    if tested is None or any(thing is None or thing is not things[0] for thing in things):
        return False
    [thing] = things[:1]
    if thing is None:
        return False
    if thing is tested:
        return _refers(shown, thing, context)
    return is_repeated(thing, sources, names) or _refers(shown, thing, context)


def _refers(shown: list[exp.Expr], source: Source, context: Context) -> bool:
    """Whether what is selected are references to other things, which many rows may share."""
    assert source.table is not None
    joins, own = context.names.joins, source.table.qualified_name
    return all(joins.refers(own, folded(item.this)) for item in shown)


def _count_groups(select: exp.Select, shown: list[exp.Expr], group: exp.Group, having: exp.Having) -> None:
    """Count the groups that are left, in a query around them."""
    inner = select.copy()
    inner.set("expressions", [item.copy() for item in shown])
    inner.set("group", group)
    inner.set("having", having)
    inner.set("order", None)
    outer = exp.select(exp.Count(this=exp.Star())).from_(inner.subquery(_COUNTED))
    item = select.selects[0]
    if isinstance(item, exp.Alias):
        outer.set("expressions", [exp.alias_(outer.selects[0].copy(), item.alias)])
    for arg in list(select.args):
        select.set(arg, None)
    for arg, value in outer.args.items():
        select.set(arg, value)


def _column(test: exp.Expr) -> exp.Expr:
    bare = test.unnest()
    first = next(bare.flatten()) if isinstance(bare, exp.Or) else bare
    column: exp.Expr = first.this
    return column


def _source(column: exp.Expr, sources: list[Source]) -> Source | None:
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _text(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _number(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string


def _pattern(test: exp.Expr) -> bool:
    """Whether it may hold for several values at once."""
    if not isinstance(test, exp.ILike):
        return False
    return not _text(test.expression) or "%" in test.expression.name or "_" in test.expression.name


RULE = Rule("all_of", _fix)
