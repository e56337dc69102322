"""Two key columns held against each other: whether they number the same things, and which way is meant."""

from collections.abc import Iterator

from sqlglot import exp

from graph.autofix.names import Names, Source, conditions_of, conjuncts, folded
from graph.autofix.roles import role_stem
from graph.context.joins import Join, JoinGraph
from graph.context.words import name_words, words
from wire.snapshot import Table

_BARE = frozenset(map(role_stem, ("id", "key", "code", "by", "of", "from", "to", "number", "ref", "uuid")))


def leads_to(table: Table, column: str, joins: JoinGraph) -> set[tuple[str, str]]:
    """The keys that a column is or refers to."""
    found = {(table.qualified_name, column)} if joins.own.key(table) == column else set()
    for join in joins.of(table.qualified_name):
        if join.left_columns == (column,) and join.right in joins.referred(table.qualified_name):
            found.add((join.right, join.right_columns[0]))
    return found


def is_key(table: Table, column: str) -> bool:
    """Whether a column is the table's own key or refers to one."""
    if table.primary_key == [column] or any(key.columns == [column] for key in table.foreign_keys):
        return True
    return name_words(column)[-1:] == ["id"]


def are_strangers(mine: Table, column: str, theirs: Table, other: str, joins: JoinGraph) -> bool:
    """Whether both are keys, it is known of what, and these are two things."""
    if mine is theirs or (column == other and name_words(column) != ["id"]):
        return False
    if any(
        join.left_columns == (column,) and join.right_columns == (other,)
        for join in joins.between(mine.qualified_name, theirs.qualified_name)
    ):
        return False
    here, there = leads_to(mine, column, joins), leads_to(theirs, other, joins)
    return bool(here and there) and not here & there


def is_strange(condition: exp.Expr, sources: dict[str, Source], names: Names) -> bool:
    """Whether keys of two things are held against each other, of which neither refers to the other."""
    ends = []
    for side in sides_of(condition) or ():
        source = sources.get(folded(side.args.get("table")))
        if source is not None and source.table is not None:
            ends.append((source.table, folded(side.this)))
    if len(ends) != 2:
        return False
    (mine, column), (theirs, other) = ends
    if names.joins.between(mine.qualified_name, theirs.qualified_name):
        return False
    return are_strangers(mine, column, theirs, other, names.joins)


def said_way(ways: list[Join], question: str, joins: JoinGraph) -> Join | None:
    """The one of several references whose role the question has a word of, where it has none of others'; that
    which plays no role, ``department_id`` beside ``head_id``, where it has a word of none."""
    if len(ways) < 2:
        return ways[0] if ways else None
    asked = set(map(role_stem, words(question)))
    of_each = [role_of(way, joins) for way in ways]
    told = [
        way
        for place, way in enumerate(ways)
        if asked & of_each[place].difference(*(one for at, one in enumerate(of_each) if at != place))
    ]
    told = told or [way for way, role in zip(ways, of_each, strict=True) if not role]
    return told[0] if len(told) == 1 else None


def said_chain(chains: list[list[Join]], question: str, joins: JoinGraph) -> list[Join] | None:
    """The one of several ways over the same tables that the question speaks of, step by step."""
    if len({tuple(step.right for step in chain) for chain in chains}) != 1:
        return None
    steps = [said_way(list(dict.fromkeys(step)), question, joins) for step in zip(*chains, strict=True)]
    found = [step for step in steps if step is not None]
    return found if len(found) == len(steps) else None


def role_of(way: Join, joins: JoinGraph) -> set[str]:
    """What a reference calls the thing, beside the thing's own name: ``white`` of ``white_player_id``."""
    refers = way if joins.is_reference(way) else way.turned()
    thing = joins.table(refers.right)
    said = {
        role_stem(word)
        for column in refers.left_columns
        for word in joins.short.column_words(joins.table(refers.left), column)
    }
    own = {role_stem(word) for word in joins.short.table_words(thing)}
    own |= {role_stem(word) for column in refers.right_columns for word in name_words(column)}
    return said - own - _BARE


def sides_of(test: exp.Expr | None) -> tuple[exp.Column, exp.Column] | None:
    """The two columns that an equality holds against each other."""
    if not isinstance(test, exp.EQ):
        return None
    left, right = test.this, test.expression
    return (left, right) if isinstance(left, exp.Column) and isinstance(right, exp.Column) else None


def equalities(select: exp.Expr) -> Iterator[exp.EQ]:
    """The equalities that a query's joins and its WHERE ask of every row."""
    if not isinstance(select, exp.Select):
        return
    conditions = [join.args["on"] for join in select.args.get("joins") or () if join.args.get("on")]
    tests = [part for condition in conditions for part in conjuncts(condition)]
    yield from (test for test in (*tests, *conditions_of(select)) if isinstance(test, exp.EQ))


def source_of(column: exp.Column, sources: list[Source]) -> Source | None:
    """The one source that has the column; of an alias within and the same one around it, that within."""
    name, qualifier = folded(column.this), folded(column.args.get("table"))
    found = [one for one in sources if (one.alias == qualifier if qualifier else bool(one.has(name)))]
    if qualifier:
        found = found[:1]
    return found[0] if len(found) == 1 and found[0].has(name) else None
