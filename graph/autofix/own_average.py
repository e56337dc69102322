"""Single rows, or groups, held against an aggregate of themselves: ``WHERE price > AVG(price)``.

PostgreSQL has no aggregate there, and ``HAVING AVG(price) > AVG(price)`` is never true. What is meant is the
figure over all rows, which a subquery over the same table gives.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded

_COMPARED = (exp.GT, exp.GTE, exp.LT, exp.LTE)


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        sources = names.sources(scope)
        for clause in ("where", "having"):
            held = select.args.get(clause)
            for test in held.find_all(*_COMPARED) if held is not None else ():
                if test.parent_select is not select:
                    continue
                for one, other in ((test.this, test.expression), (test.expression, test.this)):
                    if _is_own(one, other, grouped=clause == "having" and bool(select.args.get("group"))):
                        return _over_all(other, names, sources)
    return None


def _is_own(one: exp.Expr, other: exp.Expr, *, grouped: bool) -> bool:
    """Whether ``other`` aggregates what ``one`` is; of two equal aggregates the second is taken."""
    if not isinstance(other, exp.Avg | exp.Max | exp.Min | exp.Sum) or not isinstance(other.this, exp.Column):
        return False
    if isinstance(one, exp.Column):
        return not grouped and folded(one.this) == folded(other.this.this)
    return grouped and isinstance(other, exp.Avg) and one == other and other.arg_key == "expression"


def _over_all(figure: exp.Expr, names: Names, sources: list[Source]) -> str | None:
    column = figure.this
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    if len(found) != 1 or found[0].table is None or not found[0].has(name):
        return None
    table = found[0].table
    written = figure.sql(dialect="postgres")
    inner = figure.copy()
    inner.this.set("table", None)
    schema = None if table.schema_name in names.snapshot.search_path else table.schema_name
    figure.replace(exp.select(inner).from_(exp.table_(table.name, db=schema)).subquery())
    return f"{written} is that of all rows of {table.name}, not of each by itself."


RULE = Rule("own_average", _fix)
