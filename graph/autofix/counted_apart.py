"""The ratio of two things' numbers, taken over a join of the two, or over a table that refers to both.

"The ratio of nurses to surgeons" has each counted by itself: joined, there are as many rows of the one as of
the other, and who has no row in between is lost. Each gets a subquery of its own, with the conditions that
are on its own columns.
"""

import re

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, conditions_of, folded, identifier
from graph.autofix.ratio_parts import bare
from graph.context.words import stem, words
from wire.snapshot import Table

_SIDE = r"[\w\s'-]+?"
_ASKED = (
    re.compile(
        rf"\bratio\s+(?:of|between)\s+(?P<one>{_SIDE})\s+(?:to|and|versus|vs\.?)\s+(?P<other>{_SIDE})\s*(?:[?.,;]|$)",
        re.IGNORECASE,
    ),
    re.compile(r"\b(?P<one>[\w-]+)[\s-]+(?:to|per)[\s-]+(?P<other>[\w-]+)\s+ratio\b", re.IGNORECASE),
)
_BEFORE = frozenset({"the", "all", "our", "number", "total", "count", "of", "registered", "existing"})
_PARTS = ("group", "having", "limit", "distinct", "with_", "order", "offset")


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    asked = [hit for pattern in _ASKED if (hit := pattern.search(question))]
    if len(asked) != 1 or not isinstance(select, exp.Select) or len(names.scopes) != 1:
        return None
    if any(select.args.get(part) for part in _PARTS):
        return None
    one, other = (_table(asked[0][part], names) for part in ("one", "other"))
    if one is None or other is None or one is other:
        return None
    counts = _counts(select)
    if counts is None or not _are_of(counts, (one, other), names):
        return None
    tables = {source.table.qualified_name for source in names.sources(names.scopes[-1]) if source.table}
    if not tables or len(tables) < len(names.sources(names.scopes[-1])):
        return None
    tests: dict[str, list[exp.Expr]] = {one.qualified_name: [], other.qualified_name: []}
    for test in conditions_of(select):
        owner = _owner(test, (one, other), names)
        if owner is None:
            return None
        tests[owner.qualified_name].append(test)
    plain = not any(tests.values())
    if not plain and names.joins.between(one.qualified_name, other.qualified_name):
        return None  # the condition on the one may be meant for those of the other as well
    above, below = (_counted(table, tests[table.qualified_name], names) for table in (one, other))
    ratio = exp.Div(
        this=exp.cast(above, exp.DType.DOUBLE),
        expression=exp.Nullif(this=below, expression=exp.Literal.number(0)),
        typed=True,
    )
    alias = select.selects[0].alias if len(select.selects) == 1 else ""
    for part in ("from_", "from", "joins", "where"):
        select.set(part, None)
    select.set("expressions", [exp.alias_(ratio, alias) if alias else ratio])
    return f"{one.name} and {other.name} are counted each by itself."


def _table(phrase: str, names: Names) -> Table | None:
    """The one table whose things a phrase names, and nothing else."""
    spoken = [stem(word) for word in words(phrase) if word not in _BEFORE]
    found = [
        table
        for table in names.snapshot.listed
        if spoken and [stem(word) for word in names.joins.short.table_words(table)] == spoken
    ]
    return found[0] if len(found) == 1 else None


def _counts(select: exp.Select) -> tuple[exp.Count, exp.Count] | None:
    """Two counts, divided or side by side."""
    items = [bare(item.unalias()) for item in select.selects]
    while len(items) == 1 and isinstance(items[0], exp.Round):
        items = [bare(items[0].this)]
    if len(items) == 1 and isinstance(items[0], exp.Div):
        items = [bare(items[0].this), bare(items[0].expression)]
    if len(items) != 2 or not all(isinstance(item, exp.Count) for item in items):
        return None
    first, second = items
    assert isinstance(first, exp.Count)
    assert isinstance(second, exp.Count)
    return first, second


def _are_of(counts: tuple[exp.Count, exp.Count], asked: tuple[Table, Table], names: Names) -> bool:
    """Whether what is counted are the keys of what is asked for, in one order or the other."""
    keys = [names.joins.own.key(table) for table in asked]
    if None in keys:
        return False
    counted = []
    for count in counts:
        inner = count.this.expressions[0] if isinstance(count.this, exp.Distinct) else count.this
        if not isinstance(inner, exp.Column):
            return False
        counted.append((folded(inner.this), folded(inner.args.get("table"))))
    aliases = {source.alias: source.table for source in names.sources(names.scopes[-1])}
    same = keys[0] == keys[1]
    return all(
        any(name == key and (not same or aliases.get(alias) is table) for (name, alias) in counted)
        for key, table in zip(keys, asked, strict=True)
    )


def _owner(test: exp.Expr, asked: tuple[Table, Table], names: Names) -> Table | None:
    """The one of the two whose columns a condition is on; None unless all are of one."""
    if test.find(exp.Query):
        return None
    aliases = {source.alias: source.table for source in names.sources(names.scopes[-1])}
    owners: list[Table | None] = []
    for column in test.find_all(exp.Column):
        qualifier = folded(column.args.get("table"))
        holders = [table for table in asked if table.column(folded(column.this)) is not None]
        if qualifier and (named := aliases.get(qualifier)) is not None and named in holders:
            holders = [named]
        owners.append(holders[0] if len(holders) == 1 else None)
    first = owners[0] if owners else None
    return first if first is not None and all(owner is first for owner in owners) else None


def _counted(table: Table, tests: list[exp.Expr], names: Names) -> exp.Expr:
    schema = None if table.schema_name in names.snapshot.search_path else identifier(table.schema_name)
    query = exp.select(exp.Count(this=exp.Star())).from_(exp.Table(this=identifier(table.name), db=schema))
    for test in tests:
        own = test.copy()
        for column in own.find_all(exp.Column):
            column.set("table", None)
        query = query.where(own)
    return query.subquery()


RULE = Rule("counted_apart", _fix)
