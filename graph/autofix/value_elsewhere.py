"""A name that the question says and no condition has, of a thing that FROM's rows refer to.

"Who works behind the bar at our Manchester houses?" over the staff alone: cinemas.city holds Manchester, and
each of the staff refers to one cinema, so it is joined in and its city compared. ``asked_value`` does the
same over FROM's own tables. Only from what refers to what is referred to, so that no row is counted twice.
"""

import re
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.optimizer.scope import Scope

from graph.autofix.asked_value import VAGUE, is_asked, is_part_of_name, stands_in, told
from graph.autofix.base import Context, Rule
from graph.autofix.missing_join import join_along
from graph.autofix.month_names import MONTHS
from graph.autofix.names import Names, Source, folded, identifier, is_output_alias, is_text, known_values
from graph.context.joins import Join
from graph.context.words import STOP_WORDS, fold, stem, words
from wire.snapshot import Table

_PART = re.compile(
    r"\b(?:share|proportion|percent|percentage|fraction|rate|than|between|against|only|least|same|like)\b",
    re.IGNORECASE,
)
"""What is said of some rows among others, or of two things."""
_DAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())  # noqa: SIM905
_LETTERS = 4
"""Letters that a value needs to be told by."""
_MOST_JOINS = 2

_Place = tuple[Table, str, str]
"""A table, its column, and the value as it is held there."""


def _fix(context: Context) -> str | None:
    names, question = context.names, context.question
    if not is_asked(context) or _PART.search(question):
        return None
    scope = names.scopes[-1] if names.scopes else None
    if scope is None or not isinstance(scope.expression, exp.Select):
        return None
    sources = names.sources(scope)
    here = [source.table.qualified_name for source in sources if source.table is not None]
    if not here or len(set(here)) != len(sources):
        return None
    said = told(names, scope) | {stem(word) for word in words(context.notes)}
    goals = [
        goal for places in _unheld(context, said) if (goal := _goal(places, context, sources)) is not None
    ]
    if len(goals) != 1:
        return None
    (table, column, value), way = goals[0]
    if not _keeps_rows(scope, way) or not _make_room(names, scope, sources, way):
        return None
    place = len(scope.expression.args.get("joins") or ())
    alias = join_along(names, scope, sources, way, wanted="", place=place)
    scope.expression.where(
        exp.EQ(this=exp.column(identifier(column), table=alias), expression=exp.Literal.string(value)),
        copy=False,
    )
    return (
        f"Asked for {value}: {table.name} is joined in, and only rows whose {column} is {value!r} are taken."
    )


def _unheld(context: Context, said: set[str]) -> list[list[_Place]]:
    """For each value that the question names and the statement does not, every place that holds it."""
    spoken = [stem(word) for word in words(context.question)]
    by_value: dict[str, list[_Place]] = {}
    for table, column, value in _values(context.names):
        parts = [stem(word) for word in words(value)]
        if stands_in(parts, spoken) and _is_name(value, context.question):
            by_value.setdefault(" ".join(parts), []).append((table, column, value))
    longest = [one for one in by_value if not any(_is_within(one, other) for other in by_value)]
    return [by_value[one] for one in longest if not said.intersection(set(one.split()) - STOP_WORDS)]


def _is_within(one: str, other: str) -> bool:
    """Whether one value's words are but some of another's: ``Bath`` of ``Bath Spa``."""
    return one != other and f" {one} " in f" {other} "


def _values(names: Names) -> Iterator[_Place]:
    for table in names.snapshot.listed:
        for column in table.columns:
            if not is_text(column.type) and not column.enum_values:
                continue
            for value in known_values(column)[0]:
                if sum(map(str.isalpha, value)) >= _LETTERS and fold(value) not in VAGUE:
                    yield table, column.name, value


def _is_name(value: str, question: str) -> bool:
    """Whether it is said as a name: with a capital within a sentence, or in several words."""
    if is_part_of_name(value, question):
        return False
    if len([word for word in words(value) if word not in STOP_WORDS]) > 1:
        return True
    if fold(value) in _DAYS or fold(value) in MONTHS:
        return False
    said = re.search(rf"(?<![.?!:;]\s)(?<!^)\b{re.escape(value)}\b", question, re.IGNORECASE)
    return said is not None and said[0][0].isupper()


def _goal(places: list[_Place], context: Context, sources: list[Source]) -> tuple[_Place, list[Join]] | None:
    """The one place that is meant, and the way there."""
    names = context.names
    here = {source.table.qualified_name for source in sources if source.table is not None}
    held = {(table.qualified_name, column) for table, column, _ in places}
    if context.found is not None:
        held |= {
            (one.table, one.column) for one in context.found.found if fold(one.value) == fold(places[0][2])
        }
    if any(table in here for table, _ in held):
        return None
    reached = [
        (place, way)
        for place in places
        if (way := _way(names, here, place[0], longest=_MOST_JOINS if len(held) == 1 else 1)) is not None
    ]
    if len(reached) != 1 or len(held) > len(places):
        return None
    (table, column, _), way = reached[0]
    read = {folded(node.this) for node in names.tree.find_all(exp.Table)}
    if table.name in read or _may_be_another(table, column, names, here):
        return None
    # The thing may be named by its key already.
    keys = set(way[0].left_columns)
    tests = names.tree.find_all(exp.EQ, exp.In)
    named = any(
        isinstance(test.this, exp.Column)
        and folded(test.this.this) in keys
        and (test.find(exp.Literal) is not None or test.find(exp.Query) is not None)
        for test in tests
    )
    return None if named else reached[0]


def _way(names: Names, here: set[str], goal: Table, *, longest: int) -> list[Join] | None:
    """The joins that lead to the table, each to what is referred to; None unless just one way does."""
    ways = names.joins.ways(sorted(here), goal.qualified_name, longest=longest)
    if len(ways) != 1:
        return None
    return ways[0] if all(step.right in names.joins.referred(step.left) for step in ways[0]) else None


def _may_be_another(table: Table, column: str, names: Names, here: set[str]) -> bool:
    """Whether a column of the same name, in FROM or one join away, may hold the value unknown to us."""
    for other in names.snapshot.listed:
        found = other.column(column)
        if other is table or found is None or known_values(found)[1]:
            continue
        near = any(names.joins.between(one, other.qualified_name) for one in here)
        if near or other.qualified_name in here:
            return True
    return False


def _keeps_rows(scope: Scope, way: list[Join]) -> bool:
    """Whether the way begins at rows that an outer join does not make up."""
    joins = scope.expression.args.get("joins") or []
    outer = [join for join in joins if join.side]
    start = way[0].left.rpartition(".")[2]
    return not outer or (
        all(join.side == "LEFT" for join in outer)
        and all(folded(join.this.this) != start for join in outer if isinstance(join.this, exp.Table))
    )


def _make_room(names: Names, scope: Scope, sources: list[Source], way: list[Join]) -> bool:
    """Say of bare columns whose they are, where a joined table has them too; False where that is unknown."""
    tables = [table for join in way if (table := _named(names, join.right)) is not None]
    bare: list[tuple[exp.Column, str]] = []
    for other in names.scopes:
        for column in names.columns(other):
            name = folded(column.this)
            if column.args.get("table") or not any(table.column(name) for table in tables):
                continue
            holders = [source.alias for source in names.sources(other) if source.has(name)]
            if other is not scope:
                if len(holders) != 1:
                    return False
            elif len(holders) == 1:
                bare.append((column, holders[0]))
            elif not is_output_alias(column, scope) or column.find_ancestor(exp.Group) is not None:
                return False
    stars = [item for item in scope.expression.expressions if isinstance(item, exp.Star)]
    if stars and len(sources) != 1:
        return False
    for column, alias in bare:
        if not (is_output_alias(column, scope) and column.find_ancestor(exp.Order) is not None):
            column.set("table", identifier(alias))
    for star in stars:
        star.replace(exp.Column(this=exp.Star(), table=identifier(sources[0].alias)))
    return True


def _named(names: Names, qualified: str) -> Table | None:
    return next((table for table in names.snapshot.listed if table.qualified_name == qualified), None)


RULE = Rule("value_elsewhere", _fix)
