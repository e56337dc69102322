"""An aggregate of an aggregate, which PostgreSQL computes in two steps: per thing, then over these.

``SUM(CASE WHEN COUNT(x) >= 3 THEN 1 ELSE 0 END)`` counts things by how many rows they have, and
``AVG(COUNT(*)) … GROUP BY a`` averages over the groups. The inner aggregates go into a query of their own,
grouped by what identifies a thing there.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded, identifier
from graph.context.words import name_words, stem

_INNER = "per_group"
_STEP, _ROWS = "step", "per_row"


def _fix(context: Context) -> str | None:
    select = context.tree
    if not isinstance(select, exp.Select) or select.args.get("with_"):
        return None
    said = _most_of_groups(select) or _most_itself(select) or _of_windows(select)
    if said is not None or select.args.get("having"):
        return said
    scope = context.names.scopes[-1]
    if scope.expression is not select:
        return None
    nested = [inner for item in select.selects for inner in _nested(item)]
    if not nested:
        return None
    grouped = [key.copy() for key in (select.args["group"].expressions if select.args.get("group") else ())]
    keys = grouped or _things(context, select, scope, nested)
    if not keys or not all(isinstance(key, exp.Column) for key in keys):
        return None
    if grouped and any(not item.find(exp.AggFunc) for item in select.selects):
        return None  # a figure for each group and one over all of them cannot stand in one row
    _in_two_steps(select, keys, nested)
    shown = ", ".join(key.sql(dialect="postgres") for key in keys)
    return f"Aggregates of aggregates: the inner ones are computed for each {shown} first."


def _most_of_groups(select: exp.Select) -> str | None:
    """``= (SELECT MAX(COUNT(*)) FROM … GROUP BY …)``: the first of the groups by that."""
    for within in select.find_all(exp.Subquery):
        inner = within.this
        if not isinstance(inner, exp.Select) or not inner.args.get("group") or len(inner.selects) != 1:
            continue
        end = inner.selects[0].unalias()
        if not isinstance(end, exp.Max | exp.Min) or not isinstance(end.this, exp.AggFunc):
            continue
        if any(inner.args.get(part) for part in ("order", "limit", "distinct")):
            continue
        figure = end.this
        inner.set("expressions", [figure.copy()])
        _first_by(inner, figure, down=isinstance(end, exp.Max))
        return (
            f"{end.sql(dialect='postgres')} is the first of the groups by {figure.sql(dialect='postgres')}."
        )
    return None


def _most_itself(select: exp.Select) -> str | None:
    """``HAVING COUNT(*) = MAX(COUNT(*))``: the group with the most."""
    having = select.args.get("having")
    test = having.this if having is not None else None
    if not isinstance(test, exp.EQ) or select.args.get("order") or select.args.get("limit"):
        return None
    for figure, end in ((test.this, test.expression), (test.expression, test.this)):
        if isinstance(end, exp.Max | exp.Min) and isinstance(figure, exp.AggFunc) and end.this == figure:
            select.set("having", None)
            _first_by(select, figure, down=isinstance(end, exp.Max))
            return f"The group with this {figure.sql(dialect='postgres')} is the first by it."
    return None


def _of_windows(select: exp.Select) -> str | None:
    """``AVG(at - LAG(at) OVER (…))``: what is looked up in other rows is there before it is averaged."""
    if any(select.args.get(part) for part in ("group", "having", "order", "limit", "distinct")):
        return None
    figures = [item.unalias() for item in select.selects]
    while any(isinstance(one, exp.Round | exp.Extract | exp.Div | exp.Mul | exp.Paren) for one in figures):
        figures = [
            (one.expression if isinstance(one, exp.Extract) else one.this)
            if isinstance(one, exp.Round | exp.Extract | exp.Div | exp.Mul | exp.Paren)
            else one
            for one in figures
        ]
    if not figures or not all(
        isinstance(one, exp.Avg | exp.Max | exp.Min | exp.Sum) and one.this.find(exp.Window)
        for one in figures
    ):
        return None
    inner = select.copy()
    inner.set("expressions", [])
    for place, one in enumerate(figures, 1):
        inner.append("expressions", exp.alias_(one.this.copy(), f"{_STEP}_{place}"))
        one.set("this", exp.column(f"{_STEP}_{place}"))
    for part in ("joins", "where"):
        select.set(part, None)
    select.set("from_", exp.From(this=inner.subquery(_ROWS)))
    return "What is taken from the row before is worked out for each row first."


def _first_by(select: exp.Select, figure: exp.Expr, *, down: bool) -> None:
    key = exp.Ordered(this=figure.copy(), desc=down or None, nulls_first=False)
    select.set("order", exp.Order(expressions=[key]))
    select.set("limit", exp.Limit(expression=exp.Literal.number(1)))


def _nested(item: exp.Expr) -> list[exp.Expr]:
    """Aggregates that stand inside another one. An aggregate under OVER may hold one: it comes later."""
    found: list[exp.Expr] = []
    for inner in item.find_all(exp.AggFunc):
        outer = inner.find_ancestor(exp.AggFunc, exp.Select)
        if isinstance(outer, exp.AggFunc) and not isinstance(outer.parent, exp.Window):
            found.append(inner)
    return found


def _things(context: Context, select: exp.Select, scope: Scope, nested: list[exp.Expr]) -> list[exp.Expr]:
    """The column by which the things are told apart that the outer aggregates are about.

    The question may name them (*papers* that have more than one dataset: paperid); else it is the only key
    beside the inner aggregates, or within them.
    """
    keys = [
        exp.column(identifier(name), table=source.alias)
        for source in context.names.sources(scope)
        for name in source.columns or ()
        if _looks_like_key(name)
    ]
    for noun in [*_PER.findall(context.question), *_COUNTED.findall(context.question)]:
        named = [key for key in keys if _names(key.name, noun)]
        if named:
            return [named[0]]
    inside = {id(column) for inner in nested for column in inner.find_all(exp.Column)}
    written = [column for item in select.selects for column in item.find_all(exp.Column)]
    for places in (True, False):
        found = {
            folded(column.this): column
            for column in written
            if (id(column) not in inside) is places and _looks_like_key(folded(column.this))
        }
        if found:
            return [next(iter(found.values())).copy()] if len(found) == 1 else []
    return []


_PER = re.compile(r"\b(?:per|for\s+each|each)\s+(\w+)", re.IGNORECASE)
_COUNTED = re.compile(
    r"\b(?:(?:ratio|proportion|percentage|share|fraction|number|count)\s+of|how\s+many)\s+"
    r"(?:the\s+|all\s+)?(\w+)",
    re.IGNORECASE,
)


def _looks_like_key(name: str) -> bool:
    return name_words(name)[-1:] == ["id"] or (len(name) > 2 and name.endswith("id"))


def _names(key: str, noun: str) -> bool:
    """``paperid`` and ``paper_id`` name a paper."""
    bare = key.lower().removesuffix("id").rstrip("_")
    return bool(bare) and stem(bare) == stem(noun.lower())


def _in_two_steps(select: exp.Select, keys: list[exp.Expr], nested: list[exp.Expr]) -> None:
    inner = exp.Select(expressions=[key.copy() for key in keys], group=exp.Group(expressions=[
        key.copy() for key in keys
    ]))  # fmt: skip
    for part in ("from_", "from", "joins", "where"):
        if select.args.get(part):
            inner.set(part, select.args[part])
    named: dict[str, str] = {}
    for aggregate in nested:
        text = aggregate.sql()
        if text not in named:
            named[text] = f"figure_{len(named) + 1}"
            inner.append("expressions", exp.alias_(aggregate.copy(), named[text]))
        aggregate.replace(exp.column(named[text]))
    known = {*named.values(), *(folded(key.this) for key in keys)}
    for item in select.selects:
        for column in item.find_all(exp.Column):
            # What else was counted there is one of the things: each has one row now.
            name = folded(column.this)
            column.replace(exp.column(column.this.copy() if name in known else keys[0].this.copy()))
    for part in ("joins", "where", "group"):
        select.set(part, None)
    source = exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(_INNER))))
    select.set("from_" if "from_" in select.arg_types else "from", source)


RULE = Rule("nested_aggregate", _fix)
