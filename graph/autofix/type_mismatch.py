"""Types that PostgreSQL will not bring together by itself, where there is one sensible way to do it.

``boolean = 1``, ``SUM(boolean)``, ``ROUND(double, n)``, the month of an integer (an epoch in seconds), LIKE
on what is not text, days of a difference of dates (which is a number of days already).
"""

from collections.abc import Callable

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded, is_integer, is_text
from graph.context.joins import type_family
from graph.context.words import name_words

Check = Callable[[exp.Expr, Names, Scope], str | None]


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        for node in list(scope.walk()):
            for kinds, check in _CHECKS:
                if isinstance(node, kinds) and (said := check(node, names, scope)):
                    return said
    return None


def _boolean_number(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``has_lab = 1``, and ``is_open = TRUE`` for a flag kept as a number."""
    for column, value in ((node.this, node.expression), (node.expression, node.this)):
        if not isinstance(column, exp.Column):
            continue
        kind = names.type_of(column, scope)
        if (
            kind == "boolean"
            and isinstance(value, exp.Literal)
            and not value.is_string
            and value.this in "01"
        ):
            value.replace(exp.Boolean(this=value.this == "1"))
            return f"{column.name} is a boolean; it is compared with one."
        if is_integer(kind) and isinstance(value, exp.Boolean):
            value.replace(exp.Literal.number(1 if value.this else 0))
            return f"{column.name} is a number; 1 stands for true there."
    return None


def _sum_of_booleans(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    inner = node.this
    bare = inner.unnest() if isinstance(inner, exp.Paren) else inner
    condition = isinstance(bare, exp.Predicate | exp.Connector | exp.Not) or (
        isinstance(bare, exp.Column) and names.type_of(bare, scope) == "boolean"
    )
    if not condition or isinstance(bare, exp.Subquery):
        return None
    node.set("this", exp.Cast(this=exp.paren(bare.copy()), to=exp.DataType.build("int")))
    return f"{bare.sql(dialect='postgres')} is true or false; it is counted as 1 or 0."


def _round(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    value = node.this
    if node.args.get("decimals") is None or _is_numeric(value, names, scope):
        return None
    node.set("this", exp.cast(value.copy(), exp.DType.DECIMAL))
    return "ROUND to digits wants a numeric; its argument is cast to one."


def _is_numeric(node: exp.Expr, names: Names, scope: Scope) -> bool:
    """Whether PostgreSQL's ROUND(numeric, integer) takes the value as it is."""
    match node:
        case exp.Cast():
            return node.to.this in {exp.DType.DECIMAL, *exp.DataType.INTEGER_TYPES}
        case exp.Literal():
            return not node.is_string
        case exp.Column():
            kind = names.type_of(node, scope)
            return is_integer(kind) or kind.startswith("numeric")
        case exp.Paren() | exp.Sum() | exp.Max() | exp.Min() | exp.Neg() | exp.Abs() | exp.Nullif():
            return _is_numeric(node.this, names, scope)
        case exp.Avg():
            return _is_numeric(node.this, names, scope)
        case exp.Count():
            return True
        case exp.Binary():
            return _is_numeric(node.this, names, scope) and _is_numeric(node.expression, names, scope)
        case exp.Coalesce():
            return all(_is_numeric(part, names, scope) for part in (node.this, *node.expressions))
        case exp.Case():
            branches = [branch.args["true"] for branch in node.args["ifs"]]
            branches += [node.args["default"]] if node.args.get("default") else []
            return all(_is_numeric(part, names, scope) for part in branches)
        case exp.Round():
            return _is_numeric(node.this, names, scope)
        case _:
            return False


def _epoch(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """A part of a moment asked of an integer column: it holds seconds since 1970."""
    place = "expression" if isinstance(node, exp.Extract) else "this"
    value = node.args.get(place)
    bare = value.this if isinstance(value, exp.Cast) and value.is_type("timestamp", "date") else value
    if not isinstance(bare, exp.Column) or not is_integer(names.type_of(bare, scope)):
        return None
    part = str(node.this if place == "expression" else node.args.get("unit")).lower()
    if "year" in name_words(bare.name) and isinstance(node, exp.Extract):
        # The column holds years, not moments: the part stands in a column of its own, or is the column.
        sibling = bare if part == "year" else _sibling(bare, part, names, scope)
        if sibling is None:
            return None
        node.replace(sibling.copy())
        return f"{bare.name} holds years; the {part} is read from {sibling.name}."
    node.set(place, exp.Anonymous(this="TO_TIMESTAMP", expressions=[bare.copy()]))
    return f"{bare.name} is a number; it is read as seconds since 1970."


def _sibling(column: exp.Column, name: str, names: Names, scope: Scope) -> exp.Column | None:
    """The column of this name in the same source; None when there is none."""
    qualifier = folded(column.args.get("table"))
    for source in names.visible(scope):
        if source.has(folded(column.this)) and source.has(name) and qualifier in {"", source.alias}:
            return exp.column(name, table=source.alias)
    return None


def _text_sum(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``SUM(credits)`` where credits are kept as text."""
    bare = node.this
    if not isinstance(bare, exp.Column) or not is_text(names.type_of(bare, scope)):
        return None
    node.set("this", exp.cast(bare.copy(), exp.DType.DECIMAL))
    return f"{bare.name} is text; it is added up as numbers."


def _days_between(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """``EXTRACT(DAY FROM a - b)`` of two dates: the difference is a whole number of days already."""
    inner = node.expression.unnest() if node.expression else None
    if str(node.this).upper() not in {"DAY", "DAYS"} or not isinstance(inner, exp.Sub):
        return None
    if not (_is_date(inner.this, names, scope) and _is_date(inner.expression, names, scope)):
        return None
    node.replace(exp.Paren(this=inner.copy()))
    return "The difference of two dates is in days already."


def _is_date(node: exp.Expr, names: Names, scope: Scope) -> bool:
    match node:
        case exp.CurrentDate():
            return True
        case exp.Cast():
            return node.is_type("date")
        case exp.Column():
            return names.type_of(node, scope) == "date"
        case exp.Paren() | exp.Max() | exp.Min():
            return _is_date(node.this, names, scope)
        case _:
            return False


def _like(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    column = node.this
    if not isinstance(column, exp.Column):
        return None
    kind = names.type_of(column, scope)
    if not kind or is_text(kind) or kind.endswith("[]"):
        return None
    node.set("this", exp.cast(column.copy(), exp.DType.TEXT))
    return f"{column.name} is {kind}; LIKE compares its text."


def _joined_types(node: exp.Expr, names: Names, scope: Scope) -> str | None:
    """A number compared with a text column: as texts, since any number can be written as one."""
    left, right = node.this, node.expression
    if not (isinstance(left, exp.Column) and isinstance(right, exp.Column)):
        return None
    families = {type_family(names.type_of(side, scope)): side for side in (left, right)}
    if set(families) != {"number", "text"}:
        return None
    number = families["number"]
    number.replace(exp.cast(number.copy(), exp.DType.TEXT))
    return f"{number.name} is a number and is compared with a text as one."


_CHECKS: tuple[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Check], ...] = (
    ((exp.EQ, exp.NEQ, exp.Is), _boolean_number),
    ((exp.EQ, exp.NEQ), _joined_types),
    ((exp.Sum, exp.Avg), _sum_of_booleans),
    ((exp.Sum, exp.Avg), _text_sum),
    (exp.Round, _round),
    (exp.Extract, _days_between),
    ((exp.Extract, exp.TimestampTrunc), _epoch),
    ((exp.Like, exp.ILike), _like),
)

RULE = Rule("type_mismatch", _fix)
