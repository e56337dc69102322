"""What a statement grows into: expressions that the planner copies, values that calls build of one another.

A column of a subquery that the planner pulls up is copied to wherever it is named. ``SELECT a + a AS a`` over
``SELECT a + a AS a``, thirty deep, is a line of text and a billion nodes: PostgreSQL is gone while it plans,
deaf to every timeout, until its machine's memory is. Values grow in the same way from one level to the next,
and all that one row is made of is held until the row is done. So both are followed from query to query, over
the text that will run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from postgast import pg_query_pb2 as pb

from agent.sandbox.catalog import Catalog
from agent.sandbox.cells import MAX_VALUE, CteColumns, Ctes, Expressed
from agent.sandbox.columns import (
    COLUMN,
    FIELDS,
    SMALL,
    TABLE_COLUMN,
    Cell,
    Columns,
    Item,
    Level,
    column_of,
    is_star,
    is_star_of,
    joined,
    renamed,
    sealed,
    starred,
    traits_of,
)
from agent.sandbox.kinds import Kinds
from agent.sandbox.naming import output_name
from agent.sandbox.pullup import FLOATS, arms_of, casts_to, in_order, stays, times_named
from agent.sandbox.shape import children, unwrap
from agent.sandbox.sizes import (
    ROWS_COUNTED,
    series_rows,
)
from agent.sandbox.verdict import Refusal

PROBED = 1_000
"""Characters that a recursion's columns are taken to have, to see what a round makes of them."""
EXPONENTIAL = 20_000
"""Digits of a column that a recursion multiplies by itself."""
LITERAL = 8_192
"""Characters of a literal at most in a statement whose verdict is taken over to others."""
FREE = MAX_VALUE // LITERAL
"""Characters below which no literal makes it too many."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a statement grows into, as far as its text tells."""

    by_literals: bool = False
    """With longer literals it might be refused."""
    gathers: int = 0
    """Characters that a row adds, table columns taken as short, to what an aggregate holds of all its rows;
    0 where none does. How many rows there are, only the planner can guess."""
    compares: bool = False
    """What was gathered is compared with what was gathered, each part with each."""
    arrays: bool = False
    """Arrays are made of subqueries, each of all its rows."""


def check_growth(select: Any, catalog: Catalog) -> Growth:
    """Refuse what grows beyond bounds, and tell what depends on more than the text.

    Args:
        select: the tree of the text that will run, as it was read back.
        catalog: what types its tables' columns have.

    Raises:
        Refusal: it grows beyond what the planner, or one row, may come to.
    """
    kinds = Kinds(catalog)
    walk = _Growth(kinds)
    walk.query(select, None, {})
    if walk.characters < FREE:
        return Growth(False, walk.gathers, walk.compares, walk.arrays)
    try:
        _Growth(kinds, LITERAL).query(select, None, {})
    except Refusal:
        return Growth(True, walk.gathers, walk.compares, walk.arrays)
    return Growth(False, walk.gathers, walk.compares, walk.arrays)


class _Growth(Expressed):
    """A walk from the innermost query outwards."""

    def query(self, select: Any, outer: Level | None, ctes: Ctes) -> Columns:
        """A query's columns, and what they stand for to those who read from it."""
        if select.HasField("with_clause"):
            ctes = self._with(select.with_clause, select, outer, ctes)
        if select.op != pb.SETOP_NONE:
            left = self.query(select.larg, outer, ctes)
            right = self.query(select.rarg, outer, ctes)
            both = joined(left, right)
            plain = select.op == pb.SETOP_UNION and select.all and not select.sort_clause
            return both if plain else sealed(both)
        level, before = Level(outer), self.nodes
        if select.values_lists:
            rows = [
                [self._expression(value, level, ctes) for value in row.list.items]
                for row in select.values_lists
            ]
            if len(rows) == 1:
                return [(f"column{place + 1}", cell) for place, cell in enumerate(rows[0])]
            return [
                (f"column{place + 1}", Cell(1, max(cell.size for cell in column), traits_of(column)))
                for place, column in enumerate(zip(*rows, strict=False))
            ]
        for node in select.from_clause:
            self._from(node, level, ctes)
        rows_made = 1
        for item in level.items:
            rows_made = min(ROWS_COUNTED, rows_made * item.rows)
        columns: Columns = []
        for node in select.target_list:
            target = node.res_target
            value = unwrap(target.val)
            if value is not None and value.DESCRIPTOR.name == "ColumnRef" and is_star(value):
                columns.extend(starred(value, level))
                continue
            if value is not None and value.DESCRIPTOR.name == "A_Indirection" and is_star_of(value):
                columns.append((FIELDS, self._expression(target.val, level, ctes, rows_made)))
                continue
            if value is not None and value.DESCRIPTOR.name == "ColumnRef":
                columns.append((target.name or value.fields[-1].string.sval, column_of(value, level)))
                self._count(columns[-1][1].nodes)
                continue
            columns.append((output_name(target), self._expression(target.val, level, ctes, rows_made)))
        for part in ("where_clause", "having_clause", "limit_offset", "limit_count"):
            if select.HasField(part):
                self._expression(getattr(select, part), level, ctes, rows_made)
        for part in ("sort_clause", "group_clause", "distinct_clause", "window_clause"):
            for node in getattr(select, part):
                self._expression(node, level, ctes, rows_made)
        self._count((self.nodes - before) * (level.arms - 1))
        copied = any(cell.nodes > 1 for _, cell in columns)
        return sealed(columns) if copied and stays(select) else columns

    def _with(self, clause: Any, select: Any, outer: Level | None, ctes: Ctes) -> Ctes:
        inner = dict(ctes)
        for cte in in_order(clause):
            aliases = [part.string.sval for part in cte.aliascolnames]
            query = cte.ctequery.select_stmt
            # WITH RECURSIVE is said of all; only those that read from themselves are computed by themselves.
            recursive = clause.recursive and times_named(cte.ctename, [query]) > 0
            if recursive:
                columns = self._recursive(cte.ctename, query, aliases, outer, inner)
            else:
                columns = renamed(self.query(query, outer, inner), aliases)
            others = [other.common_table_expr for other in clause.ctes]
            places = [other.ctequery for other in others if other.location != cte.location]
            places += [part for part in children(select) if part.DESCRIPTOR.name != "WithClause"]
            kept = recursive or cte.ctematerialized == pb.CTEMaterializeAlways
            if kept or times_named(cte.ctename, places) > 1:
                columns = sealed(columns)
            inner[cte.ctename] = CteColumns(columns)
        return inner

    def _recursive(
        self, name: str, query: Any, aliases: list[str], outer: Level | None, ctes: Ctes
    ) -> Columns:
        entry = CteColumns()
        if query.op == pb.SETOP_NONE or query.HasField("with_clause"):
            return renamed(self.query(query, outer, ctes), aliases)
        first = renamed(self.query(query.larg, outer, ctes), aliases)
        entry.columns = [(column, Cell(1, PROBED, cell.traits)) for column, cell in first]
        before = self.characters
        again = self.query(query.rarg, outer, {**ctes, name: entry})
        made = self.characters - before
        floats = casts_to(FLOATS, query)
        if any(later.size >= 2 * PROBED for _, later in again):
            self._check_rounds(name, query, entry, again, made, outer, ctes)
        columns = [
            (
                column,
                Cell(
                    1,
                    EXPONENTIAL if later.size >= 2 * PROBED and not floats else cell.size + PROBED,
                    cell.traits | later.traits,
                ),
            )
            for (column, cell), (_, later) in zip(first, again, strict=False)
        ]
        if any(cell.size == EXPONENTIAL for _, cell in columns):
            # Once more with what they grow to, for the work of its later rounds.
            entry.columns = columns
            self.query(query.rarg, outer, {**ctes, name: entry})
        return columns

    def _check_rounds(
        self,
        name: str,
        query: Any,
        entry: CteColumns,
        again: Columns,
        made: int,
        outer: Level | None,
        ctes: Ctes,
    ) -> None:
        """Refuse a recursion that makes of a text, an array or JSON one that is as long again, each round.

        A round that adds to a text adds as much the next time; one that doubles it adds twice as much.

        Args:
            again: the columns after the first round that was looked at.
            made: characters that it built.
        """
        columns, nodes, characters = entry.columns, self.nodes, self.characters
        rounds = [made]
        for _ in range(2):
            entry.columns = [(column, later) for (column, _), (_, later) in zip(columns, again, strict=False)]
            start = self.characters
            again = self.query(query.rarg, outer, {**ctes, name: entry})
            rounds.append(self.characters - start)
        entry.columns, self.nodes, self.characters = columns, nodes, characters
        first, second, third = rounds
        if second - first >= PROBED // 2 and third - second >= 1.5 * (second - first):
            raise Refusal(
                "bounds",
                "grows",
                "The recursion doubles a value each round, so that it outgrows the server.",
                "Add to the value in each round, or stop the rounds by a counter and build it afterwards.",
            )

    def _from(self, node: Any, level: Level, ctes: Ctes) -> None:
        value = unwrap(node)
        kind = value.DESCRIPTOR.name
        if kind == "JoinExpr":
            before = len(level.items)
            self._from(value.larg, level, ctes)
            self._from(value.rarg, level, ctes)
            if value.HasField("quals"):
                self._expression(value.quals, level, ctes)
            if value.HasField("alias") and value.alias.aliasname:
                below = level.items[before:]
                columns = [column for item in below for column in item.columns]
                names = [part.string.sval for part in value.alias.colnames]
                if names:
                    # USING has merged some, so that which of them has which name is not known here.
                    columns.append((FIELDS, TABLE_COLUMN))
                level.items[before:] = [Item(value.alias.aliasname, renamed(columns, names))]
            return
        names = [part.string.sval for part in value.alias.colnames] if hasattr(value, "alias") else []
        alias = value.alias.aliasname if hasattr(value, "alias") else ""
        if kind == "RangeSubselect":
            outer = level if value.lateral else level.outer
            level.arms += arms_of(value.subquery.select_stmt) - 1
            level.items.append(
                Item(alias, renamed(self.query(value.subquery.select_stmt, outer, ctes), names))
            )
        elif kind == "RangeVar" and not value.schemaname and value.relname in ctes:
            cte = ctes[value.relname]
            level.items.append(Item(alias or value.relname, renamed(cte.columns, names)))
        elif kind == "RangeFunction":
            rows, cells = 1, list[Cell]()
            for function in value.functions:
                call = unwrap(function.list.items[0])
                cells.append(self._expression(function.list.items[0], level, ctes))
                rows = max(rows, series_rows(call))
            size, traits = max((cell.size for cell in cells), default=COLUMN), traits_of(cells)
            if rows > 1:
                size = SMALL
            traits |= self._defined(value)
            columns = [(name, Cell(1, size, traits)) for name in (*(names or [alias]), FIELDS)]
            item = Item(alias, columns, rows)
            level.items.append(item)
        else:
            if kind == "RangeTableSample":
                inner = value.relation.range_var
                alias = inner.alias.aliasname or inner.relname
                names = [part.string.sval for part in inner.alias.colnames]
                columns = self.kinds.of_relation(inner.schemaname, inner.relname, names)
            elif kind == "RangeVar":
                alias = alias or value.relname
                columns = self.kinds.of_relation(value.schemaname, value.relname, names)
            else:  # JSON_TABLE
                document = self._below(value, level, ctes, 1)
                cell = TABLE_COLUMN._replace(traits=document.traits)
                columns = [(name, cell) for name in (*names, FIELDS)]
            level.items.append(Item(alias, columns))

    def _defined(self, function: Any) -> int:
        """What is true of some column of ``AS x(a int, b tsquery)``, or of a type named besides."""
        found, waiting = 0, [function]
        while waiting:
            value = unwrap(waiting.pop())
            if value is None:
                continue
            if value.DESCRIPTOR.name == "TypeName":
                found |= self.kinds.of_type(value)
            waiting.extend(children(value))
        return found
