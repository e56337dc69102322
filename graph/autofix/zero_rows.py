"""Things without any row, which the question wants shown and an inner join drops: "also those without any".

The things' own table is kept whole: conditions on what is joined to it go into the join, and rows are counted
by a column that is NULL where there is none. A query that groups by a mere reference gets the table of the
things that are referred to. Whatever is asked: ``COUNT(*)`` over things that are kept whole counts one row
for a thing without any.
"""

import re

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.counted_things import is_repeated
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.words import name_words

_SHOWN = re.compile(
    r"\b(?:includ(?:e|es|ed|ing)|even\s+(?:if|those|the\s+ones|when|for|with)|also\s+(?:show|list|those|the\s+ones)|"
    r"whether\s+or\s+not|regardless\s+of\s+whether|"
    r"as\s+well|too|(?:with|show(?:ing)?|as|give|list(?:ing)?)\s+(?:a\s+)?(?:0|zero)|(?:0|zero)\s+(?:for|where|if|when))\b",
    re.IGNORECASE,
)
_NONE = re.compile(r"\b(?:none|zero|0|without|no|never|any|nothing|not|n't)\b", re.IGNORECASE)


def _fix(context: Context) -> str | None:
    select, names, question = context.tree, context.names, context.question
    if isinstance(select, exp.Select) and (said := _padding(select, names)) is not None:
        return said
    if not isinstance(select, exp.Select) or not _SHOWN.search(question) or not _NONE.search(question):
        return None
    if any(select.args.get(part) for part in ("having", "limit", "with_", "distinct")) or select.is_star:
        return None
    if not select.args.get("group") or select.find(exp.Window, exp.Subquery):
        return None
    scope = names.scopes[-1]
    sources = names.sources(scope)
    if scope.expression is not select or any(source.table is None for source in sources):
        return None
    counts = [one for one in select.find_all(exp.AggFunc) if isinstance(one, exp.Count | exp.Sum)]
    if not counts or len(counts) != len(list(select.find_all(exp.AggFunc))):
        return None
    if len(sources) == 1:
        return _with_things(select, names, scope, sources[0])
    return _kept_whole(select, names, sources)


def _padding(select: exp.Select, names: Names) -> str | None:
    """Count the rows beside each thing and not the NULLs that stand there for none."""
    scope = names.scopes[-1] if names.scopes else None
    group, joins = select.args.get("group"), select.args.get("joins") or []
    if scope is None or scope.expression is not select or group is None or len(joins) != 1:
        return None
    sources = names.sources(scope)
    if joins[0].side != "LEFT" or len(sources) != 2 or any(source.table is None for source in sources):
        return None
    things, rows = sources
    owners = {_owner(column, sources) for column in group.find_all(exp.Column)}
    if owners != {things.alias} or not is_repeated(things, sources, names) or select.find(exp.Is):
        return None
    on = joins[0].args.get("on")
    link = (
        next((found for part in _parts(on) if (found := _other_side(part, things, sources))), None)
        if on
        else None
    )
    if link is None or _owner(link, sources) != rows.alias or not _tells_apart(things, group):
        return None
    for count in select.find_all(exp.Count):
        if isinstance(count.this, exp.Star):
            count.set("this", link.copy())
            return f"{things.alias} without any {rows.alias} count as none, not as one."
    return None


def _tells_apart(things: Source, group: exp.Group) -> bool:
    """Whether each group is one thing: grouped by its key, or by what it is called."""
    assert things.table is not None
    names = {folded(column.this) for column in group.find_all(exp.Column)}
    called = any(
        name_words(name)[-1:] and name_words(name)[-1] in {"name", "title", "code"} for name in names
    )
    return bool(things.table.primary_key and set(things.table.primary_key) <= names) or called


def _kept_whole(select: exp.Select, names: Names, sources: list[Source]) -> str | None:
    owners = {_owner(column, sources) for column in select.args["group"].find_all(exp.Column)}
    things = next((source for source in sources if owners == {source.alias}), None)
    if things is None or not is_repeated(things, sources, names):
        return None
    joins = select.args.get("joins") or []
    if any(join.kind not in {"", "INNER"} or not join.args.get("on") for join in joins):
        return None
    # An outer join is made an inner one again by a condition on what may be lacking.
    if any(join.side for join in joins) and not (
        len(joins) == 1 and joins[0].side == "LEFT" and things is sources[0]
    ):
        return None
    where = select.args.get("where")
    parts = [
        part
        for one in (*(join.args["on"] for join in joins), *([where.this] if where else []))
        for part in _parts(one)
    ]
    touched = [{_owner(column, sources) for column in part.find_all(exp.Column)} for part in parts]
    if any(None in owners for owners in touched):
        return None
    relations = dict(
        zip(
            (source.alias for source in sources), [_from(select), *(join.this for join in joins)], strict=True
        )
    )
    others = [source for source in sources if source is not things]
    placed: list[exp.Join] = []
    left = list(zip(parts, touched, strict=True))
    for place, other in enumerate(others[1:], 1):
        here = [
            part
            for part, owners in left
            if other.alias in owners and owners <= {one.alias for one in others[: place + 1]}
        ]
        if not here:
            return None
        left = [(part, owners) for part, owners in left if not any(part is one for one in here)]
        placed.append(
            exp.Join(this=relations[other.alias].copy(), on=exp.and_(*(part.copy() for part in here)))
        )
    own = [part for part, owners in left if owners == {things.alias}]
    between = [part for part, owners in left if owners != {things.alias}]
    link = next(
        (
            found
            for part, owners in left
            if things.alias in owners and len(owners) == 2 and (found := _other_side(part, things, sources))
        ),
        None,
    )
    if link is None:
        return None
    if not _counted(select, things, sources, link):
        return None
    on = exp.and_(*(part.copy() for part in between))
    if len(others) == 1:
        start, last = things, exp.Join(this=relations[others[0].alias].copy(), side="LEFT", on=on)
    else:
        start, last = others[0], exp.Join(this=relations[things.alias].copy(), side="RIGHT", on=on)
    _set_from(select, relations[start.alias].copy())
    select.set("joins", [*placed, last])
    select.set("where", exp.Where(this=exp.and_(*(part.copy() for part in own))) if own else None)
    return f"Those of {things.alias} without any row are asked for as well: each is kept."


def _with_things(select: exp.Select, names: Names, scope: Scope, rows: Source) -> str | None:
    """Join the table that the group's reference leads to, and keep it whole."""
    keys = select.args["group"].expressions
    if len(keys) != 1 or not isinstance(keys[0], exp.Column) or rows.table is None:
        return None
    name = folded(keys[0].this)
    goals = [
        join
        for join in names.joins.of(rows.table.qualified_name)
        if join.left_columns == (name,) and join.right in names.joins.referred(rows.table.qualified_name)
    ]
    if len(goals) != 1:
        return None
    [goal] = goals
    schema, _, table = goal.right.rpartition(".")
    if table == rows.alias:
        return None
    for column in names.columns(scope):
        column.set("table", exp.to_identifier(rows.alias))
    link = exp.column(identifier(name), table=rows.alias)
    key = exp.column(identifier(goal.right_columns[0]), table=table)
    if not _counted(select, None, [rows], link):
        return None
    for clause in (*select.selects, select.args["group"], *filter(None, [select.args.get("order")])):
        for column in list(clause.find_all(exp.Column)):
            if column == link and column.find_ancestor(exp.AggFunc, exp.Select) is select:
                column.replace(key.copy())
    where = select.args.get("where")
    on = exp.and_(exp.EQ(this=link.copy(), expression=key.copy()), *([where.this.copy()] if where else []))
    relation = exp.Table(
        this=identifier(table), db=None if schema in names.snapshot.search_path else identifier(schema)
    )
    joined = exp.Join(this=_from(select).copy(), side="LEFT", on=on)
    _set_from(select, relation)
    select.set("joins", [joined])
    select.set("where", None)
    return f"Those of {table} without any row are asked for as well: each is kept."


def _counted(select: exp.Select, things: Source | None, sources: list[Source], link: exp.Column) -> bool:
    """Count what is joined, not the row that stands there for nothing; False where that is not plain."""
    for aggregate in list(select.find_all(exp.AggFunc)):
        inner = aggregate.this
        if isinstance(aggregate, exp.Count):
            if isinstance(inner, exp.Star) or (
                isinstance(inner, exp.Column)
                and things is not None
                and _owner(inner, sources) == things.alias
            ):
                aggregate.set("this", link.copy())
            elif not isinstance(inner, exp.Column | exp.Distinct):
                return False
        elif not isinstance(aggregate.parent, exp.Coalesce):
            aggregate.replace(exp.Coalesce(this=aggregate.copy(), expressions=[exp.Literal.number(0)]))
    return True


def _parts(condition: exp.Expr) -> list[exp.Expr]:
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _owner(column: exp.Column, sources: list[Source]) -> str | None:
    """The alias of the source that has the column; None unless just one does."""
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one.alias for one in sources if (one.alias == qualifier if qualifier else one.has(name))]
    return found[0] if len(found) == 1 else None


def _other_side(part: exp.Expr, things: Source, sources: list[Source]) -> exp.Column | None:
    """The column that is held against one of the things' own."""
    if not isinstance(part, exp.EQ):
        return None
    sides = (part.this, part.expression)
    if not all(isinstance(side, exp.Column) for side in sides):
        return None
    return next((side for side in sides if _owner(side, sources) != things.alias), None)


def _from(select: exp.Select) -> exp.Expr:
    relation: exp.Expr = select.args["from_" if "from_" in select.args else "from"].this
    return relation


def _set_from(select: exp.Select, relation: exp.Expr) -> None:
    select.set("from_" if "from_" in select.args else "from", exp.From(this=relation))


RULE = Rule("zero_rows", _fix)
