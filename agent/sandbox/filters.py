"""Row filters of the policy as expressions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import postgast
from postgast import PgQueryError

from agent.sandbox.catalog import Catalog
from agent.sandbox.shape import children, unwrap
from agent.sandbox.verdict import Refusal


@dataclass(frozen=True, slots=True)
class Condition:
    """A row filter, every table in it qualified."""

    expression: Any
    relations: frozenset[str] = frozenset()
    """``schema.table`` of the tables that its subqueries ask."""
    ctes: frozenset[str] = frozenset()
    """Names that its subqueries give to queries of their own."""


def qualified(catalog: Catalog, text: str, *, owners: bool) -> Condition:
    """A row filter whose tables are looked up.

    Raises:
        Refusal: it is not one expression, or asks a table that there is not.
    """
    expression = parse_condition(text, owners=owners)
    tables, ctes = [], set()
    waiting = [expression]
    while waiting:
        value = unwrap(waiting.pop())
        if value is None:
            continue
        kind = value.DESCRIPTOR.name
        if kind == "RangeVar":
            tables.append(value)
        elif kind == "CommonTableExpr":
            ctes.add(value.ctename)
        waiting.extend(children(value))
    relations = set()
    for table in tables:
        if not table.schemaname and table.relname in ctes:
            continue
        relation = None if table.catalogname else catalog.resolve(table.schemaname, table.relname)
        if relation is None:
            raise bad_filter(text, owners)
        table.schemaname = relation.schema
        relations.add(relation.qualified_name)
    return Condition(expression, frozenset(relations), frozenset(ctes))


def parse_condition(text: str, *, owners: bool) -> Any:
    """The expression of a row filter.

    Raises:
        Refusal: it is not one expression; nothing can then be read of its table.
    """
    try:
        tree = postgast.parse(f"SELECT 1 WHERE (\n{text}\n)")
    except PgQueryError as error:
        raise bad_filter(text, owners) from error
    if len(tree.stmts) != 1 or tree.stmts[0].stmt.WhichOneof("node") != "select_stmt":
        raise bad_filter(text, owners)
    select = tree.stmts[0].stmt.select_stmt
    filled = {descriptor.name for descriptor, _ in select.ListFields()}
    if not filled <= {"target_list", "where_clause", "limit_option", "op"} or len(select.target_list) != 1:
        raise bad_filter(text, owners)
    return select.where_clause


def bad_filter(text: str, owners: bool) -> Refusal:
    """The refusal of a table whose row filter cannot be used; quotes the filter only when it is the
    owner's."""
    return Refusal(
        "policy",
        "bad_row_filter",
        "A row filter of the policy is not a boolean SQL expression."
        + (f" It says: {text}" if owners else ""),
        "Correct row_filter in the policy file; `custard-agent policy check` finds it.",
    )
