"""A column whose name says that it is another table's: ``customer_name`` of orders is ``customer.name``; in a
database that puts a table's name before each column's, ``brtxsec`` is ``brinst.brinstsec``.

A table's own name is taken for what its things are called: ``product.category`` for ``category.name``.

Only where exactly one table has such a column; a table of FROM goes before others, and another is joined in
where one way leads there.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.missing_join import join_along, way_to
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.joins import singular
from wire.snapshot import Table


def _fix(context: Context) -> str | None:
    names = context.names
    for item in names.unresolved():
        if item.problem == "ambiguous" or not isinstance(item.scope.expression, exp.Select):
            continue
        sources = names.sources(item.scope)
        if not sources or any(source.table is None for source in sources):
            continue
        name = folded(item.column.this)
        if any(source.has(name) for source in names.visible(item.scope)):
            continue
        if any(table.column(name) is not None for table in names.snapshot.listed):
            continue  # missing_join brings the table that has it
        found = _meant(name, names, sources)
        if found is None:
            continue
        table, column, alias = found
        if alias is None:
            way = way_to(names, sources, table, context.question)
            if way is None or isinstance(item.column.find_ancestor(exp.Join, exp.Select), exp.Join):
                continue
            place = len(item.scope.expression.args.get("joins") or ())
            alias = join_along(names, item.scope, sources, way, wanted="", place=place)
        written = folded(item.column.args.get("table"))
        for one in names.columns(item.scope):
            if folded(one.this) == name and folded(one.args.get("table")) == written:
                one.set("this", identifier(column))
                one.set("table", exp.to_identifier(alias))
        return f"The column is {table.name}.{column}; there is no {name}."
    return None


def _meant(name: str, names: Names, sources: list[Source]) -> tuple[Table, str, str | None] | None:
    """The one table and column, and by which name FROM calls the table; None when it is not there."""
    here = {source.table.qualified_name: source.alias for source in sources if source.table}
    found = [
        (table, column.name)
        for table in names.snapshot.listed
        for column in table.columns
        if _is_called(name, table, column.name, names)
    ]
    if not found:
        # The thing itself stands for what it is called: ``category`` of a product is its category's name.
        found = [
            (table, called[0])
            for table in names.snapshot.listed
            if name in {table.name, singular(table.name)}
            and len(called := names.joins.own.called(table)) == 1
        ]
        if found and found[0][0].qualified_name in here:
            return None
    near = [one for one in found if one[0].qualified_name in here]
    if near and not names.joins.short.glues(near[0][0]):
        return None  # column_name looks within FROM
    near = near or found
    if len(near) != 1:
        return None
    table, column = near[0]
    return table, column, here.get(table.qualified_name)


def _is_called(name: str, table: Table, column: str, names: Names) -> bool:
    short = names.joins.short
    if short.glues(table):
        rest = short.rest(table, column)
        return len(rest) > 2 and (name == rest or any(name == prefix + rest for prefix in short.prefixes))
    bare = name.replace("_", "")
    return bare in {form + column.replace("_", "") for form in (table.name, singular(table.name))}


RULE = Rule("other_table", _fix)
