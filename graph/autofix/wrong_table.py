"""A table that lacks columns read of it, where one other table has them all: that one is read instead."""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier, is_output_of_subquery
from graph.context.words import name_words, stem, stems
from wire.snapshot import Table


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        if any(source.columns is None for source in names.visible(scope)):
            continue
        for source in names.sources(scope):
            if source.table is None:
                continue
            if _is_asked(source.table, context.question):
                continue
            used = _used(names, scope, source)
            if not used or all(source.has(name) for name in used):
                continue
            if not _stands_alone(names, scope) and any(
                other.has(name) for name in used if not source.has(name) for other in names.visible(scope)
            ):
                continue  # misplaced_column moves it
            holders = [table for table in names.snapshot.tables if _has_all(table, used)]
            if len(holders) == 1 and _swap(names, scope, source, holders[0]):
                missing = next(name for name in used if not source.has(name))
                return f"Read from {holders[0].name}, which has {missing}; {source.table.name} does not."
    return None


def _is_asked(table: Table, question: str) -> bool:
    """Whether the question names the table: then it is meant, and a join is missing."""
    return {stem(word) for word in name_words(table.name)} <= set(stems(question))


def _used(names: Names, scope: Scope, source: Source) -> list[str]:
    """Columns that are surely meant to be this source's; none where that is not clear."""
    alone = len(names.visible(scope)) == 1 or _stands_alone(names, scope)
    used: dict[str, None] = {}
    for column in names.columns(scope):
        qualifier = folded(column.args.get("table"))
        if qualifier == source.alias:
            used[folded(column.this)] = None
        elif not qualifier:
            if not alone:
                return []
            if not _is_alias(column, scope):
                used[folded(column.this)] = None
        elif alone:
            return []
    return list(used)


def _stands_alone(names: Names, scope: Scope) -> bool:
    """Whether a subquery over one table means all its columns to be that table's own."""
    sources = names.sources(scope)
    return (
        scope.is_subquery
        and len(sources) == 1
        and all(
            folded(column.args.get("table")) == sources[0].alias
            if column.args.get("table")
            else sources[0].has(folded(column.this)) or is_output_of_subquery(column, scope)
            for column in names.columns(scope)
        )
    )


def _is_alias(column: exp.Column, scope: Scope) -> bool:
    select = scope.expression
    items = select.selects if isinstance(select, exp.Query) else []
    aliases = {folded(item.args["alias"]) for item in items if isinstance(item, exp.Alias)}
    return (
        folded(column.this) in aliases and column.find_ancestor(exp.Order, exp.Group, exp.Having) is not None
    )


def _has_all(table: Table, used: list[str]) -> bool:
    return table.partition_of is None and all(table.column(name) is not None for name in used)


def _swap(names: Names, scope: Scope, source: Source, table: Table) -> bool:
    if any(other.table is table for other in names.sources(scope)):
        return False
    node = next(
        (
            found
            for found in scope.tables
            if found.alias_or_name.lower() == source.alias and names.table(found) is source.table
        ),
        None,
    )
    if node is None:
        return False
    aliased = bool(node.alias)
    node.set("this", identifier(table.name))
    node.set("db", None if table.schema_name in names.snapshot.search_path else identifier(table.schema_name))
    if not aliased:
        for column in names.columns(scope):
            if folded(column.args.get("table")) == source.alias:
                column.set("table", exp.to_identifier(table.name))
    return True


RULE = Rule("wrong_table", _fix)
