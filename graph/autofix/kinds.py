"""What kind of value an expression gives, as far as its form and the snapshot tell: moments, spans, numbers.

PostgreSQL is strict about moments: a date less a date is a number of days, a timestamp less anything is an
interval, and neither compares with the other. Rules about time need to know which they have in hand.
"""

from typing import Literal

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.names import Names, is_integer, is_text

Kind = Literal["date", "timestamp", "time", "interval", "integer", "number", "text", "literal", "boolean", ""]
"""``literal`` is a quoted text, which takes whatever type its place wants; ``""`` is not known."""

MOMENTS: frozenset[Kind] = frozenset({"date", "timestamp"})
_FUNCTIONS: dict[str, Kind] = {
    "age": "interval", "to_timestamp": "timestamp", "to_date": "date", "make_date": "date",
    "date_trunc": "timestamp", "to_char": "text", "make_interval": "interval", "clock_timestamp": "timestamp",
}  # fmt: skip


def kind_of(node: exp.Expr | None, names: Names, scope: Scope) -> Kind:
    """The kind of value; ``""`` where it cannot be told."""
    match node:
        case exp.Paren() | exp.Neg() | exp.Max() | exp.Min() | exp.Nullif() | exp.Coalesce() | exp.Filter():
            return kind_of(node.this, names, scope)
        case exp.Alias() | exp.Distinct():
            return kind_of(node.this or next(iter(node.expressions), None), names, scope)
        case exp.Column():
            return kind_of_type(names.type_of(node, scope))
        case exp.Cast():
            return kind_of_type(node.to.sql(dialect="postgres").lower())
        case exp.Literal():
            return "literal" if node.is_string else "number" if "." in node.this else "integer"
        case exp.CurrentDate() | exp.StrToDate() | exp.TsOrDsToDate():
            return "date"
        case exp.CurrentTimestamp() | exp.TimestampTrunc() | exp.StrToTime() | exp.UnixToTime():
            return "timestamp"
        case exp.Interval():
            return "interval"
        case exp.Count():
            return "integer"
        case exp.Extract() | exp.Round() | exp.Abs() | exp.Floor() | exp.Ceil() | exp.Length():
            return "number"
        case exp.Avg() | exp.Sum():
            inner = kind_of(node.this, names, scope)
            return inner if inner == "interval" else "number" if inner in {"integer", "number"} else ""
        case exp.Sub() | exp.Add():
            return _sum(node, names, scope)
        case exp.Mul() | exp.Div():
            sides = {kind_of(node.this, names, scope), kind_of(node.expression, names, scope)}
            return "interval" if "interval" in sides else "number" if sides <= {"integer", "number"} else ""
        case exp.Case():
            return kind_of(node.args["ifs"][0].args["true"], names, scope)
        case exp.Boolean() | exp.Predicate():
            return "boolean"
        case exp.Anonymous():
            return _FUNCTIONS.get(str(node.this).lower(), "")
        case exp.Subquery():
            return _of_subquery(node, names)
        case _:
            return ""


def kind_of_type(type_name: str) -> Kind:
    """The kind of a type as ``format_type`` prints it."""
    name = type_name.lower()
    if name.startswith("timestamp"):
        return "timestamp"
    if is_integer(name) or name in {"int", "int2", "int4", "int8"}:
        return "integer"
    if name.startswith(("numeric", "decimal", "double", "real", "float")):
        return "number"
    if name.startswith("time"):
        return "time"
    if is_text(name):
        return "text"
    return name if name in {"date", "interval", "boolean"} else ""  # type: ignore[return-value]  # one of Kind


def _sum(node: exp.Binary, names: Names, scope: Scope) -> Kind:
    left, right = kind_of(node.this, names, scope), kind_of(node.expression, names, scope)
    if isinstance(node, exp.Sub) and {left, right} <= MOMENTS | {"time"}:
        return "integer" if left == right == "date" else "interval"
    for one, other in ((left, right), (right, left)):
        if one in MOMENTS and other == "interval":
            return "timestamp"
        if one == "date" and other == "integer":
            return "date"
    if "interval" in {left, right}:
        return "interval"
    if {left, right} <= {"integer", "number"}:
        return "integer" if left == right == "integer" else "number"
    return ""


def _of_subquery(node: exp.Subquery, names: Names) -> Kind:
    inner = node.unnest()
    if not isinstance(inner, exp.Select) or len(inner.selects) != 1:
        return ""
    scope = next((one for one in names.scopes if one.expression is inner), None)
    return kind_of(inner.selects[0].unalias(), names, scope) if scope is not None else ""
