"""Where a string that is written down becomes a value of a column's type, so that the type's checks are run.

PostgreSQL reads such a string as whatever it meets: ``coalesce(sizes, '{x}')`` makes an array of the column's
type, ``CASE … ELSE '(1,x)' END`` a composite, ``span && '[a,b)'`` a range. A domain over a plain type is not
made so: there the string meets what the domain is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.sandbox.bodies import BETWEENS
from agent.sandbox.shape import unwrap
from agent.sandbox.vocabulary import RANGES

_COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})
MEETING = frozenset({"FuncCall", "A_Expr", "A_ArrayExpr", "SubLink", "CoalesceExpr", "MinMaxExpr"})
"""Messages whose operands are given one type, or one that suits the others."""


def is_untyped(node: Any) -> bool:
    """Whether a value is a string that is written down, NULL, or an array of nothing else."""
    value = unwrap(node)
    kind = value.DESCRIPTOR.name if value is not None else ""
    if kind == "A_ArrayExpr":
        return all(is_untyped(element) for element in value.elements)
    return kind == "A_Const" and (value.isnull or value.WhichOneof("val") == "sval")


def is_string(node: Any) -> bool:
    """Whether a value is a string that is written down and has no type yet."""
    value = unwrap(node)
    return value is not None and value.DESCRIPTOR.name == "A_Const" and value.WhichOneof("val") == "sval"


def meets_string(kind: str, value: Any) -> bool:
    """Whether some operand of this message is a string that is written down, in a row of several or not."""
    return any(is_string(operand) for operand in _operands(kind, value))


def case_parts(case: Any) -> tuple[list[Any], list[Any]]:
    """What a CASE asks for, or compares with, and its results."""
    asked = [when.case_when.expr for when in case.args]
    results = [when.case_when.result for when in case.args]
    if case.HasField("defresult"):
        results.append(case.defresult)
    return asked, results


def strings_compared(value: Any) -> list[Any] | None:
    """The columns that an operator compares with strings that are written down, and nothing else; None of any
    other expression."""
    if value.name[-1].string.sval not in _COMPARISONS and value.kind not in BETWEENS:
        return None
    left, right = list(_each(value.lexpr)), list(_each(value.rexpr))
    if all(map(is_string, left)):
        left, right = right, left
    if not left or not right or not all(map(is_string, right)) or any(map(is_string, left)):
        return None
    return left


def grouped_in(value: Any) -> list[Any]:
    """What CUBE, ROLLUP, GROUPING SETS and ``grouping`` list, those of a row one by one."""
    listed = value.content if value.DESCRIPTOR.name == "GroupingSet" else value.args
    return [node for part in listed for node in _each(part)]


def _operands(kind: str, value: Any) -> Iterator[Any]:
    if kind == "A_Expr":
        yield from _each(value.lexpr)
        yield from _each(value.rexpr)
    elif kind in ("CoalesceExpr", "MinMaxExpr"):
        yield from value.args
    elif kind == "A_ArrayExpr":
        yield from value.elements
    elif kind == "SubLink":
        yield from _each(value.testexpr)
    elif kind == "FuncCall" and value.funcname[-1].string.sval in RANGES:
        yield from value.args


def _each(node: Any) -> Iterator[Any]:
    value = unwrap(node)
    kind = value.DESCRIPTOR.name if value is not None else ""
    if kind in ("List", "RowExpr"):
        for item in value.items if kind == "List" else value.args:
            yield from _each(item)
    elif value is not None:
        yield node
