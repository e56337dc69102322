"""The name that PostgreSQL gives a result column that has no alias."""

from __future__ import annotations

from typing import Any

from agent.sandbox.shape import unwrap

_FIXED = {
    "CoalesceExpr": "coalesce",
    "GroupingFunc": "grouping",
    "A_ArrayExpr": "array",
    "RowExpr": "row",
    "JsonObjectConstructor": "json_object",
    "JsonArrayConstructor": "json_array",
    "JsonArrayQueryConstructor": "json_array",
    "JsonObjectAgg": "json_objectagg",
    "JsonArrayAgg": "json_arrayagg",
    "JsonParseExpr": "json",
    "JsonScalarExpr": "json_scalar",
    "JsonSerializeExpr": "json_serialize",
}
UNNAMED = "?column?"


def output_name(target: Any) -> str:
    """The name of a ``ResTarget`` among the result columns (PostgreSQL's ``FigureColname``)."""
    return target.name or _figure(target.val)[0] or UNNAMED


def _figure(node: Any) -> tuple[str, int]:
    """A name and how strongly it is meant: 2 when the expression has it, 1 when only its type does."""
    value = unwrap(node)
    if value is None:
        return "", 0
    kind = value.DESCRIPTOR.name
    if kind == "ColumnRef":
        names = [part.string.sval for part in value.fields if part.WhichOneof("node") == "string"]
        return (names[-1], 2) if names else ("", 0)
    if kind == "A_Indirection":
        names = [part.string.sval for part in value.indirection if part.WhichOneof("node") == "string"]
        return (names[-1], 2) if names else _figure(value.arg)
    if kind == "FuncCall":
        return value.funcname[-1].string.sval, 2
    if kind == "A_Expr":
        return ("nullif", 2) if _enum(value, "kind") == "AEXPR_NULLIF" else ("", 0)
    if kind == "TypeCast":
        name, strength = _figure(value.arg)
        if strength > 1:
            return name, strength
        return value.type_name.names[-1].string.sval, 1
    if kind == "CollateClause":
        return _figure(value.arg)
    if kind == "CaseExpr":
        name, strength = _figure(value.defresult)
        return (name, strength) if strength > 1 else ("case", 1)
    if kind == "MinMaxExpr":
        word = _enum(value, "op")
        return ("greatest" if word.endswith("GREATEST") else "least"), 2
    if kind == "SQLValueFunction":
        word = _enum(value, "op")
        return word.removeprefix("SVFOP_").removesuffix("_N").lower(), 2
    if kind == "SubLink":
        return _sublink(value)
    if kind == "JsonFuncExpr":
        return _enum(value, "op").removesuffix("_OP").lower(), 2
    return (_FIXED[kind], 2) if kind in _FIXED else ("", 0)


def _enum(value: Any, field: str) -> str:
    number = getattr(value, field)
    return str(value.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[number].name)


def _sublink(value: Any) -> tuple[str, int]:
    word = (
        value.DESCRIPTOR.fields_by_name["sub_link_type"].enum_type.values_by_number[value.sub_link_type].name
    )
    if word == "EXISTS_SUBLINK":
        return "exists", 2
    if word == "ARRAY_SUBLINK":
        return "array", 2
    if word == "EXPR_SUBLINK":
        select = value.subselect.select_stmt
        while select.HasField("larg"):
            select = select.larg
        if select.target_list:
            target = select.target_list[0].res_target
            return (target.name, 2) if target.name else _figure(target.val)
    return "", 0
