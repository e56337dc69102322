"""A joined table that does not exist and is not needed: what is read of it stands in the other tables.

Small models invent link tables. The join is taken out when every column read of it is either equal, by the
join itself, to a column of a real table, or is a column that exactly one table of FROM has.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded


def _fix(context: Context) -> str | None:
    names = context.names
    ctes = {folded(cte.args["alias"].this) for cte in context.tree.find_all(exp.CTE)}
    for scope in names.scopes:
        for join in scope.expression.args.get("joins") or ():
            node = join.this
            if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
                continue
            name = folded(node.this)
            if name in ctes or names.table(node) is not None or _exists(names, name):
                continue
            alias = folded(node.args["alias"].this) if node.args.get("alias") else name
            if _take_out(names, scope, join, alias):
                return f"There is no table {name}; the query does without it."
    return None


def _exists(names: Names, name: str) -> bool:
    return any(table.name == name for table in names.snapshot.tables)


def _take_out(names: Names, scope: Scope, join: exp.Join, alias: str) -> bool:
    others = [source for source in names.sources(scope) if source.alias != alias]
    if any(source.columns is None for source in others) or join.side or join.method == "NATURAL":
        return False
    equal = _equalities(join, alias)
    if equal is None:
        return False
    replacements: list[tuple[exp.Column, exp.Expr]] = []
    inside = set(map(id, join.find_all(exp.Column)))
    for column in scope.find_all(exp.Column):
        if folded(column.args.get("table")) != alias or id(column) in inside:
            continue
        meant = equal.get(folded(column.this)) or _elsewhere(others, folded(column.this))
        if meant is None or _says_nothing(column, meant):
            return False
        replacements.append((column, meant))
    for column, replacement in replacements:
        column.replace(replacement.copy())
    join.pop()
    return True


def _says_nothing(column: exp.Column, meant: exp.Column) -> bool:
    """Whether a condition would become ``o.id = o.id``: another table is joined through the phantom."""
    equality = column.parent
    if not isinstance(equality, exp.EQ):
        return False
    other = equality.expression if equality.this is column else equality.this
    return (
        isinstance(other, exp.Column)
        and folded(other.this) == folded(meant.this)
        and folded(other.args.get("table")) == folded(meant.args.get("table"))
    )


def _equalities(join: exp.Join, alias: str) -> dict[str, exp.Column] | None:
    """What the join makes equal to each column of the table; None when it asks for anything else."""
    using = join.args.get("using")
    if using:
        return {}
    condition = join.args.get("on")
    if condition is None:
        return None
    equal: dict[str, exp.Column] = {}
    for part in condition.flatten() if isinstance(condition, exp.And) else [condition]:
        if not isinstance(part, exp.EQ):
            return None
        sides = [side for side in (part.this, part.expression) if isinstance(side, exp.Column)]
        own = [side for side in sides if folded(side.args.get("table")) == alias]
        other = [side for side in sides if side not in own]
        if len(own) != 1 or len(other) != 1:
            return None
        equal[folded(own[0].this)] = other[0]
    return equal


def _elsewhere(others: list[Source], name: str) -> exp.Column | None:
    holders = [source for source in others if source.has(name)]
    return exp.column(name, table=holders[0].alias) if len(holders) == 1 else None


RULE = Rule("phantom_table", _fix)
