"""A statement's tree, made once however many steps of a run look at it.

Lint, checks, rules and the confidence each want the tree of the same draft, and reading it is the dearest of
what they do.
"""

from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

_KEPT = 64
_MAX_CHARACTERS = 20_000
"""Longer text is read anew each time: what is kept has a bound."""


def parsed(sql: str) -> tuple[exp.Expr, ...]:
    """The statements of a text as PostgreSQL's, empty ones left out.

    The trees are shared: copy one before changing it.

    Raises:
        SqlglotError, RecursionError: it cannot be read.
    """
    return tuple(tree for tree in _all(sql) if tree is not None)


def parsed_one(sql: str) -> exp.Expr:
    """The only statement of a text, shared as with ``parsed``; several come as one ``exp.Block``.

    Raises:
        SqlglotError, RecursionError: it cannot be read, or there is none.
    """
    first, *others = _all(sql) or (None,)
    if first is None:
        raise ParseError("There is no statement in the text.")
    return first if not others else exp.Block(expressions=[tree and tree.copy() for tree in _all(sql)])


def _all(sql: str) -> tuple[exp.Expr | None, ...]:
    return _kept(sql) if len(sql) <= _MAX_CHARACTERS else _read(sql)


def _read(sql: str) -> tuple[exp.Expr | None, ...]:
    return tuple(sqlglot.parse(sql, read="postgres"))


_kept = lru_cache(maxsize=_KEPT)(_read)
