"""A table that is joined, of which the query reads nothing and the question says nothing.

``FROM parcels p JOIN routes r ON p.route_id = r.route_id`` leaves out every parcel without a route. Only what
a row refers to once, by a reference that may be lacking, or what refers to it once and may be lacking, where
the question asks for nobody who did something; a table of many rows for each is ``idle_rows``'. So is
one whose own key is held against another thing's own key: ``translators t JOIN staff s ON t.id = s.id`` pairs
those that happen to have one number.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.idle_rows import DID, is_named, is_read
from graph.autofix.names import Names, Source, folded


def _fix(context: Context) -> str | None:
    names = context.names
    if not context.question:
        return None
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select) or select.is_star:
            continue
        sources = names.sources(scope)
        if len(sources) < 2 or any(one.table is None for one in sources):
            continue
        for join in select.args.get("joins") or ():
            source = next((one for one in sources if one.alias == join.alias_or_name.lower()), None)
            if source is None or join.side or join.kind not in {"", "INNER"} or join.args.get("using"):
                continue
            if is_read(join, source, select):
                continue
            if _are_strangers(join, source, sources, names):
                join.pop()
                return f"{source.alias} has nothing to do with what it is joined to: it is left out."
            if is_named(source, sources, context, context.notes):
                continue
            if _may_lack(join, source, sources, context):
                join.pop()
                return f"{source.alias} is not needed, and rows without one would be lost: it is left out."
    return None


def _are_strangers(join: exp.Join, source: Source, sources: list[Source], names: Names) -> bool:
    """Whether two tables' own keys are held against each other, neither of which refers to the other."""
    on = join.args.get("on")
    if not isinstance(on, exp.EQ) or source.table is None:
        return False
    if not isinstance(on.this, exp.Column) or not isinstance(on.expression, exp.Column):
        return False
    by_alias = {one.alias: one.table for one in sources}
    sides = (on.this, on.expression)
    ends = [(by_alias.get(folded(side.args.get("table"))), folded(side.this)) for side in sides]
    tables = [table for table, _ in ends if table is not None]
    if len(tables) != 2 or tables[0] is tables[1]:
        return False
    if any(name != names.joins.own.key(table) for table, name in ends if table is not None):
        return False
    pair = (ends[0][1],), (ends[1][1],)
    return not any(
        (way.left_columns, way.right_columns) == pair
        for way in names.joins.between(tables[0].qualified_name, tables[1].qualified_name)
    )


def _may_lack(join: exp.Join, source: Source, sources: list[Source], context: Context) -> bool:
    """Whether rows have one of the source at most, by this one comparison, and need not have it."""
    names, on = context.names, join.args.get("on")
    if not isinstance(on, exp.EQ) or source.table is None:
        return False
    sides = [on.this, on.expression]
    if not all(isinstance(side, exp.Column) for side in sides):
        return False
    own = [side for side in sides if folded(side.args.get("table")) == source.alias]
    if len(own) != 1:
        return False
    [other] = [side for side in sides if side is not own[0]]
    partner = next((one for one in sources if one.alias == folded(other.args.get("table"))), None)
    if partner is None or partner.table is None:
        return False
    if [folded(own[0].this)] in source.table.unique_keys and not DID.search(context.question):
        return partner.table.qualified_name in names.joins.referred(source.table.qualified_name)
    if folded(own[0].this) != names.joins.own.key(source.table):
        return False
    if source.table.qualified_name not in names.joins.referred(partner.table.qualified_name):
        return False
    column = partner.table.column(folded(other.this))
    declared = any(
        key.columns == [folded(other.this)] and key.to_table == source.table.name
        for key in partner.table.foreign_keys
    )
    return column is not None and (column.nullable or not declared)


RULE = Rule("unused_join", _fix)
