"""A count over a thing's own references, taken from the wrong end: each row refers to one other at most.

``FROM employee e JOIN employee m ON e.manager_id = m.employee_id GROUP BY e.name`` counts the managers of
each employee, which is never more than one; what can be counted are the rows that refer to each. The same
where rows of such a table are counted by their own key.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.words import name_words, stem, stems
from wire.snapshot import ForeignKey, Table


def _fix(context: Context) -> str | None:
    select, names = context.tree, context.names
    if not isinstance(select, exp.Select) or not select.args.get("group") or select.is_star:
        return None
    if select.find(exp.Window, exp.Subquery) or select.args.get("with_"):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    counts = list(select.find_all(exp.Count))
    if scope.expression is not select or not counts or len(list(select.find_all(exp.AggFunc))) != len(counts):
        return None
    if len(sources) == 2:
        return _turned(select, sources)
    return _joined(select, names, scope, counts, context.question) if len(sources) == 1 else None


def _turned(select: exp.Select, sources: list[Source]) -> str | None:
    """Show and group by the row that is referred to, in the place of the one that refers."""
    joins = select.args.get("joins") or []
    on = joins[0].args.get("on") if len(joins) == 1 else None
    first, second = sources
    if first.table is None or first.table is not second.table or not isinstance(on, exp.EQ):
        return None
    sides = [
        (folded(side.args.get("table")), folded(side.this))
        for side in (on.this, on.expression)
        if isinstance(side, exp.Column)
    ]
    key = self_reference(first.table)
    if key is None or sorted(column for _, column in sides) != sorted([key.columns[0], key.to_columns[0]]):
        return None
    child = next(alias for alias, column in sides if column == key.columns[0])
    parent = next(alias for alias, column in sides if column == key.to_columns[0])
    if {child, parent} != {first.alias, second.alias}:
        return None
    grouped = list(select.args["group"].find_all(exp.Column))
    if not grouped or any(folded(column.args.get("table")) != child for column in grouped):
        return None
    if any(folded(column.this) == key.columns[0] for column in grouped):
        return None
    shown = {folded(column.this) for column in grouped}
    counted = {id(column) for count in select.find_all(exp.Count) for column in count.find_all(exp.Column)}
    for clause in (*select.selects, select.args["group"], *filter(None, [select.args.get("order")])):
        for column in clause.find_all(exp.Column):
            if (
                id(column) not in counted
                and folded(column.this) in shown
                and folded(column.args.get("table")) == child
            ):
                column.set("table", exp.to_identifier(parent))
    for count in select.find_all(exp.Count):
        for column in count.find_all(exp.Column):
            column.set("table", exp.to_identifier(child))
    return f"{child} refers to one {parent} at most: what refers to each {parent} is counted."


def _joined(
    select: exp.Select, names: Names, scope: Scope, counts: list[exp.Count], question: str
) -> str | None:
    """Join what refers to each row, where rows are counted by their own key."""
    [source] = names.sources(scope)
    key = self_reference(source.table) if source.table is not None else None
    grouped = {folded(column.this) for column in select.args["group"].find_all(exp.Column)}
    if source.table is None or key is None or select.args.get("where"):
        return None
    if not {*key.to_columns} <= grouped and not _by_name(grouped, question):
        return None
    if any(not isinstance(count.this, exp.Star | exp.Column) for count in counts):
        return None
    alias = "referring"
    for column in names.columns(scope):
        column.set("table", exp.to_identifier(source.alias))
    for count in counts:
        count.set("this", exp.column(identifier(key.to_columns[0]), table=alias))
    table = select.args["from_" if "from_" in select.args else "from"].this.copy()
    table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
    on = exp.EQ(
        this=exp.column(identifier(key.columns[0]), table=alias),
        expression=exp.column(identifier(key.to_columns[0]), table=source.alias),
    )
    select.append("joins", exp.Join(this=table, on=on))
    return f"Each {source.table.name} is one row: those that refer to it are counted."


def _by_name(grouped: set[str], question: str) -> bool:
    """Whether rows are grouped by what each is called, and no question of how common a name is."""
    said = stems(question)
    return (
        bool(grouped and said)
        and stem("name") not in said
        and all(name_words(one)[-1:] == ["name"] for one in grouped)
    )


def self_reference(table: Table) -> ForeignKey | None:
    """The one reference of a table to itself."""
    keys = [
        key
        for key in table.foreign_keys
        if (key.to_schema, key.to_table) == (table.schema_name, table.name) and len(key.columns) == 1
    ]
    return keys[0] if len(keys) == 1 else None


RULE = Rule("self_count", _fix)
