"""Things counted once for each row that refers to them: "how many customers ordered" counted over orders.

Where the question counts the things of one table, and FROM joins another that has many rows for each of
them, each is counted once.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.synonyms import SYNONYMS
from graph.context.words import name_words, stem, words
from wire.snapshot import Table

_HOW_MANY = re.compile(
    r"\b(?:how\s+many|number\s+of|count\s+of)\s+(?:unique\s+|distinct\s+|different\s+)?((?:\w+\s+){0,2}\w+)",
    re.IGNORECASE,
)


def _fix(context: Context) -> str | None:
    phrases = _HOW_MANY.findall(context.question)
    if len(phrases) != 1:
        return None
    names = context.names
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or not isinstance(scope.expression, exp.Select):
        return None
    select = scope.expression
    sources = names.sources(scope)
    tables = [source.table.qualified_name for source in sources if source.table]
    if len(sources) < 2 or len(set(tables)) != len(sources):
        return None
    counts = [count for item in select.selects for count in item.find_all(exp.Count)]
    if len(counts) != 1 or isinstance(counts[0].parent, exp.Window | exp.Filter | exp.Div | exp.Mul):
        return None
    counted = _counted(phrases[0], sources, names)
    if counted is None or not is_repeated(counted, sources, names):
        return None
    [count] = counts
    if not (isinstance(count.this, exp.Star) or _is_plain_key(count.this)):
        return None
    key = _key(counted, sources, names)
    if key is None or _is_grouped_by(counted, key, select, names):
        return None
    column = exp.column(identifier(key), table=counted.alias)
    count.set("this", exp.Distinct(expressions=[column]))
    return f"Each of {counted.alias} is counted once, however many rows refer to it."


def _is_grouped_by(counted: Source, key: str, select: exp.Select, names: Names) -> bool:
    """Whether there is a group for each of the things, in which they would count as one."""
    group = select.args.get("group")
    own = {key, *(names.joins.own.called(counted.table) if counted.table is not None else ())}
    return group is not None and any(
        isinstance(one, exp.Column)
        and folded(one.this) in own
        and folded(one.args.get("table")) in {counted.alias, ""}
        for one in group.expressions
    )


def _counted(phrase: str, sources: list[Source], names: Names) -> Source | None:
    """The one source whose things the phrase names with its first or last words."""
    spoken = [stem(word) for word in words(phrase)]
    for read in (lambda name: {tuple(name)}, _alike):
        found = []
        for source in sources:
            assert source.table is not None
            name = [stem(word) for word in names.joins.short.table_words(source.table)]
            forms = read(name)
            if any(tuple(spoken[: len(form)]) == form for form in forms):
                found.append(source)
        if found:
            return found[0] if len(found) == 1 else None
    return None


def _alike(name: list[str]) -> set[tuple[str, ...]]:
    return {(other,) for other in SYNONYMS.get(name[-1], ())} if len(name) == 1 else set()


def is_repeated(counted: Source, sources: list[Source], names: Names) -> bool:
    """Whether another source of FROM refers to it, and it to none of them."""
    assert counted.table is not None
    own = counted.table.qualified_name
    return any(
        own in names.joins.referred(source.table.qualified_name) and not is_single(source.table, own, names)
        for source in sources
        if source.table is not None and source is not counted
    )


def is_single(table: Table, target: str, names: Names) -> bool:
    """Whether a table has at most one row for each of the target's: what refers to it is unique."""
    keys = [table.primary_key, *table.unique_keys]
    joins = names.joins.between(table.qualified_name, target)
    return any(list(join.left_columns) in keys for join in joins)


def _is_plain_key(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and name_words(folded(node.this))[-1:] == ["id"]


def _key(counted: Source, sources: list[Source], names: Names) -> str | None:
    assert counted.table is not None
    if len(counted.table.primary_key) == 1:
        return counted.table.primary_key[0]
    keys = {
        join.right_columns[0]
        for source in sources
        if source.table is not None and source is not counted
        for join in names.joins.between(source.table.qualified_name, counted.table.qualified_name)
        if len(join.right_columns) == 1
    }
    return keys.pop() if len(keys) == 1 else None


RULE = Rule("counted_things", _fix)
