"""The group without a name among those that are asked for by name: "which sectors had more than 150 trades".

Rows whose sector is not known make a group as well; it is no sector. Left alone where all groups are shown,
since their figures then add up to the whole.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.asked_group import asked_groups, named_column
from graph.autofix.base import Context, Rule
from graph.autofix.names import folded
from graph.context.words import name_words, stem, words

_WHICH = re.compile(r"\b(?:which|what)\s+((?:\w+\s+){0,2}\w+)", re.IGNORECASE)
_WHO = re.compile(r"\bwho\b", re.IGNORECASE)
_UNKNOWN = re.compile(r"\b(?:null|unknown|missing|without|blank|empty|none|no)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    names, question = context.names, context.question
    if not question or _UNKNOWN.search(question):
        return None
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select) or isinstance(select.find_ancestor(exp.In, exp.Select), exp.In):
            continue  # of a list that something is looked for in, NULL is never found
        found = _chosen_group(select)
        if found is None:
            continue
        key, phrases = found, _WHICH.findall(question)
        if select.find(exp.Window):
            phrases = [*phrases, *asked_groups(question)]
        if not _may_be_null(key, context, scope) or _is_tested(key, select):
            continue
        sources = names.sources(scope)
        named = (named_column(phrase, sources, names) for phrase in phrases)
        if (
            not any(found is not None and found[1] == folded(key.this) for found in named)
            and not any(_refers_to(folded(key.this), phrase) for phrase in phrases)
            and not (_WHO.search(question) and name_words(folded(key.this))[-1:] == ["id"])
        ):
            continue
        select.where(exp.Not(this=exp.Is(this=key.copy(), expression=exp.Null())), copy=False)
        return f"Rows without a {key.name} are left out: they are none of those asked for."
    return None


def _refers_to(column: str, phrase: str) -> bool:
    """Whether a column is a reference to what the phrase begins with: ``sales_rep_id`` for a sales rep."""
    parts, spoken = name_words(column), words(phrase)
    own = [stem(word) for word in parts[:-1]]
    return parts[-1:] == ["id"] and bool(own) and [stem(word) for word in spoken[: len(own)]] == own


def _chosen_group(select: exp.Select) -> exp.Column | None:
    """The column by which a query groups of which it takes some, or within which it ranks."""
    windows = list(select.find_all(exp.Window))
    if len(windows) == 1 and select.parent is not None:
        keys = windows[0].args.get("partition_by") or []
        return keys[0] if len(keys) == 1 and isinstance(keys[0], exp.Column) else None
    group = select.args.get("group")
    if group is None or windows or not (select.args.get("having") or select.args.get("limit")):
        return None
    keys = group.expressions
    return keys[0] if len(keys) == 1 and isinstance(keys[0], exp.Column) else None


def _may_be_null(key: exp.Column, context: Context, scope: Scope) -> bool:
    column = context.names.column(key, scope)
    return column is not None and column.nullable


def _is_tested(key: exp.Column, select: exp.Select) -> bool:
    """Whether some condition says something of the column already; nothing is true of NULL."""
    where = select.args.get("where")
    joins = select.args.get("joins") or []
    tests = [where, *(join.args.get("on") for join in joins)]
    return any(
        folded(column.this) == folded(key.this)
        for test in tests
        if test is not None
        for column in test.find_all(exp.Column)
    )


RULE = Rule("null_group", _fix)
