"""Whether a view's definition, seen as text, calls only what a statement might call itself."""

from __future__ import annotations

from typing import Any

import postgast
from postgast import PgQueryError
from postgast import pg_query_pb2 as pb

from agent.sandbox.catalog import Catalog, Relation
from agent.sandbox.shape import children, unwrap
from agent.sandbox.verdict import Refusal
from agent.sandbox.words import Words

BETWEENS = frozenset({pb.AEXPR_BETWEEN, pb.AEXPR_NOT_BETWEEN, pb.AEXPR_BETWEEN_SYM, pb.AEXPR_NOT_BETWEEN_SYM})
"""Expressions whose operator has no name."""


def check_body(view: Relation, words: Words) -> bool:
    """True when every function, operator and type in the definition is permitted.

    The relations that it reads are judged from the server's dependencies (``access``); functions of
    ``pg_catalog`` are not among those, so they are looked for here.
    """
    try:
        tree = postgast.parse(view.definition or "")
    except PgQueryError:
        return False
    plain_rows(tree, words.catalog)
    waiting: list[Any] = [tree]
    while waiting:
        value = unwrap(waiting.pop())
        if value is None:
            continue
        name = value.DESCRIPTOR.name
        try:
            if name == "FuncCall":
                words.function(tuple(part.string.sval for part in value.funcname))
            elif name == "A_Expr" and value.kind not in BETWEENS:
                words.operator(tuple(part.string.sval for part in value.name))
            elif name == "SubLink" and value.oper_name:
                words.operator(tuple(part.string.sval for part in value.oper_name))
            elif name == "SortBy" and value.use_op:
                words.operator(tuple(part.string.sval for part in value.use_op))
            elif name == "TypeName" and value.names:
                words.type(tuple(part.string.sval for part in value.names))
            elif name in ("XmlExpr", "RangeTableFunc"):
                return False
        except Refusal:
            return False
        waiting.extend(children(value))
    return True


def plain_rows(tree: Any, catalog: Catalog) -> None:
    """Write the whole rows of a view's definition as what they are.

    PostgreSQL prints the row ``p`` of a table as ``p.*::schema.table``; a subquery in the table's place has
    no such type, and needs none.
    """
    waiting = [tree]
    while waiting:
        message = waiting.pop()
        if message.__class__ is pb.Node and message.WhichOneof("node") == "type_cast":
            cast = message.type_cast
            arg, name = unwrap(cast.arg), tuple(part.string.sval for part in cast.type_name.names)
            if arg is not None and arg.DESCRIPTOR.name == "ColumnRef" and name in catalog.by_name:
                fields = list(arg.fields)
                if len(fields) == 2 and fields[-1].WhichOneof("node") == "a_star":
                    row = fields[0].string.sval
                    message.column_ref.fields.add().string.sval = row
                    continue
        waiting.extend(children(message))
