"""Whether a view's definition, seen as text, calls only what a statement might call itself."""

from __future__ import annotations

from typing import Any

import postgast
from postgast import PgQueryError
from postgast import pg_query_pb2 as pb

from agent.sandbox.catalog import Relation
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
