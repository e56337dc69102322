"""The subquery that takes a restricted relation's place: only the readable columns, masked, and only its
rows.

What is not in the subquery cannot be reached by any spelling of the statement around it: a star, a whole row,
a natural join or a call in column's clothing see only what is inside. So the policy is kept by construction,
and tracing names serves to say early and clearly what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import postgast
from postgast import pg_query_pb2 as pb

from agent.sandbox.access import RelationAccess
from wire.policy import ConstantMask, HashMask, Mask, NullMask, PartialMask

_TEXTUAL = ("text", "character varying", "character", "name", "citext")
_NUMERIC = ("smallint", "integer", "bigint", "numeric", "real", "double precision")


@dataclass(frozen=True, slots=True)
class MaskKey:
    """The secret in hash masks. Whoever has it can try values; it never leaves the agent and its database."""

    secret: str

    def __repr__(self) -> str:
        return "MaskKey(…)"


def quote(name: str) -> str:
    """An SQL identifier, always quoted."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL string constant that means the same whatever ``standard_conforming_strings`` says."""
    body = text.replace("'", "''")
    return f" E'{body}'".replace("\\", "\\\\") if "\\" in body else f"'{body}'"


def wrap(
    access: RelationAccess, key: MaskKey, conditions: Sequence[Any], *, only: bool, sample: Any | None
) -> Any:
    """A ``SelectStmt`` that shows what may be read of a table.

    Args:
        conditions: the expressions of its row filters.
        only: leave out partitions and heirs.
        sample: the ``RangeTableSample`` to read it through; its relation is replaced.
    """
    relation = access.relation
    source = f"{'ONLY ' if only else ''}{quote(relation.schema)}.{quote(relation.name)}"
    select = _select(access, key, conditions, quote(relation.name), source)
    if sample is not None:
        inner = pb.Node()
        inner.range_table_sample.CopyFrom(sample)
        inner.range_table_sample.relation.CopyFrom(select.from_clause[0])
        select.from_clause[0].CopyFrom(inner)
    return select


def wrap_view(
    access: RelationAccess, key: MaskKey, conditions: Sequence[Any], body: Any, readable: list[str]
) -> Any:
    """A ``SelectStmt`` that shows what may be read of a view, whose definition takes its place."""
    name = quote(access.relation.name)
    select = _select(access, key, conditions, name, f"(SELECT 1) AS {name}", readable)
    select.from_clause[0].range_subselect.subquery.select_stmt.CopyFrom(body)
    return select


def _select(
    access: RelationAccess,
    key: MaskKey,
    conditions: Sequence[Any],
    name: str,
    source: str,
    readable: list[str] | None = None,
) -> Any:
    types = {column.name: column.type for column in access.relation.columns}
    targets = []
    for column in access.readable if readable is None else readable:
        value = f"{name}.{quote(column)}"
        mask = access.masks.get(column)
        if mask is not None:
            value = masked(value, mask, types.get(column, "text"), key)
        targets.append(f"{value} AS {quote(column)}")
    text = f"SELECT {', '.join(targets)} FROM {source}"  # noqa: S608 (quoted, and parsed below)
    # OFFSET 0 keeps the planner from trying conditions of the statement on rows that do not exist for it,
    # where a division by zero would tell of them. A view that is a security barrier would do so itself, but
    # its definition alone does not.
    if access.filters:
        text += " WHERE true OFFSET 0"
    elif access.relation.barrier or access.window:
        text += " OFFSET 0"
    select = postgast.parse(text).stmts[0].stmt.select_stmt
    if access.filters:
        both = pb.Node()
        both.bool_expr.boolop = pb.AND_EXPR
        for condition in conditions:
            both.bool_expr.args.add().CopyFrom(condition)
        both.bool_expr.args.add().a_const.boolval.boolval = True
        select.where_clause.CopyFrom(both)
    return select


def masked(value: str, mask: Mask, type_name: str, key: MaskKey) -> str:
    """The SQL expression that shows ``value`` as the mask says. NULL stays NULL, except under a constant."""
    text = f"CAST({value} AS pg_catalog.text)"
    match mask:
        case HashMask():
            keyed = f"{literal(key.secret)} || {text}"
            return f"pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to({keyed}, 'UTF8')), 'hex')"
        case PartialMask(keep=keep):
            rest = f"pg_catalog.repeat('*', pg_catalog.length({text}) - {keep})"
            return f"(pg_catalog.left({text}, {keep}) || {rest})"
        case NullMask():
            # Names no type, so that it works for every one; the planner folds it away.
            return f"CASE WHEN false THEN {value} END"
        case ConstantMask(value=constant):
            if _fits(constant, type_name):
                return f"CASE WHEN false THEN {value} ELSE {literal(constant)} END"
            return f"CAST({literal(constant)} AS pg_catalog.text)"


def _fits(constant: str, type_name: str) -> bool:
    if type_name.startswith(_TEXTUAL):
        return True
    if type_name.startswith(_NUMERIC):
        return constant.strip().removeprefix("-").isdecimal()
    return False
