"""A reference of several columns joined by some of them: ``e.course_code = s.course_code`` without the term.

A row then stands beside every term's section of its course. Where one declared reference leads from one table
to the other, and no column of what is left out is read anywhere, it is joined by the whole of it.
"""

from sqlglot import exp

from graph.autofix.base import Context, Rule
from graph.autofix.key_pairs import equalities, sides_of, source_of
from graph.autofix.names import Names, Source, folded, identifier
from graph.context.joins import Join


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        sources = names.sources(scope)
        for test in equalities(scope.expression):
            sides = sides_of(test)
            ends = [source_of(side, sources) for side in sides or ()]
            if sides is None or len(ends) != 2 or ends[0] is None or ends[1] is None:
                continue
            left, right = ends[0], ends[1]
            way = _way(left, right, names)
            if way is None or (folded(sides[0].this), folded(sides[1].this)) not in _pairs(way):
                continue
            missing = [pair for pair in _pairs(way) if not _is_read(pair, left, right, scope.expression)]
            read = [pair for pair in _pairs(way) if pair not in missing]
            if not missing or any(not _is_joined(pair, left, right, scope.expression) for pair in read):
                continue
            added = [
                exp.EQ(
                    this=exp.column(identifier(here), table=left.alias),
                    expression=exp.column(identifier(there), table=right.alias),
                )
                for here, there in missing
            ]
            test.replace(exp.and_(test.copy(), *added))
            told = ", ".join(here for here, _ in missing)
            return f"{left.alias} and {right.alias} are joined by the whole key, {told} as well."
    return None


def _way(left: Source, right: Source, names: Names) -> Join | None:
    """The one reference between two sources, where it is declared and of several columns."""
    if left is right or left.table is None or right.table is None:
        return None
    ways = names.joins.between(left.table.qualified_name, right.table.qualified_name)
    one = ways[0] if len(ways) == 1 else None
    return one if one is not None and one.declared and len(one.left_columns) > 1 else None


def _pairs(way: Join) -> list[tuple[str, str]]:
    return list(zip(way.left_columns, way.right_columns, strict=True))


def _is_read(pair: tuple[str, str], left: Source, right: Source, select: exp.Expr) -> bool:
    """Whether the query has either column, or one that may be it."""
    return any(
        folded(column.this) in pair and folded(column.args.get("table")) in {left.alias, right.alias, ""}
        for column in select.find_all(exp.Column)
    )


def _is_joined(pair: tuple[str, str], left: Source, right: Source, select: exp.Expr) -> bool:
    """Whether the two columns are held against each other."""
    wanted = {(left.alias, pair[0]), (right.alias, pair[1])}
    return any(
        {(folded(side.args.get("table")), folded(side.this)) for side in sides_of(test) or ()} == wanted
        for test in equalities(select)
    )


RULE = Rule("whole_key", _fix)
