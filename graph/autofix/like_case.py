"""A text searched for within others by its case: ``LIKE '%gmail%'`` passes by ``Gmail``, as no person would.

``LIKE`` tells capitals from small letters (PostgreSQL docs, 9.7.1). Whoever asks for a word does not, unless
the question says so. A prefix on a large table is left alone: an index may serve it.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, folded, known_values

_CASED = re.compile(
    r"\bcase[\s-]*sensitiv|\b(?:upper|lower)[\s-]*case\b|\b(?:capital|small|lower|upper)\s+letters?\b|"
    r"\b(?:exact|same)\s+(?:case|spelling)\b",
    re.IGNORECASE,
)
_LARGE_ROWS = 200_000
"""Rows from which on a prefix may have been written for an index's sake."""


def _fix(context: Context) -> str | None:
    if _CASED.search(context.question):
        return None
    names = context.names
    for scope in names.scopes:
        for test in scope.find_all(exp.Like):
            pattern = test.expression
            if not (isinstance(pattern, exp.Literal) and pattern.is_string):
                continue
            if isinstance(test.this, exp.Lower | exp.Upper):
                wanted = pattern.name.lower() if isinstance(test.this, exp.Lower) else pattern.name.upper()
                if wanted != pattern.name:
                    pattern.replace(exp.Literal.string(wanted))
                    return f"What is compared is all of one case, so {pattern.name!r} is."
                continue
            if not any(map(str.isalpha, pattern.name)) or _is_settled(test.this, pattern.name, scope, names):
                continue
            test.replace(exp.ILike(this=test.this.copy(), expression=pattern.copy()))
            return f"{pattern.name!r} is searched for in capitals and small letters alike."
    return None


def _is_settled(searched: exp.Expr, pattern: str, scope: Scope, names: Names) -> bool:
    """Whether nothing else would be found, or an index may be in use."""
    column = searched if isinstance(searched, exp.Column) else None
    known = names.column(column, scope) if column is not None else None
    if known is not None:
        values, complete = known_values(known)
        part = pattern.strip("%")
        if complete and not any(
            part.casefold() in value.casefold() and part not in value for value in values
        ):
            return True
    if pattern.startswith("%") or column is None:
        return False
    qualifier, name = folded(column.args.get("table")), folded(column.this)
    return any(
        source.table is not None and (source.table.row_estimate or 0) > _LARGE_ROWS
        for source in names.sources(scope)
        if (source.alias == qualifier if qualifier else source.has(name))
    )


RULE = Rule("like_case", _fix)
