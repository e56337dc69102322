"""What the names in a statement stand for: sources of each scope, their columns, and the types of columns.

Resolution is deliberately modest. Where something cannot be known for certain (a star over an unknown
source, a function in FROM, a relation that is not in the snapshot) it says so, and rules then leave the
statement alone: the database decides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from graph.context.joins import JoinGraph, joins_of, type_family
from wire.snapshot import Column, SchemaSnapshot, Table


@dataclass(frozen=True, slots=True)
class Source:
    """Something in FROM. ``columns`` is None when its columns cannot be known."""

    alias: str
    table: Table | None
    columns: dict[str, str] | None
    """Name to type, names as PostgreSQL folds them; the type is ``""`` when unknown."""

    def has(self, name: str) -> bool | None:
        """Whether it has this column; None when that cannot be known."""
        return None if self.columns is None else name in self.columns


Problem = Literal["no_source", "absent", "ambiguous"]
"""No such alias in FROM; no such column in it; the column is in several."""

_SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A column that PostgreSQL would refuse."""

    scope: Scope
    column: exp.Column
    problem: Problem


@dataclass
class Names:
    """The statement's scopes, innermost first, resolved against a snapshot."""

    tree: exp.Query
    snapshot: SchemaSnapshot
    joins: JoinGraph = field(init=False)
    scopes: list[Scope] = field(init=False)
    _sources: dict[int, list[Source]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.joins = joins_of(self.snapshot)
        self.scopes = traverse_scope(self.tree)

    def sources(self, scope: Scope) -> list[Source]:
        """What the scope's own FROM holds, in the order written."""
        if id(scope) not in self._sources:
            self._sources[id(scope)] = [
                self._source(_alias(alias, node), node, source)
                for alias, (node, source) in scope.selected_sources.items()
            ]
        return self._sources[id(scope)]

    def source_of(self, column: exp.Column, scope: Scope) -> Source | None:
        """The one table of the scope's FROM that the column is read from; None where it is not plain."""
        name, qualifier = folded(column.this), folded(column.args.get("table"))
        found = [
            source
            for source in self.sources(scope)
            if source.table is not None and (source.alias == qualifier if qualifier else source.has(name))
        ]
        return found[0] if len(found) == 1 else None

    def visible(self, scope: Scope) -> list[Source]:
        """The scope's sources, then those of the scopes around it that it may refer to."""
        around = scope.parent if scope.is_subquery or scope.is_correlated_subquery else None
        return self.sources(scope) + (self.visible(around) if around else [])

    def columns(self, scope: Scope) -> Iterator[exp.Column]:
        """Columns written in this scope itself, not in its subqueries; stars are passed over."""
        for column in list(scope.find_all(exp.Column)):
            if not isinstance(column.this, exp.Star):
                yield column

    def unresolved(self) -> Iterator[Unresolved]:
        """Columns that no source has, or that two have, where that is certain."""
        for scope in self.scopes:
            for column in self.columns(scope):
                problem = self._problem(column, scope)
                if problem:
                    yield Unresolved(scope, column, problem)

    def _problem(self, column: exp.Column, scope: Scope) -> Problem | None:
        name, qualifier = folded(column.this), folded(column.args.get("table"))
        visible = self.visible(scope)
        if name in _SYSTEM_COLUMNS or column.args.get("db"):
            return None
        if qualifier:
            source = next((source for source in visible if source.alias == qualifier), None)
            if source is None:
                return "no_source"
            return "absent" if source.has(name) is False else None
        if any(source.columns is None or source.alias == name for source in visible):
            return None
        holders = [source for source in self.sources(scope) if source.has(name)]
        # ORDER BY looks at the select list first, GROUP BY at the tables first.
        if is_output_alias(column, scope) and (
            not holders
            or column.find_ancestor(exp.Order, exp.Group, exp.Select)
            is not scope.expression.args.get("group")
        ):
            return None
        if _merged(column, name, scope):
            return None
        if len(holders) > 1:
            return "ambiguous"
        if not holders and is_output_of_subquery(column, scope):
            return "absent"
        return None if holders or any(source.has(name) for source in visible) else "absent"

    def table(self, node: exp.Table) -> Table | None:
        """The snapshot's table that a node names, by PostgreSQL's rules; None when there is none."""
        name, schema = folded(node.this), folded(node.args.get("db"))
        if schema:
            return self.snapshot.table(schema, name)
        return next(
            (table for table in self.snapshot.named(name) if table.schema_name in self.snapshot.search_path),
            None,
        )

    def type_of(self, column: exp.Column, scope: Scope) -> str:
        """The type of a column as ``format_type`` prints it; ``""`` when it is not known."""
        name, qualifier = folded(column.this), folded(column.args.get("table"))
        for source in self.visible(scope):
            if qualifier and source.alias != qualifier:
                continue
            if source.columns is None:
                return ""
            if name in source.columns:
                return source.columns[name]
        return ""

    def column(self, column: exp.Column, scope: Scope) -> Column | None:
        """The snapshot's column behind a column of the statement; None when it is computed or unknown."""
        name, qualifier = folded(column.this), folded(column.args.get("table"))
        for source in self.visible(scope):
            if source.table is not None and (not qualifier or source.alias == qualifier):
                found = source.table.column(name)
                if found is not None:
                    return found
        return None

    def _source(self, alias: str, node: exp.Expr, source: exp.Expr | Scope) -> Source:
        if isinstance(source, Scope):
            return Source(alias, None, self._outputs(source, node))
        if isinstance(source, exp.Table) and isinstance(source.this, exp.Identifier):
            table = self.table(source)
            renamed = source.args.get("alias")
            if table is not None and not (renamed and renamed.args.get("columns")):
                return Source(alias, table, {column.name: column.type for column in table.columns})
        return Source(alias, None, None)

    def _outputs(self, scope: Scope, node: exp.Expr) -> dict[str, str] | None:
        """The columns that a subquery or common table expression gives."""
        alias = node.args.get("alias")
        with_names = scope.expression.parent if isinstance(scope.expression.parent, exp.CTE) else None
        cte_alias = with_names.args.get("alias") if with_names else None
        if any(given and given.args.get("columns") for given in (alias, cte_alias)):
            return None
        if not isinstance(scope.expression, exp.Select):
            first = next((inner for inner in self.scopes if inner.expression is scope.expression.this), None)
            return self._outputs(first, node) if first else None
        given_columns: dict[str, str] = {}
        for item in scope.expression.selects:
            if isinstance(item, exp.Star) or (
                isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
            ):
                qualifier = folded(item.args.get("table")) if isinstance(item, exp.Column) else ""
                for inner in self.sources(scope):
                    if qualifier and inner.alias != qualifier:
                        continue
                    if inner.columns is None:
                        return None
                    given_columns.update(inner.columns)
                continue
            name = output_name(item)
            inner_item = item.unalias()
            kind = self.type_of(inner_item, scope) if isinstance(inner_item, exp.Column) else ""
            given_columns[name] = kind
        return given_columns


def folded(identifier: exp.Expr | str | None) -> str:
    """A name as PostgreSQL stores it: lower case, unless it is quoted. ``""`` for none."""
    if identifier is None:
        return ""
    if isinstance(identifier, exp.Identifier):
        return str(identifier.this) if identifier.quoted else str(identifier.this).lower()
    return identifier.lower() if isinstance(identifier, str) else str(identifier.name)


def output_name(item: exp.Expr) -> str:
    """The name that a select item's column gets; PostgreSQL names unaliased calls after the function."""
    if isinstance(item, exp.Alias):
        return folded(item.args["alias"])
    if isinstance(item, exp.Column):
        return folded(item.this)
    if isinstance(item, exp.Cast):
        return output_name(item.this)
    if isinstance(item, exp.Func):
        return str(item.name if isinstance(item, exp.Anonymous) else item.sql_name()).lower()
    return "?column?"


def _alias(key: str, node: exp.Expr) -> str:
    """The name by which columns refer to a source, as PostgreSQL folds it."""
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and isinstance(alias.this, exp.Identifier):
        return folded(alias.this)
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return folded(node.this)
    return key.lower()


def _merged(column: exp.Column, name: str, scope: Scope) -> bool:
    """Whether USING or NATURAL makes one column of several of this name."""
    for join in scope.expression.args.get("joins") or ():
        if join.method == "NATURAL" or name in {folded(used) for used in join.args.get("using") or ()}:
            return True
    return False


def is_output_of_subquery(column: exp.Column, scope: Scope) -> bool:
    """Whether a subquery gives, groups by or aggregates this bare column: taken from the query around it, it
    would be the same in every row, which nobody means (``IN (SELECT hotel_id FROM reviews …)``)."""
    select = scope.expression
    if not scope.is_subquery or not isinstance(select, exp.Select):
        return False
    if any(item.unalias() is column for item in select.selects) or isinstance(column.parent, exp.Group):
        return True
    return column.find_ancestor(exp.AggFunc, exp.Select) is not select


def is_output_alias(column: exp.Column, scope: Scope) -> bool:
    """Whether ORDER BY or GROUP BY may mean a select item's name here."""
    if column.args.get("table") or column.find_ancestor(exp.Order, exp.Group) is None:
        return False
    expression = scope.expression
    names = {output_name(item) for item in expression.selects} if isinstance(expression, exp.Query) else set()
    return folded(column.this) in names


def identifier(name: str) -> exp.Identifier:
    """A name as it must be written: quoted only when folding would change it."""
    return exp.to_identifier(name, quoted=not (name.replace("_", "a").isalnum() and name == name.lower()))


def conjuncts(condition: exp.Expr) -> list[exp.Expr]:
    """The conditions that AND joins, as they stand; brackets are looked through by ``conditions_of``."""
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def without_tables(node: exp.Expr) -> str:
    """An expression without the tables of its columns, so that those of two queries can be compared."""
    copy = node.copy()
    for column in copy.find_all(exp.Column):
        column.set("table", None)
        column.set("this", exp.to_identifier(folded(column.this)))
    return copy.sql(dialect="postgres")


def known_values(column: Column) -> tuple[list[str], bool]:
    """Values that the column is known to hold, and whether these are all."""
    if column.masked:
        return [], False
    everything = column.enum_values or column.values
    return (everything, True) if everything else (column.samples, False)


def conditions_of(query: exp.Expr) -> list[exp.Expr]:
    """What WHERE asks of every row, one by one, however it is bracketed; nothing without a WHERE."""
    where = query.args.get("where")
    found: list[exp.Expr] = []
    left = [where.this] if where is not None else []
    while left:
        one = left.pop()
        if isinstance(one, exp.Paren):
            left.append(one.this)
        elif isinstance(one, exp.And):
            left += [one.expression, one.this]
        else:
            found.append(one)
    return found


def held_texts(tests: Iterable[exp.Expr]) -> Iterator[tuple[exp.Binary, exp.Column, exp.Literal]]:
    """Those comparisons that hold a column against a written text, with both."""
    for test in list(tests):
        column, literal = test.this, test.args.get("expression")
        if (
            isinstance(test, exp.Binary)
            and isinstance(column, exp.Column)
            and isinstance(literal, exp.Literal)
            and literal.is_string
        ):
            yield test, column, literal


def is_integer(type_name: str) -> bool:
    """Whether values of this type divide without a remainder."""
    return type_name.lower() in {"smallint", "integer", "bigint"}


def is_text(type_name: str) -> bool:
    """Whether values of this type are strings."""
    return type_family(type_name) == "text"
