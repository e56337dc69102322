"""A subquery meant for each row around it, whose condition holds its own rows against themselves.

``FROM films WHERE runtime > (SELECT AVG(runtime) FROM films WHERE genre = films.genre)``: within the subquery
both are its own films', so the test is always true, and the average one over all genres. One side is made the
outer row's; the inner table gets a name of its own where the two are called the same.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.names import Names, Source, folded, identifier

_TURNABLE = (exp.EQ, exp.NEQ)
_COMPARED = (*_TURNABLE, exp.GT, exp.GTE, exp.LT, exp.LTE)


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        select, around = scope.expression, scope.parent
        where = select.args.get("where")
        if where is None or around is None or not scope.is_subquery or not _is_per_row(select, around):
            continue
        sources, outer = names.sources(scope), names.sources(around)
        if not outer or any(source.columns is None for source in (*sources, *outer)):
            continue
        tests = [test for part in _parts(where.this) if (test := _own(part, sources)) is not None]
        if not any(isinstance(test, exp.EQ) for test in tests):
            continue
        own = {_holder(test.this, sources) for test in tests}
        others = {_other(test, outer, around) for test in tests}
        if len(own) != 1 or len(others) != 1 or "" in own | others:
            continue
        [inner], [other] = own, others
        sides = [_outer_side(test, other) for test in tests]
        if None in sides or (inner == other and select.find(exp.Subquery, exp.Exists)):
            continue
        _set(scope, names, inner, other, [side for side in sides if side is not None])
        column = tests[0].this.name
        return f"{column} is held against that of the row of {other}, not against itself."
    return None


def _parts(top: exp.Expr) -> list[exp.Expr]:
    if isinstance(top, exp.Paren):
        return _parts(top.this)
    return [*_parts(top.this), *_parts(top.expression)] if isinstance(top, exp.And) else [top]


def _is_per_row(select: exp.Expr, around: Scope) -> bool:
    """Whether it can be asked for each row of the query around it: not in HAVING, whose rows are groups."""
    outer = around.expression
    clause: exp.Expr | None = select
    while clause is not None and clause.parent is not outer:
        clause = clause.parent
    return isinstance(outer, exp.Select) and (
        isinstance(clause, exp.Where) or (clause is not None and clause.arg_key == "expressions")
    )


def _own(part: exp.Expr, sources: list[Source]) -> exp.Binary | None:
    """A test that holds a column of the subquery's own rows against the same one."""
    if not isinstance(part, _COMPARED):
        return None
    one, other = part.this, part.expression
    if not isinstance(one, exp.Column) or not isinstance(other, exp.Column):
        return None
    holder = _holder(one, sources)
    is_same = folded(one.this) == folded(other.this) and _holder(other, sources) == holder
    return part if is_same and holder else None


def _holder(column: exp.Column, sources: list[Source]) -> str:
    """The alias of the subquery's own source that a column is of; ``""`` unless it is just one."""
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [source.alias for source in sources if source.has(name) and qualifier in {"", source.alias}]
    return found[0] if len(found) == 1 else ""


def _other(test: exp.Binary, outer: list[Source], around: Scope) -> str:
    """The alias of the one source around it that has such a column, which a group's rows have in common."""
    name = folded(test.this.this)
    found = [source.alias for source in outer if source.has(name)]
    group = around.expression.args.get("group")
    if group is not None and not any(folded(one.this) == name for one in group.find_all(exp.Column)):
        return ""
    return found[0] if len(found) == 1 else ""


def _outer_side(test: exp.Binary, other: str) -> exp.Column | None:
    """Which of the two is meant for the outer row's; None where that cannot be told."""
    one, second = test.this, test.expression
    qualified = [side for side in (one, second) if side.args.get("table")]
    if len(qualified) == 1:
        bare = second if qualified[0] is one else one
        side = qualified[0] if folded(qualified[0].args["table"]) == other else bare
        return side if isinstance(side, exp.Column) else None
    return second if isinstance(test, _TURNABLE) else None


def _set(scope: Scope, names: Names, inner: str, other: str, sides: list[exp.Column]) -> None:
    alias = inner
    if inner == other:
        taken = {source.alias for source in names.visible(scope)}
        alias = next(name for number in range(2, 1000) if (name := f"{inner}_{number}") not in taken)
        written = zip(names.sources(scope), scope.selected_sources.values(), strict=True)
        for source, (node, _) in written:
            if source.alias == inner:
                node.set("alias", exp.TableAlias(this=identifier(alias)))
        for column in names.columns(scope):
            if folded(column.args.get("table")) == inner:
                column.set("table", identifier(alias))
    for side in sides:
        test = side.parent
        for column in (test.this, test.expression) if test is not None else ():
            column.set("table", identifier(other if column is side else alias))


RULE = Rule("self_correlation", _fix)
