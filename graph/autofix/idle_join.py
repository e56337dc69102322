"""A table joined on a column that one side lacks, and not needed: the join is taken out.

Moving the column instead would leave a condition that says nothing, and every row beside every other. The
table goes when whatever else is read of it are keys that a table that stays has as well: a key says the same
in both, a ``name`` does not. It goes as well where no join leads to it at all and all that is read of it is a
condition of which the question has no word.
"""

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.base import Context, Rule
from graph.autofix.idle_rows import is_named
from graph.autofix.key_pairs import said_chain
from graph.autofix.missing_join import MOST_JOINS
from graph.autofix.names import Names, Source, folded
from graph.context.words import name_words, stem, stems, words


def _fix(context: Context) -> str | None:
    names = context.names
    for scope in names.scopes:
        sources = {source.alias: source for source in names.sources(scope)}
        if any(source.columns is None for source in sources.values()):
            continue
        for join in scope.expression.args.get("joins") or ():
            alias = join.alias_or_name.lower()
            if alias not in sources or join.side or not _broken(join, alias, sources):
                continue
            if _is_reached(context, alias, sources):
                continue  # bridge brings what stands between
            if _take_out(names, scope, join, alias, sources) or _drop(context, scope, join, alias, sources):
                return f"{alias} cannot be joined this way and is not needed: the query does without it."
    return None


def _is_reached(context: Context, alias: str, sources: dict[str, Source]) -> bool:
    """Whether the question speaks of the table, no key joins it, and a way over other tables leads there."""
    source, joins = sources[alias], context.names.joins
    if source.table is None or not context.question:
        return False
    everything = [one for one in sources.values() if one.table is not None]
    here = [one.table.qualified_name for one in everything if one is not source and one.table is not None]
    goal = source.table.qualified_name
    if len(everything) != len(sources) or any(joins.between(other, goal) for other in here):
        return False
    if not is_named(source, everything, context):
        return False
    return said_chain(joins.ways(here, goal, longest=MOST_JOINS), context.question, joins) is not None


def _broken(join: exp.Join, alias: str, sources: dict[str, Source]) -> bool:
    """Whether the join is by one equality with a column that its table does not have."""
    condition = join.args.get("on")
    if not isinstance(condition, exp.EQ):
        return False
    sides = [condition.this, condition.expression]
    if not all(isinstance(side, exp.Column) and folded(side.args.get("table")) in sources for side in sides):
        return False
    qualifiers = {folded(side.args.get("table")) for side in sides}
    if alias not in qualifiers or len(qualifiers) != 2:
        return False
    return any(not sources[folded(side.args.get("table"))].has(folded(side.this)) for side in sides)


def _take_out(names: Names, scope: Scope, join: exp.Join, alias: str, sources: dict[str, Source]) -> bool:
    inside = set(map(id, join.find_all(exp.Column)))
    moved: list[tuple[exp.Column, str]] = []
    for column in names.columns(scope):
        if id(column) in inside:
            continue
        name, qualifier = folded(column.this), folded(column.args.get("table"))
        holders = [other for key, other in sources.items() if key != alias and other.has(name)]
        if qualifier == alias:
            if len(holders) != 1 or not _is_shared(names, sources[alias], holders[0], name):
                return False
            if _compared_with(column) == (holders[0].alias, name):
                return False  # another table is joined through this one
            moved.append((column, holders[0].alias))
        elif not qualifier and sources[alias].has(name) and not holders:
            return False
    for column, holder in moved:
        column.set("table", exp.to_identifier(holder))
    join.pop()
    return True


def _drop(context: Context, scope: Scope, join: exp.Join, alias: str, sources: dict[str, Source]) -> bool:
    """Take out a table that nothing leads to, with the conditions on it that nobody asked for."""
    names, source = context.names, sources[alias]
    if source.table is None or not context.question or any(one.table is None for one in sources.values()):
        return False
    if set(stems(context.question)) & {stem(word) for word in name_words(source.table.name)}:
        return False  # it is asked about; another way may lead to it
    near = [
        one.table.qualified_name for key, one in sources.items() if key != alias and one.table is not None
    ]
    if any(names.joins.between(other, source.table.qualified_name) for other in near):
        return False
    where = scope.expression.args.get("where")
    parts = list(where.this.flatten()) if where is not None and isinstance(where.this, exp.And) else []
    parts = parts or ([where.this] if where is not None else [])
    inside = set(map(id, join.find_all(exp.Column)))
    asked = set(stems(f"{context.question} {context.notes}"))
    dropped = []
    for column in names.columns(scope):
        if id(column) in inside:
            continue
        qualifier, name = folded(column.args.get("table")), folded(column.this)
        others = [key for key, one in sources.items() if key != alias and one.has(name)]
        if qualifier != alias and (qualifier or others or not source.has(name)):
            continue
        part = next((one for one in parts if any(column is each for each in one.find_all(exp.Column))), None)
        if part is None or asked & {
            stem(word) for node in part.find_all(exp.Literal) for word in words(node.name)
        }:
            return False
        dropped.append(part)
    kept = [part.copy() for part in parts if not any(part is one for one in dropped)]
    join.pop()
    scope.expression.set("where", exp.Where(this=exp.and_(*kept)) if kept else None)
    return True


def _is_shared(names: Names, one: Source, other: Source, column: str) -> bool:
    """Whether the two tables are joined by this very column, so that either side's says the same."""
    if one.table is None or other.table is None:
        return False
    ways = names.joins.between(one.table.qualified_name, other.table.qualified_name)
    return any((way.left_columns, way.right_columns) == ((column,), (column,)) for way in ways)


def _compared_with(column: exp.Column) -> tuple[str, str] | None:
    """The column that this one is set equal to, as alias and name."""
    equality = column.parent
    if not isinstance(equality, exp.EQ):
        return None
    other = equality.expression if equality.this is column else equality.this
    return (folded(other.args.get("table")), folded(other.this)) if isinstance(other, exp.Column) else None


RULE = Rule("idle_join", _fix)
