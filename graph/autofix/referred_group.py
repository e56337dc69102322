"""Rows grouped by what they refer to of their own kind, and called by their own names.

``SELECT clerk_name FROM clerk GROUP BY chief_id HAVING COUNT(*) > 3`` means the chiefs: their rows are joined
in and their names shown. Grouped by each clerk's own name as well, every group would be one clerk.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import folded, identifier
from graph.autofix.self_count import self_reference
from graph.context.words import name_words


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    group = select.args.get("group") if isinstance(select, exp.Select) else None
    if not isinstance(select, exp.Select) or group is None or select.is_star or select.args.get("joins"):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or len(sources) != 1 or sources[0].table is None:
        return None
    [source] = sources
    assert source.table is not None
    key = self_reference(source.table)
    keys = [folded(one.this) if isinstance(one, exp.Column) else "" for one in group.expressions]
    if key is None or keys != key.columns:
        return None
    called = names.joins.own.called(source.table)
    items = [item.unalias() for item in select.selects]
    labels = [item for item in items if isinstance(item, exp.Column) and folded(item.this) in called]
    others = [
        item for item in items if not any(item is label for label in labels) and not item.find(exp.AggFunc)
    ]
    alias = "_".join(name_words(key.columns[0])[:-1])
    if not labels or others or not alias or alias == source.alias or select.find(exp.Subquery, exp.Window):
        return None
    shown = {id(label) for label in labels}
    for column in names.columns(scope):
        column.set("table", exp.to_identifier(alias if id(column) in shown else source.alias))
    table = select.args["from_"].this.copy()
    table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    own = exp.column(identifier(key.to_columns[0]), table=alias)
    reference = exp.column(identifier(key.columns[0]), table=source.alias)
    select.append("joins", exp.Join(this=table, on=exp.EQ(this=reference, expression=own)))
    select.set("group", exp.Group(expressions=[own.copy(), *(label.copy() for label in labels)]))
    return f"Each {alias} is what the groups are of, and is shown by name."


RULE = Rule("referred_group", _fix)
