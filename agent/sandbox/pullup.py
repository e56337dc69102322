"""What PostgreSQL copies when it reads and plans a statement, and what it leaves whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from postgast import pg_query_pb2 as pb

from agent.sandbox.shape import children, unwrap
from agent.sandbox.sizes import GATHERING, MAKING, POPULATING
from agent.sandbox.vocabulary import AGGREGATES, words

FLOATS = words("float4 float8 float real")
"""Types whose digits do not grow."""
_COPIED = frozenset(
    {"RangeSubselect", "CommonTableExpr", "RowExpr", "A_ArrayExpr", "JsonArrayAgg", "JsonObjectAgg"}
)
_TWICE = frozenset({pb.AEXPR_BETWEEN, pb.AEXPR_NOT_BETWEEN})
FOUR_TIMES = frozenset({pb.AEXPR_BETWEEN_SYM, pb.AEXPR_NOT_BETWEEN_SYM})
_REPEATING = _TWICE | FOUR_TIMES | {pb.AEXPR_IN}
"""Expressions that PostgreSQL writes out as several comparisons, each with a copy of what is tested."""


def may_grow(message: Any) -> bool:
    """Whether a message of the tree is a subquery to copy from, or makes a value of others."""
    kind = message.DESCRIPTOR.name
    if kind == "FuncCall":
        word = message.funcname[-1].string.sval
        return word in MAKING or word in GATHERING or word in POPULATING
    if kind == "SubLink":
        return bool(message.sub_link_type == pb.ARRAY_SUBLINK)
    if kind == "A_Expr" and message.kind in _REPEATING:
        ends = getattr(unwrap(message.rexpr), "items", ()) if message.kind in FOUR_TIMES else ()
        return any(
            part is None or part.DESCRIPTOR.name not in ("ColumnRef", "A_Const")
            for part in map(unwrap, (message.lexpr, *ends))
        )
    return kind in _COPIED


def copies(value: Any) -> int:
    """How often an operator's left side stands in what PostgreSQL makes of it."""
    if value.kind in FOUR_TIMES:
        return 4
    if value.kind in _TWICE:
        return 2
    if value.kind != pb.AEXPR_IN:
        return 1
    listed = unwrap(value.rexpr)
    # What is written down is one array; only what is computed is compared one by one.
    computed = [item for item in getattr(listed, "items", ()) if unwrap(item).DESCRIPTOR.name != "A_Const"]
    return max(1, len(computed) + 1)


def arms_of(select: Any) -> int:
    """How many queries UNION ALL joins here."""
    if select.op != pb.SETOP_UNION or not select.all:
        return 1
    return arms_of(select.larg) + arms_of(select.rarg)


def stays(select: Any) -> bool:
    """Whether the planner leaves a query whole: what groups, sorts, cuts off or numbers its rows."""
    if (
        select.group_clause
        or select.HasField("having_clause")
        or select.distinct_clause
        or select.sort_clause
    ):
        return True
    if select.HasField("limit_count") or select.HasField("limit_offset"):
        return True
    waiting = [node.res_target.val for node in select.target_list]
    while waiting:
        value = unwrap(waiting.pop())
        if value is None or value.DESCRIPTOR.name in ("SubLink", "SelectStmt"):
            continue
        if value.DESCRIPTOR.name == "FuncCall" and (
            value.HasField("over") or value.agg_star or value.funcname[-1].string.sval in AGGREGATES
        ):
            return True
        waiting.extend(children(value))
    return False


def times_named(name: str, places: Iterable[Any]) -> int:
    """How often a CTE is read from there, at most; where a name is taken again, what may mean either is left
    out: one that is read less often looks more dangerous."""
    found = 0
    waiting = list(places)
    while waiting:
        value = unwrap(waiting.pop())
        if value is None:
            continue
        kind = value.DESCRIPTOR.name
        if kind == "RangeVar":
            found += not value.schemaname and value.relname == name
        elif kind == "SelectStmt" and any(
            other.common_table_expr.ctename == name for other in value.with_clause.ctes
        ):
            continue
        waiting.extend(children(value))
    return found


def in_order(clause: Any) -> list[Any]:
    """The CTEs of a clause, each behind those that it reads from: WITH RECURSIVE may name later ones."""
    waiting = [node.common_table_expr for node in clause.ctes]
    if not clause.recursive:
        return waiting
    found = []
    while waiting:
        names = [cte.ctename for cte in waiting]
        ready = [
            cte
            for cte in waiting
            if not any(times_named(name, [cte.ctequery]) for name in names if name != cte.ctename)
        ]
        # Where each needs another, PostgreSQL refuses the statement.
        taken = ready or waiting
        found += taken
        waiting = [cte for cte in waiting if cte.ctename not in {one.ctename for one in taken}]
    return found


def casts_to(types: frozenset[str], query: Any) -> bool:
    """Whether some value in a query is cast to one of these types."""
    waiting = [query]
    while waiting:
        value = unwrap(waiting.pop())
        if value is None:
            continue
        if value.DESCRIPTOR.name == "TypeName" and value.names and value.names[-1].string.sval in types:
            return True
        waiting.extend(children(value))
    return False
