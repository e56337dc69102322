"""Which parse trees are considered at all: one SELECT, made of listed nodes, within structural bounds.

The walk is generic over every field of every message, so that no child of a node can be forgotten: what a
grammar rule adds is refused because its message is not listed, not because somebody thought of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from postgast import pg_query_pb2 as pb

from agent.sandbox.verdict import Refusal
from agent.sandbox.vocabulary import VALUE_FUNCTIONS, words

MESSAGES = words("""
    Node SelectStmt WithClause CommonTableExpr CTESearchClause CTECycleClause
    ResTarget ColumnRef A_Star A_Const Integer Float Boolean String BitString List
    A_Expr BoolExpr FuncCall NamedArgExpr TypeCast TypeName CollateClause CaseExpr CaseWhen CoalesceExpr
    MinMaxExpr NullTest BooleanTest SQLValueFunction A_ArrayExpr A_Indices A_Indirection RowExpr SubLink
    GroupingFunc GroupingSet SortBy WindowDef
    RangeVar RangeSubselect RangeFunction RangeTableSample JoinExpr Alias ColumnDef
    JsonTable JsonTableColumn JsonTablePathSpec JsonFuncExpr JsonObjectConstructor JsonArrayConstructor
    JsonArrayQueryConstructor JsonAggConstructor JsonObjectAgg JsonArrayAgg JsonIsPredicate JsonValueExpr
    JsonOutput JsonKeyValue JsonArgument JsonBehavior JsonParseExpr JsonScalarExpr JsonSerializeExpr
    JsonFormat JsonReturning
""")
"""Names of the parser's messages that may occur in a statement."""

MAX_CTES = 50
"""A chain of 400 kept a server planning for 9 s with a statement_timeout of 2 s: it grows worse than linear
and the planner does not look at timeouts on the way."""
MAX_FROM_ITEMS = 64
MAX_NODES = 20_000
MAX_SUBQUERIES = 100
MAX_SORTED_CALLS = 150
"""Aggregates over sorted or distinct values, and windows of their own: the planner compares their orders with
one another, and 800 of them kept a server planning for a minute, deaf to its timeout."""
MAX_DEPTH = 1_100
"""Messages below one another; an operator in a chain is two. More than machines chain, and far
from what the server's own stack takes."""
MAX_TARGETS = 1664
"""PostgreSQL's own limit on the entries of a result row."""

_WORDS = {
    "IntoClause": ("into", "SELECT … INTO makes a table; leave the INTO clause out."),
    "LockingClause": ("locking", "FOR UPDATE and FOR SHARE lock rows; leave the clause out."),
    "ParamRef": ("parameter", "There is nothing to bind to $1; write the value itself."),
    "XmlExpr": ("xml", "XML functions are not available."),
    "RangeTableFunc": ("xml", "XMLTABLE is not available."),
    "InsertStmt": ("writes", "Only reading is possible here."),
    "UpdateStmt": ("writes", "Only reading is possible here."),
    "DeleteStmt": ("writes", "Only reading is possible here."),
    "MergeStmt": ("writes", "Only reading is possible here."),
}


_FIELDS: dict[type, dict[str, bool]] = {}
"""By a message's class, which of its fields hold messages, and whether many; from its descriptor."""


def children(message: Any) -> Sequence[Any]:
    """The messages directly below this one, in the order of their fields."""
    kind = message.__class__
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = {
            field.name: field.is_repeated
            for field in message.DESCRIPTOR.fields
            if field.message_type is not None
        }
    if kind is pb.Node:
        held = message.WhichOneof("node")
        return (getattr(message, held),) if held else ()
    if not fields:
        return ()
    found: list[Any] = []
    for descriptor, value in message.ListFields():
        many = fields.get(descriptor.name)
        if many:
            found.extend(value)
        elif many is False:
            found.append(value)
    return found


def unwrap(node: Any) -> Any:
    """What a ``Node`` holds; any other message is itself; None for an empty node."""
    if node.__class__ is not pb.Node:
        return node
    kind = node.WhichOneof("node")
    return getattr(node, kind) if kind else None


def only_select(tree: Any) -> Any:
    """The tree's single SELECT.

    Raises:
        Refusal: there are none, or several statements, or it is of another kind.
    """
    if not tree.stmts:
        raise Refusal("shape", "empty", "There is no statement.", "Send one SELECT.")
    if len(tree.stmts) > 1:
        raise Refusal(
            "shape",
            "several_statements",
            f"These are {len(tree.stmts)} statements; only one may be sent.",
            "Send one SELECT.",
        )
    node = tree.stmts[0].stmt
    kind = node.WhichOneof("node")
    if kind != "select_stmt":
        word = (kind or "nothing").removesuffix("_stmt").replace("_", " ").upper()
        raise Refusal(
            "shape", "not_a_select", f"This is a statement of the kind {word}.", "Only SELECT may be sent."
        )
    return node.select_stmt


def check_shape(select: Any) -> None:
    """Refuse a tree that holds anything unlisted, or too much of something.

    Raises:
        Refusal: with the name of what was found.
    """
    counts = {"CommonTableExpr": 0, "RangeItem": 0, "SelectStmt": 0, "FuncCall": 0}
    nodes = 0
    waiting = [(select, 1)]
    while waiting:
        message, depth = waiting.pop()
        name = message.DESCRIPTOR.name
        nodes += 1
        if depth > MAX_DEPTH:
            raise too_deep()
        if name not in MESSAGES:
            code, hint = _WORDS.get(name, ("node", "Write the statement without it."))
            raise Refusal("shape", code, f"{name} is not permitted in a statement.", hint)
        if name == "SQLValueFunction":
            _check_value_function(message)
        elif name == "SelectStmt":
            # What UNION joins are counted, and not the joining as well.
            counts[name] += not message.HasField("larg")
        elif name == "FuncCall":
            ordered = message.agg_order and not message.agg_within_group
            sorts = message.agg_distinct or ordered or message.over.ByteSize()
            counts[name] += bool(sorts) and not message.over.name
        elif name in counts:
            counts[name] += 1
        elif name in {"RangeVar", "RangeSubselect", "RangeFunction", "JsonTable"}:
            counts["RangeItem"] += 1
        waiting.extend((child, depth + 1) for child in children(message))
    for name, most, what in (
        ("CommonTableExpr", MAX_CTES, "common table expressions"),
        ("RangeItem", MAX_FROM_ITEMS, "tables in FROM"),
        ("SelectStmt", MAX_SUBQUERIES, "subqueries"),
        ("FuncCall", MAX_SORTED_CALLS, "aggregates and windows with an order of their own"),
    ):
        if counts[name] > most:
            raise Refusal(
                "bounds",
                "too_many",
                f"The statement has {counts[name]} {what}; at most {most} are permitted.",
                "Ask for less at once.",
            )
    if nodes > MAX_NODES:
        raise Refusal(
            "bounds",
            "too_large",
            f"The statement has {nodes} parts; at most {MAX_NODES} are permitted.",
            "Shorten its lists of values.",
        )
    if len(select.target_list) > MAX_TARGETS:
        raise Refusal("bounds", "too_many", "The statement has too many result columns.", "Ask for fewer.")


def too_deep() -> Refusal:
    """The refusal of a statement that is nested beyond what can be looked at."""
    return Refusal(
        "bounds", "too_deep", "The statement is nested too deeply.", "Split it into parts WITH names."
    )


def _check_value_function(message: Any) -> None:
    word = message.DESCRIPTOR.fields_by_name["op"].enum_type.values_by_number[message.op].name
    if word not in VALUE_FUNCTIONS:
        raise Refusal(
            "function",
            "server_value",
            f"{word.removeprefix('SVFOP_')} tells of the server and is not permitted.",
            "Only the current date and time can be asked for.",
        )
