"""not_a_single_select: a draft must be one query, and must only read.

Anti-pattern: ``DELETE FROM t``, ``SELECT 1; SELECT 2``, ``SELECT * INTO x FROM t``, ``SELECT … FOR UPDATE``,
``EXPLAIN ANALYZE …``. Best practice: one ``SELECT``, ``WITH … SELECT`` or ``VALUES``.
"""

import re
from collections.abc import Iterator

from sqlglot import exp

from graph.lint.base import Rule, Statement
from graph.record import Finding

_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(\w+)", re.DOTALL)
_READING = frozenset({"select", "with", "values", "table"})
_HINT = "Write one SELECT that answers the question."
_WRITING = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.Merge, exp.Copy, exp.Set)


def _check(statement: Statement) -> Iterator[Finding]:
    tree = statement.tree
    if statement.count == 0:
        yield _finding("There is no statement.")
    elif statement.count > 1:
        yield _finding(f"These are {statement.count} statements; only one runs.")
    elif tree is None:
        # sqlglot cannot read it. PostgreSQL may; but it must at least begin as a query does.
        first = _FIRST_WORD.match(statement.sql)
        if first is None or first[1].lower() not in _READING:
            yield _finding("This is not a query.")
    elif not isinstance(tree, exp.Query | exp.Values):
        yield _finding(f"This is {_article(tree)}, not a query.")
    else:
        yield from (_finding(_inside(node)) for node in tree.find_all(*_WRITING) if not _is_reading(node))


def _is_reading(node: exp.Expr) -> bool:
    # sqlglot counts its queries among DML and DDL.
    return isinstance(node, exp.Query | exp.Values)


def _article(tree: exp.Expr) -> str:
    word = str(tree.this) if isinstance(tree, exp.Command) else tree.key
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word.upper()}"


def _inside(node: exp.Expr) -> str:
    match node:
        case exp.Into():
            return "SELECT INTO makes a table; only reading is possible."
        case exp.Lock():
            return "A query here cannot lock rows (FOR UPDATE, FOR SHARE)."
        case _:
            return f"A query here cannot contain {node.key.upper()}."


def _finding(message: str) -> Finding:
    return Finding(rule="not_a_single_select", message=message, hint=_HINT)


NOT_A_SINGLE_SELECT = Rule("not_a_single_select", _check)
