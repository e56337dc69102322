"""A test for what is not known that nobody asked for: ``manager_id IS NULL`` of employees hired in each year.

Only a reference or a moment that nothing else in the query reads, of which the question has no word: not of
the column, of what it refers to, nor of its comment. Every word of the question and each of its denials must
be in the rest of the query, so that none is left to ask for it in other words. Of a moment the question must
tell what was: *how many members do we have* may well be those who have not left.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.kinds import MOMENTS, kind_of_type
from graph.autofix.names import conditions_of, folded
from graph.autofix.unasked_filter import PLAIN
from graph.checks.unsaid_word import words_left
from graph.context.synonyms import SYNONYMS
from graph.context.words import STOP_WORDS, listed, name_words, stem, words
from wire.snapshot import Column, Table

_DENIES = re.compile(
    r"\b(?:not|never|no|non|nobody|none|nothing|neither|nor|without|except|excluding|lacks?|lacking|missing|"
    r"alone|empty|blank|unknown|null|off|out|away|gone)\b|n['’]t\b",
    re.IGNORECASE,
)
_NOW = listed(
    """
    active alive already any current currently done ended ever ex existing former formerly had has have left
    live now ongoing open pending present presently remaining running still today until valid yet
    """
)
"""Words that may ask whether something has happened, or is there."""
_WAS = re.compile(r"\b(?:did|was|were)\b", re.IGNORECASE)
_GONE = listed("archived cancelled closed deleted disabled end expired removed void voided")
"""Words of columns that say which rows count at all, whatever is asked."""
_EMPTY = listed("came come comes coming did get got made make people take took")
"""Words that stand for no condition."""


def _fix(context: Context) -> str | None:
    if not context.question or context.notes:
        return None
    for scope in context.names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select) or any(join.side for join in select.args.get("joins") or ()):
            continue
        conditions = conditions_of(select)
        for condition in conditions:
            if _unasked(condition, context, scope):
                kept = [part.copy() for part in conditions if part is not condition]
                select.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
                written = condition.sql(dialect="postgres")
                return f"Nobody asked for {written}; the condition is left out."
    return None


def _unasked(condition: exp.Expr, context: Context, scope: Scope) -> bool:
    test = condition.this if isinstance(condition, exp.Not) else condition
    column = test.this if isinstance(test, exp.Is) and isinstance(test.expression, exp.Null) else None
    if not isinstance(column, exp.Column):
        return False
    name = folded(column.this)
    source = next(
        (
            one
            for one in context.names.sources(scope)
            if one.table is not None and one.has(name) and folded(column.args.get("table")) in {"", one.alias}
        ),
        None,
    )
    if source is None or source.table is None or _is_read(name, context):
        return False
    known = source.table.column(name)
    spoken = set(words(context.question))
    if known is None or not _may_be_idle(known, source.table, spoken, context):
        return False
    if {stem(word) for word in spoken} & _asking(known, source.table, context):
        return False
    return _says_all_without(condition, context)


def _may_be_idle(column: Column, table: Table, spoken: set[str], context: Context) -> bool:
    """Whether the question puts nothing in the way of its being idle, a reference or a moment."""
    if kind_of_type(column.type) in MOMENTS:
        told = bool(_WAS.search(context.question)) and not spoken & _NOW
        return told and not _GONE & set(name_words(column.name))
    return bool(_referred(column, table, context))


def _referred(column: Column, table: Table, context: Context) -> list[str]:
    """The tables whose key the column holds."""
    names = context.names
    return [
        join.right
        for join in names.joins.of(table.qualified_name)
        if join.left_columns == (column.name,) and join.right in names.joins.referred(table.qualified_name)
    ] + [f"{key.to_schema}.{key.to_table}" for key in table.foreign_keys if key.columns == [column.name]]


def _asking(column: Column, table: Table, context: Context) -> set[str]:
    """Stems by which the question would speak of it; the table's own words say nothing."""
    short = context.names.joins.short
    said = [*short.column_words(table, column.name), *words(column.comment)]
    referred = _referred(column, table, context)
    for other in context.names.snapshot.tables:
        if other.qualified_name in referred:
            said += short.table_words(other)
    own = {stem(word) for word in said if word not in STOP_WORDS} - {
        stem(word) for word in short.table_words(table)
    }
    return own | {other for word in own for other in SYNONYMS.get(word, ())}


def _is_read(name: str, context: Context) -> bool:
    """Whether the column is read elsewhere as well."""
    return sum(folded(one.this) == name for one in context.tree.find_all(exp.Column)) > 1


def _says_all_without(condition: exp.Expr, context: Context) -> bool:
    rest = context.tree.copy()
    for one in rest.find_all(type(condition)):
        if one == condition:
            one.replace(exp.true())
            break
    for named in list(rest.find_all(exp.Alias)):
        named.replace(named.this)  # what a draft calls its figures is no more than it was asked
    denied = len(_DENIES.findall(context.question))
    if denied > sum(1 for _ in rest.find_all(exp.Not, exp.NEQ, exp.Except)):
        return False
    idle = STOP_WORDS | PLAIN | _EMPTY | _NOW
    spoken = [word for word in dict.fromkeys(words(context.question)) if word not in idle]
    spoken = [word for word in spoken if not word[0].isdigit()]
    return bool(spoken) and not words_left(rest.sql(dialect="postgres"), context.names.snapshot, spoken)


RULE = Rule("unasked_null", _fix)
