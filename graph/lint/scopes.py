"""Which relation and column each name of a query means, by PostgreSQL's rules of visibility.

A frame is what one SELECT sees: its FROM items, and beyond them the frames of the queries around it. Columns
of a relation that is not known here (a function's rows, a table outside the snapshot) are *open*: any name
might be theirs, so nothing is said about names that could be.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from wire.policy import SYSTEM_SCHEMAS
from wire.snapshot import SchemaSnapshot, Table

Names = tuple[str, ...]
Standing = Literal["known", "unknown", "ambiguous", "no_source", "open"]

SYSTEM_COLUMNS = frozenset({"tableoid", "ctid", "xmin", "xmax", "cmin", "cmax"})
_WORDS = frozenset(
    """
    user current_user session_user current_role current_catalog current_schema localtime localtimestamp
    current_date current_time current_timestamp default system_user
    """.split()  # noqa: SIM905 - a list of words, not of quotes
)
"""Bare words that PostgreSQL reads as functions although they look like columns."""


@dataclass(slots=True)
class Source:
    """A FROM item under the name by which the query calls it."""

    name: str
    columns: Names | None
    """None: open."""
    table: Table | None = None
    """The snapshot's table when it is one as it stands."""


@dataclass(slots=True)
class Frame:
    """What one SELECT sees."""

    outer: "Frame | None"
    sources: list[Source] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)
    """Columns that USING made one."""
    natural: bool = False
    outputs: frozenset[str] = frozenset()
    """Names of the select list, which ORDER BY, GROUP BY and DISTINCT ON may use."""

    def source(self, name: str) -> Source | None:
        """The nearest FROM item of this name, here or further out."""
        found = next((source for source in self.sources if source.name == name), None)
        return found or (self.outer.source(name) if self.outer else None)


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table name in FROM that is no CTE."""

    node: exp.Table
    schema_name: str | None
    name: str
    table: Table | None
    """None when the snapshot has no such table where PostgreSQL would look."""
    system: bool
    """It names, or would find, a system catalog."""


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column name."""

    node: exp.Expr
    name: str
    qualifier: str | None
    standing: Standing
    table: Table | None = None
    """Whose column it is, when that is a table's."""
    candidates: tuple[Source, ...] = ()
    """The FROM items it was looked for in, or is ambiguous between."""


@dataclass(slots=True)
class Resolution:
    """Every name of a query, resolved."""

    tables: list[TableRef] = field(default_factory=list)
    columns: list[ColumnRef] = field(default_factory=list)
    whole_rows: list[tuple[exp.Expr, Table]] = field(default_factory=list)
    """``*``, ``t.*`` and ``t`` as a value."""


def resolve(tree: exp.Expr | None, snapshot: SchemaSnapshot) -> Resolution:
    """Resolve a whole statement; one that is no query resolves to nothing."""
    resolver = _Resolver(snapshot)
    if isinstance(tree, exp.Query | exp.Values):
        resolver.query(tree, {}, None)
    return resolver.found


def name_of(identifier: exp.Expr | str | None) -> str:
    """The name as PostgreSQL stores it: folded to lower case unless it was quoted."""
    if isinstance(identifier, exp.Identifier):
        return str(identifier.this) if identifier.args.get("quoted") else str(identifier.this).lower()
    return str(identifier.name if isinstance(identifier, exp.Expr) else identifier or "").lower()


Ctes = Mapping[str, Names | None]


class _Resolver:
    def __init__(self, snapshot: SchemaSnapshot) -> None:
        self.snapshot = snapshot
        self.found = Resolution()

    # --- queries ---------------------------------------------------------------------------------------

    def query(self, node: exp.Expr, ctes: Ctes, outer: Frame | None) -> Names | None:
        """Resolve a query; return the names of its columns."""
        ctes = self._with(node, ctes, outer)
        if isinstance(node, exp.Select):
            return self._select(node, ctes, outer)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, ctes, outer)
        if isinstance(node, exp.Subquery):
            return self._parenthesis(node, ctes, outer)
        if isinstance(node, exp.Values):
            return self._values(node, ctes, outer)
        return None

    def _with(self, node: exp.Expr, ctes: Ctes, outer: Frame | None) -> Ctes:
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        visible = dict(ctes)
        recursive = bool(clause.args.get("recursive"))
        if recursive:
            # Also forward references: PostgreSQL sorts the queries of WITH RECURSIVE by itself.
            aliases = [cte.args["alias"] for cte in clause.expressions]
            visible |= {name_of(alias.this): _listed(alias) or None for alias in aliases}
        for cte in clause.expressions:
            alias = cte.args["alias"]
            columns = self.query(cte.this, visible, outer)
            visible[name_of(alias.this)] = _renamed(columns, _listed(alias))
            if clause.args.get("search") or cte.args.get("search") or cte.args.get("cycle"):
                visible[name_of(alias.this)] = None
        return visible

    def _select(self, node: exp.Select, ctes: Ctes, outer: Frame | None) -> Names | None:
        frame = Frame(outer)
        clause = node.args.get("from_")
        joins: list[exp.Join] = list(node.args.get("joins") or [])
        if clause is not None:
            self._from_item(clause.this, frame, ctes)
        self._joins(joins, frame, ctes)
        for lateral in node.args.get("laterals") or []:
            self._from_item(lateral, frame, ctes)
        outputs = self._outputs(node.expressions, frame)
        frame.outputs = frozenset(outputs or [name for item in node.expressions if (name := _alias(item))])
        for key, value in node.args.items():
            if key in ("with_", "from_", "joins", "laterals"):
                continue
            by_output = key in ("order", "group", "distinct")
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, exp.Expr):
                    self._visit(child, frame, ctes, by_output=by_output)
        return outputs

    def _set_operation(self, node: exp.SetOperation, ctes: Ctes, outer: Frame | None) -> Names | None:
        left = self.query(node.this, ctes, outer)
        self.query(node.expression, ctes, outer)
        frame = Frame(outer, [Source("", left)], outputs=frozenset(left or ()))
        for key in ("order", "limit", "offset"):
            if isinstance(clause := node.args.get(key), exp.Expr):
                self._visit(clause, frame, ctes, by_output=True)
        return left

    def _parenthesis(self, node: exp.Subquery, ctes: Ctes, outer: Frame | None) -> Names | None:
        if isinstance(node.this, exp.Query | exp.Values) and not isinstance(node.this, exp.Table):
            columns = self.query(node.this, ctes, outer)
        else:
            columns = None
        frame = Frame(outer, [Source("", columns)], outputs=frozenset(columns or ()))
        for key in ("order", "limit", "offset"):
            if isinstance(clause := node.args.get(key), exp.Expr):
                self._visit(clause, frame, ctes, by_output=True)
        return columns

    def _values(self, node: exp.Values, ctes: Ctes, outer: Frame | None) -> Names | None:
        for row in node.expressions:
            self._visit(row, Frame(outer), ctes)
        width = len(node.expressions[0].expressions) if node.expressions else 0
        return tuple(f"column{place}" for place in range(1, width + 1))

    # --- FROM ------------------------------------------------------------------------------------------

    def _joins(self, joins: Iterable[exp.Join], frame: Frame, ctes: Ctes) -> None:
        for join in joins:
            before = list(frame.sources)
            self._from_item(join.this, frame, ctes)
            if str(join.args.get("method") or "").upper() == "NATURAL":
                frame.natural = True
            for identifier in join.args.get("using") or []:
                self._using(identifier, before, frame)
        for join in joins:
            if isinstance(condition := join.args.get("on"), exp.Expr):
                self._visit(condition, frame, ctes)

    def _using(self, identifier: exp.Expr, before: list[Source], frame: Frame) -> None:
        name = name_of(identifier.this if isinstance(identifier, exp.Column) else identifier)
        frame.merged.add(name)
        joined = frame.sources[len(before) :]
        for side in (before, joined):
            if side and all(source.columns is not None and name not in source.columns for source in side):
                self._add(identifier, name, None, "unknown", candidates=tuple(side))
                return
        for source in (*before, *joined):
            if source.table is not None and source.columns is not None and name in source.columns:
                self._add(identifier, name, None, "known", source.table)

    def _from_item(self, item: exp.Expr, frame: Frame, ctes: Ctes) -> None:
        alias = item.args.get("alias")
        called = name_of(alias.this) if isinstance(alias, exp.TableAlias) and alias.this else ""
        listed = _listed(alias) if isinstance(alias, exp.TableAlias) else ()
        if isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier):
            frame.sources.append(self._table(item, called, listed, ctes))
        elif isinstance(item, exp.Subquery) and isinstance(item.this, exp.Table):
            # A join in brackets: its tables stay visible unless the bracket has a name of its own.
            inner = Frame(frame.outer) if called else frame
            self._from_item(item.this, inner, ctes)
            self._joins(item.args.get("joins") or [], inner, ctes)
            if called:
                frame.sources.append(Source(called, None))
                return
        elif isinstance(item, exp.Subquery | exp.Values):
            columns = self.query(item, ctes, frame.outer)
            frame.sources.append(Source(called, _renamed(columns, listed)))
        elif isinstance(item, exp.Lateral) and isinstance(item.this, exp.Subquery):
            columns = self.query(item.this, ctes, frame)
            frame.sources.append(Source(called, _renamed(columns, listed)))
        else:
            # A function's rows. Its arguments see the FROM items beside it.
            inner_item = item.this if isinstance(item, exp.Table | exp.Lateral) else item
            for child in (inner_item, *(item.args.get("expressions") or [])):
                if isinstance(child, exp.Expr):
                    self._visit(child, frame, ctes)
            series = isinstance(inner_item, exp.ExplodingGenerateSeries | exp.GenerateSeries)
            columns = (listed or (called,)) if series and called else None
            frame.sources.append(Source(called or _function_name(inner_item), columns))
        self._joins(item.args.get("joins") or [], frame, ctes)

    def _table(self, node: exp.Table, called: str, listed: Names, ctes: Ctes) -> Source:
        name = name_of(node.this)
        schema_node = node.args.get("db")
        schema_name = name_of(schema_node) if schema_node is not None else None
        if schema_name is None and name in ctes:
            return Source(called or name, _renamed(ctes[name], listed))
        table = self._look_up(schema_name, name)
        system = schema_name in SYSTEM_SCHEMAS or (
            table is None and schema_name is None and name.startswith("pg_")
        )
        self.found.tables.append(TableRef(node, schema_name, name, table, system))
        if table is None:
            return Source(called or name, None)
        columns = _renamed(tuple(column.name for column in table.columns), listed)
        return Source(called or name, columns, None if listed else table)

    def _look_up(self, schema_name: str | None, name: str) -> Table | None:
        if schema_name is not None:
            return self.snapshot.table(schema_name, name)
        places = (self.snapshot.table(schema, name) for schema in self.snapshot.search_path)
        return next((table for table in places if table is not None), None)

    # --- expressions -----------------------------------------------------------------------------------

    def _visit(self, node: exp.Expr, frame: Frame, ctes: Ctes, *, by_output: bool = False) -> None:
        """Resolve the names of an expression. ``by_output``: a bare name may mean one of the select list."""
        stack: list[tuple[exp.Expr, bool]] = [(node, by_output)]
        while stack:
            each, outputs_seen = stack.pop()
            if isinstance(each, exp.Query | exp.Values):
                self.query(each, ctes, frame)
                continue
            if isinstance(each, exp.Column):
                self._column(each, frame, outputs_seen)
                continue
            if isinstance(each, exp.Star):
                self._star(each, frame.sources)
                continue
            # Only a name that stands alone in its clause can be an output's; inside an expression it cannot.
            still = outputs_seen and isinstance(
                each,
                exp.Order | exp.Ordered | exp.Group | exp.Distinct | exp.Tuple | exp.Paren
                | exp.Cube | exp.Rollup | exp.GroupingSets,
            )  # fmt: skip
            for key, value in each.args.items():
                if key == "this" and isinstance(each, exp.Kwarg | exp.PropertyEQ):
                    continue
                if isinstance(each, exp.Count) and isinstance(value, exp.Star):
                    continue
                children = value if isinstance(value, list) else (value,)
                stack.extend((child, still) for child in children if isinstance(child, exp.Expr))

    def _column(self, node: exp.Column, frame: Frame, by_output: bool) -> None:
        qualifier_node = node.args.get("table")
        if isinstance(node.this, exp.Star):
            source = frame.source(name_of(qualifier_node)) if qualifier_node is not None else None
            self._star(node, [source] if source else [])
            if qualifier_node is not None and source is None and node.args.get("db") is None:
                self._add(node, "*", name_of(qualifier_node), "no_source", candidates=_all(frame))
            return
        name = name_of(node.this)
        if qualifier_node is not None:
            self._qualified(node, name, name_of(qualifier_node), frame)
        elif not (by_output and name in frame.outputs):
            self._bare(node, name, frame)

    def _qualified(self, node: exp.Column, name: str, qualifier: str, frame: Frame) -> None:
        source = frame.source(qualifier)
        if source is None:
            # ``schema.table.column`` and ``(composite).field`` come here too; only the plain case is certain.
            standing: Standing = "no_source" if node.args.get("db") is None else "open"
            self._add(node, name, qualifier, standing, candidates=_all(frame))
        elif source.columns is None or name in SYSTEM_COLUMNS:
            self._add(node, name, qualifier, "open")
        elif name in source.columns:
            self._add(node, name, qualifier, "known", source.table)
        else:
            self._add(node, name, qualifier, "unknown", candidates=(source,))

    def _bare(self, node: exp.Column, name: str, frame: Frame) -> None:
        if name in SYSTEM_COLUMNS or (name in _WORDS and not node.this.args.get("quoted")):
            return
        level: Frame | None = frame
        while level is not None:
            having = [source for source in level.sources if source.columns and name in source.columns]
            if len(having) > 1 and name not in level.merged and not level.natural:
                self._add(node, name, None, "ambiguous", candidates=tuple(having))
                return
            if having:
                for source in having:
                    self._add(node, name, None, "known", source.table)
                return
            if any(source.columns is None for source in level.sources):
                self._add(node, name, None, "open")
                return
            level = level.outer
        whole = frame.source(name)
        if whole is not None:
            self._star(node, [whole])
            return
        self._add(node, name, None, "unknown", candidates=_all(frame))

    def _star(self, node: exp.Expr, sources: Iterable[Source]) -> None:
        self.found.whole_rows += [(node, source.table) for source in sources if source.table is not None]

    def _add(
        self,
        node: exp.Expr,
        name: str,
        qualifier: str | None,
        standing: Standing,
        table: Table | None = None,
        candidates: tuple[Source, ...] = (),
    ) -> None:
        self.found.columns.append(ColumnRef(node, name, qualifier, standing, table, candidates))

    def _outputs(self, items: Iterable[exp.Expr], frame: Frame) -> Names | None:
        """The names of a select list; None when one of them cannot be told."""
        names: list[str] = []
        for item in items:
            starred: list[Source] | None = None
            if isinstance(item, exp.Star):
                starred = frame.sources
            elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
                source = frame.source(name_of(item.args.get("table")))
                starred = [source] if source else [Source("", None)]
            if starred is None:
                if not (name := _alias(item)):
                    return None
                names.append(name)
                continue
            for source in starred:
                if source.columns is None:
                    return None
                names += source.columns
        return tuple(names)


def _alias(item: exp.Expr) -> str:
    """The name that PostgreSQL gives a select item; ``""`` when we cannot tell."""
    if isinstance(item, exp.Alias):
        return name_of(item.args["alias"])
    if isinstance(item, exp.Column):
        return name_of(item.this)
    if isinstance(item, exp.Cast) and isinstance(item.this, exp.Column):
        return name_of(item.this.this)
    return ""


def _function_name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    return "generate_series" if isinstance(node, exp.ExplodingGenerateSeries) else "unnest"


def _listed(alias: exp.TableAlias) -> Names:
    """The column names that an alias lists: ``AS t(a, b)``."""
    return tuple(
        name_of(column.this if isinstance(column, exp.ColumnDef) else column)
        for column in alias.args.get("columns") or []
    )


def _renamed(columns: Names | None, listed: Names) -> Names | None:
    """Columns after an alias renamed the first of them."""
    if columns is None:
        # The list may be shorter than the relation is wide.
        return None
    return (*listed, *columns[len(listed) :])


def _all(frame: Frame) -> tuple[Source, ...]:
    return (*frame.sources, *(_all(frame.outer) if frame.outer else ()))
