"""A ratio of integers: PostgreSQL cuts ``1 / 2`` to 0, where the question wants 0.5.

Left alone: division by a whole number that is written out (pages of ten, cents to units), and what is
rounded, cut or cast to an integer on purpose.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, is_integer


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        for division in list(scope.find_all(exp.Div)):
            if not (_integer(division.this, names, scope) and _integer(division.expression, names, scope)):
                continue
            if _written_out(division.expression) and not division.this.find(exp.AggFunc):
                continue
            if _cut_on_purpose(division):
                continue
            said = division.sql(dialect="postgres")
            division.set("this", exp.cast(division.this.copy(), exp.DType.DOUBLE))
            return f"{said} would be cut to a whole number; it is divided as a decimal."
    return None


def _integer(node: exp.Expr, names: Names, scope: Scope) -> bool:
    """Whether the value is surely an integer."""
    match node:
        case exp.Paren() | exp.Neg() | exp.Abs():
            return _integer(node.this, names, scope)
        case exp.Literal():
            return not node.is_string and str(node.this).isdigit()
        case exp.Column():
            return is_integer(names.type_of(node, scope))
        case exp.Count() | exp.CountIf() | exp.Length():
            return True
        case exp.Filter() | exp.Window():
            return _integer(node.this, names, scope)
        case exp.Sum():
            # The sum of bigints is numeric and divides exactly; casting it would only lose digits.
            return _integer(node.this, names, scope) and not _is_bigint(node.this, names, scope)
        case exp.Max() | exp.Min():
            return _integer(node.this, names, scope)
        case exp.Nullif():
            return _integer(node.this, names, scope)
        case exp.Coalesce():
            return all(_integer(part, names, scope) for part in (node.this, *node.expressions))
        case exp.Case():
            results = [branch.args["true"] for branch in node.args["ifs"]]
            if node.args.get("default"):
                results.append(node.args["default"])
            return all(isinstance(one, exp.Null) or _integer(one, names, scope) for one in results)
        case exp.Cast():
            return node.to.this in exp.DataType.INTEGER_TYPES
        case exp.Add() | exp.Sub() | exp.Mul():
            return _integer(node.this, names, scope) and _integer(node.expression, names, scope)
        case exp.Subquery():
            inner = node.unnest()
            return isinstance(inner, exp.Select) and len(inner.selects) == 1 and _integer_output(inner, names)
        case _:
            return False


def _integer_output(select: exp.Select, names: Names) -> bool:
    scope = next((scope for scope in names.scopes if scope.expression is select), None)
    return scope is not None and _integer(select.selects[0].unalias(), names, scope)


def _is_bigint(node: exp.Expr, names: Names, scope: Scope) -> bool:
    return any(names.type_of(column, scope).lower() == "bigint" for column in node.find_all(exp.Column))


def _written_out(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal)


def _cut_on_purpose(division: exp.Div) -> bool:
    node: exp.Expr | None = division.parent
    while isinstance(node, exp.Paren | exp.Mul | exp.Add | exp.Sub):
        node = node.parent
    if isinstance(node, exp.Cast):
        return node.to.this in exp.DataType.INTEGER_TYPES
    return isinstance(node, exp.Floor | exp.Ceil | exp.Mod)


RULE = Rule("integer_division", _fix)
