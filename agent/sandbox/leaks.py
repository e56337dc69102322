"""Whether a statement could learn by an error of a row that a view leaves out.

PostgreSQL may try a condition of the statement before the view's own, unless the view is a security barrier.
A condition that cannot fail tells nothing, and may go on using the indexes below; others are kept outside.
"""

from __future__ import annotations

from typing import Any

from agent.sandbox.bodies import BETWEENS
from agent.sandbox.bounds import constant_text
from agent.sandbox.shape import children, unwrap
from agent.sandbox.vocabulary import AGGREGATES, WINDOWS, words

_COMPARISONS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_LIKES = frozenset({"~~", "!~~", "~~*", "!~~*"})
_TOTAL = words("lower upper length char_length btrim like_escape")
"""Functions that give something for whatever they are given."""
_OF_A_WORD = words("date_trunc date_part extract")
"""Functions that fail by their first argument alone."""


def may_tell(select: Any) -> bool:
    """Whether some expression of the statement could fail for one value and not for another, in a place where
    it may be tried on rows before a view's own condition is.

    The result columns of the statement itself, and what aggregates are given, are computed afterwards.
    """
    waiting: list[tuple[Any, bool]] = [(select, True)]
    while waiting:
        value, outermost = waiting.pop()
        value = unwrap(value)
        if value is None:
            continue
        kind = value.DESCRIPTOR.name
        if kind == "SelectStmt":
            shown = [] if outermost else list(value.target_list)
            shown += [value.where_clause] if value.HasField("where_clause") else []
            shown += [value.having_clause] if value.HasField("having_clause") else []
            if any(_may_fail(part) for part in shown):
                return True
            waiting.extend((child, False) for child in children(value))
            continue
        if kind == "JoinExpr" and value.HasField("quals") and _may_fail(value.quals):
            return True
        if kind == "RangeFunction" and _may_fail(value):
            return True
        waiting.extend((child, False) for child in children(value))
    return False


def _may_fail(node: Any) -> bool:
    value = unwrap(node)
    if value is None or not _has_column(value):
        return False
    kind = value.DESCRIPTOR.name
    if kind == "FuncCall":
        word = value.funcname[-1].string.sval
        if word in AGGREGATES or word in WINDOWS or value.HasField("over"):
            return False
        known = word in _TOTAL or (word in _OF_A_WORD and not _has_column(value.args[0]))
        return not known or any(_may_fail(arg) for arg in value.args)
    if kind == "A_Expr":
        word = value.name[-1].string.sval
        like = word in _LIKES and not (constant_text(value.rexpr) or "\\").endswith("\\")
        if word not in _COMPARISONS and not like and value.kind not in BETWEENS:
            return True
    elif kind == "TypeCast":
        return value.type_name.names[-1].string.sval != "text" or _may_fail(value.arg)
    elif kind == "A_Indirection":
        return True
    return any(_may_fail(child) for child in children(value))


def _has_column(node: Any) -> bool:
    waiting = [node]
    while waiting:
        value = unwrap(waiting.pop())
        if value is None:
            continue
        if value.DESCRIPTOR.name == "ColumnRef":
            return True
        waiting.extend(children(value))
    return False
