"""Things that nothing of their kind refers to, looked for among those that refer to nothing.

Employees *with nobody reporting to them* are no one's manager; ``manager_id IS NULL`` are those without one.
Only where the question says so of what is below: *nobody reports to them*, *who manage no one*.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import conditions_of, folded, identifier
from graph.autofix.self_count import self_reference
from graph.context.words import name_words, stem, words

_NOBODY = r"(?:nobody|no[\s-]one|no\s+\w+|not\s+\w+|none|n['’]t\s+(?:have\s+)?any(?:body|one)?)"
_BELOW = re.compile(
    rf"\b{_NOBODY}\s+(?:\w+\s+){{0,2}}?(?:report(?:s|ing)?|answer(?:s|ing)?|work(?:s|ing)?)\s+(?:directly\s+)?"
    r"(?:to|under|for)\s+(?:them|him|her|it)\b"
    r"|\b(?:no|without(?:\s+any)?)\s+(?:direct\s+)?(?:reports|subordinates)\b",
    re.IGNORECASE,
)
_ALIAS = "referring"
_LETTERS = 3
"""Letters up to which a verb may be any other's beginning."""


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select, sources = scope.expression, names.sources(scope)
        if not isinstance(select, exp.Select) or len(sources) != 1 or sources[0].table is None:
            continue
        source, table = sources[0], sources[0].table
        key = self_reference(table)
        if key is None or not _asks_below(key.columns[0], context.question):
            continue
        for condition in conditions_of(select):
            if not _is_unknown(condition, key.columns[0]):
                continue
            # The inner rows need a name of their own, and the outer ones must keep theirs.
            inner = exp.select(exp.Literal.number(1)).from_(_table(select, _ALIAS))
            inner.where(
                exp.EQ(
                    this=exp.column(identifier(key.columns[0]), table=_ALIAS),
                    expression=exp.column(identifier(key.to_columns[0]), table=source.alias),
                ),
                copy=False,
            )
            condition.replace(exp.Not(this=exp.Exists(this=inner)))
            return f"Asked for what no row of {table.name} refers to, not for what refers to none."
    return None


def _table(select: exp.Select, alias: str) -> exp.Expr:
    table: exp.Expr = select.args["from_" if "from_" in select.args else "from"].this.copy()
    table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    return table


def _asks_below(column: str, question: str) -> bool:
    """Whether the question denies what refers to the things, and not what they refer to."""
    role = stem(name_words(column)[0])
    if _BELOW.search(question):
        return True
    # ``manager_id``: who *manages nobody*.
    spoken = {word for word in words(question) if len(stem(word)) > _LETTERS and _is_deed(word, role)}
    verbs = "|".join(map(re.escape, sorted(spoken)))
    return bool(verbs) and bool(
        re.search(
            rf"\b(?:{verbs})\s+(?:nobody|no[\s-]one|no\s+\w+)\b"
            rf"|(?:\bnot|\bnever|n['’]t)\s+(?:{verbs})\s+any(?:body|one)\b",
            question,
            re.IGNORECASE,
        )
    )


def _is_deed(word: str, role: str) -> bool:
    """Whether the word is what one of the role does: *manages*, of a manager."""
    root = stem(word)
    return root != role and role.startswith(root) and role[len(root) :] in {"r", "er", "or"}


def _is_unknown(condition: exp.Expr, column: str) -> bool:
    return (
        isinstance(condition, exp.Is)
        and isinstance(condition.expression, exp.Null)
        and not condition.args.get("negate")
        and isinstance(condition.this, exp.Column)
        and folded(condition.this.this) == column
    )


RULE = Rule("leaf_rows", _fix)
