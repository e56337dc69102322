"""SQLite's queries said in PostgreSQL, for databases whose names were put in lower case."""

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RESERVED = _words("""
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    current_date current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign from grant group having in initially intersect into lateral leading limit
    localtime localtimestamp not null offset on only or order placing primary references returning select
    session_user some symmetric table then to trailing true union unique user using variadic when where window
    with
""")
"""Words that PostgreSQL takes for a name only in quotes."""


class Untranslatable(Exception):
    """The query cannot be read, or is none."""


def translate(query: str) -> str:
    """One SELECT of SQLite as PostgreSQL's.

    Names become lower case, as in databases made by ``evals.imports.sqlite``; LIKE ignores letter case as it
    does there; text in double quotes, which SQLite may take for a string, remains a name.

    Raises:
        Untranslatable: it is not one readable query.
    """
    try:
        statements = [one for one in sqlglot.parse(query, read="sqlite") if one is not None]
    except SqlglotError as error:
        raise Untranslatable(str(error).splitlines()[0]) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise Untranslatable("it is not one query")
    tree = statements[0].transform(_spoken)
    try:
        return tree.sql(dialect="postgres", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except SqlglotError as error:
        raise Untranslatable(str(error).splitlines()[0]) from error


def _spoken(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Identifier):
        name = node.name.lower()
        plain = name.isidentifier() and name.isascii()
        return exp.to_identifier(name, quoted=not plain or name in _RESERVED)
    if isinstance(node, exp.Like):
        return exp.ILike(this=node.this, expression=node.expression)
    if isinstance(node, exp.Div):
        # Both divide whole numbers into whole numbers. SQLite's NULL for a division by zero is not kept.
        return exp.Div(this=node.this, expression=node.expression, typed=True, safe=False)
    return node
