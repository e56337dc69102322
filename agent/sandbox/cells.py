"""What an expression stands for: nodes that the planner copies, and the size of what it comes to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from postgast import pg_query_pb2 as pb

from agent.sandbox.bounds import constant_int, looks_into
from agent.sandbox.columns import (
    GATHERED,
    JOINING,
    OUTLINED,
    SMALL,
    Cell,
    Columns,
    Level,
    column_of,
    traits_of,
)
from agent.sandbox.kinds import JOINING_OPERATORS, OUTLINE_OPERATORS, TRUTHS, Kinds
from agent.sandbox.pullup import FOUR_TIMES, copies
from agent.sandbox.shape import children, unwrap
from agent.sandbox.sizes import (
    GATHERING,
    MAKING,
    NUMBERS,
    PAIRING,
    PAIRING_FUNCTIONS,
    POPULATING,
    QUOTING,
    SHORT,
    result_size,
)
from agent.sandbox.verdict import Refusal
from agent.sandbox.vocabulary import words

MAX_NODES_COPIED = 100_000
"""Nodes of all expressions once every column stands for what it is. 260,000 took a server 1.5 s to plan."""
MAX_VALUE = 50_000_000
"""Characters of all values that the calls of a statement build in one row, as far as they can be told."""
MAX_DIGIT_WORK = 20_000_000_000
"""Products of the digits of numbers that are multiplied or divided: some 0.6 s, in which nothing stops it."""
MAX_COMPARISONS = 500_000_000
"""Pairs of elements, or characters, that one step compares: some seconds, in which nothing stops it."""

_PLAIN_TYPES = words("""
    int2 int4 int8 float4 float8 bool date time timetz timestamp timestamptz interval uuid money oid
    inet cidr integer int smallint bigint boolean
""")
_NUMERIC = words("div exp gcd lcm ln log mod pow power sqrt")
"""Functions whose work grows with the digits that they are given."""


@dataclass(slots=True)
class CteColumns:
    columns: Columns = field(default_factory=list)


Ctes = dict[str, CteColumns]


class Expressed(ABC):
    """A walk's sums, and how it adds expressions to them."""

    def __init__(self, kinds: Kinds, literal: int = 0) -> None:
        self.kinds = kinds
        self.literal = literal
        """Characters that a text has at least, where no rule has looked at it."""
        self.nodes = 0
        self.characters = 0
        self.digits = 0
        self.comparisons = 0
        self.gathers = 0
        self.compares = False
        self.arrays = False

    @abstractmethod
    def query(self, select: Any, outer: Level | None, ctes: Ctes) -> Columns:
        """A query's columns, and what they stand for to those who read from it."""

    def _expression(self, node: Any, level: Level, ctes: Ctes, rows: int = 1) -> Cell:
        """What an expression stands for; counted."""
        cell = self._cell(node, level, ctes, rows)
        self._count(cell.nodes)
        return cell

    def _count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES_COPIED:
            raise Refusal(
                "bounds",
                "grows",
                "The statement's columns are made of one another so often that it cannot be planned.",
                "Name a column of a subquery less often, or make the CTE that computes it AS MATERIALIZED.",
            )

    def _cell(self, node: Any, level: Level, ctes: Ctes, rows: int) -> Cell:
        value = unwrap(node)
        if value is None:
            return Cell(0, 0)
        kind = value.DESCRIPTOR.name
        if kind == "ColumnRef":
            return column_of(value, level)
        if kind == "A_Const":
            return Cell(
                1,
                (max(len(value.sval.sval), self.literal) if value.WhichOneof("val") == "sval" else 0)
                or len(value.fval.fval)
                or 1,
            )
        if kind in ("SubLink", "SelectStmt"):
            return self._subquery(value, level, ctes, rows)
        if kind == "FuncCall":
            return self._call(value, level, ctes, rows)
        if kind == "TypeCast":
            return self._cast(value, level, ctes, rows)
        if kind == "A_Expr":
            return self._operation(value, level, ctes, rows)
        if kind in ("CaseExpr", "CaseWhen", "CoalesceExpr", "MinMaxExpr"):
            # One of these is the value; counting a condition among them does no harm.
            cells = [self._cell(child, level, ctes, rows) for child in children(value)]
            largest = max(cell.size for cell in cells)
            return Cell(1 + sum(cell.nodes for cell in cells), largest, traits_of(cells))
        below = self._below(value, level, ctes, rows)
        size, traits = below.size, below.traits
        if kind in ("BoolExpr", "NullTest", "BooleanTest", "SQLValueFunction"):
            size, traits = 1, 0
        elif kind in ("RowExpr", "A_ArrayExpr") or kind.startswith("Json"):
            size = self._made(2 * size)  # quotes within quotes, once it is text
            traits |= JOINING if kind == "A_ArrayExpr" else 0
        elif kind == "TypeName":
            traits |= self.kinds.of_type(value)
        if kind in ("JsonArrayAgg", "JsonObjectAgg"):
            self.gathers, traits = max(self.gathers, size, 1), traits | GATHERED
        return Cell(1 + below.nodes, size, traits)

    def _below(self, value: Any, level: Level, ctes: Ctes, rows: int) -> Cell:
        cells = [self._cell(child, level, ctes, rows) for child in children(value)]
        return Cell(sum(cell.nodes for cell in cells), sum(cell.size for cell in cells), traits_of(cells))

    def _subquery(self, value: Any, level: Level, ctes: Ctes, rows: int) -> Cell:
        select = value.subselect.select_stmt if value.DESCRIPTOR.name == "SubLink" else value
        before = self.nodes
        columns = self.query(select, level, ctes)
        inside, self.nodes = self.nodes - before, before
        test = 0
        if value.DESCRIPTOR.name == "SubLink":
            if value.HasField("testexpr"):
                test = self._cell(value.testexpr, level, ctes, rows).nodes
            if value.sub_link_type in (pb.EXISTS_SUBLINK, pb.ANY_SUBLINK, pb.ALL_SUBLINK):
                return Cell(1 + inside + test, 1)
        size = max((cell.size for _, cell in columns), default=0)
        traits = traits_of(cell for _, cell in columns)
        if value.DESCRIPTOR.name == "SubLink" and value.sub_link_type == pb.ARRAY_SUBLINK:
            self.gathers, traits = max(self.gathers, size, 1), traits | GATHERED | JOINING
            self.arrays = True
        return Cell(1 + inside + test, size, traits)

    def _operation(self, value: Any, level: Level, ctes: Ctes, rows: int) -> Cell:
        left, right = self._cell(value.lexpr, level, ctes, rows), self._cell(value.rexpr, level, ctes, rows)
        nodes = 1 + left.nodes * copies(value) + right.nodes * (2 if value.kind in FOUR_TIMES else 1)
        word = value.name[-1].string.sval
        traits = left.traits | right.traits
        if word in PAIRING:
            self._paired(left, right, SMALL)
        if traits & OUTLINED and word in OUTLINE_OPERATORS:
            self._paired(left, right, 1)
        if word == "||" or (traits & JOINING and word in JOINING_OPERATORS):
            return Cell(nodes, self._made(left.size + right.size), traits)
        if value.kind != pb.AEXPR_OP and value.kind != pb.AEXPR_NULLIF:
            return Cell(nodes, 1)
        if word in ("*", "/", "%", "^"):
            exponent = constant_int(value.rexpr) if word == "^" else None
            size = left.size * abs(exponent) if exponent is not None else left.size + right.size
            return Cell(nodes, self._worked(left.size, right.size, size), traits)
        if value.kind in (pb.AEXPR_NULLIF,) or word in ("->", "->>", "#>", "#>>"):
            return Cell(nodes, left.size, left.traits)
        if word in TRUTHS:
            return Cell(nodes, 1)
        return Cell(nodes, max(left.size, right.size) + 1, traits)

    def _cast(self, value: Any, level: Level, ctes: Ctes, rows: int) -> Cell:
        inner = self._cell(value.arg, level, ctes, rows)
        names = [part.string.sval for part in value.type_name.names]
        word = names[-1] if names else ""
        if word in _PLAIN_TYPES and not value.type_name.array_bounds:
            return Cell(1 + inner.nodes, min(inner.size, SMALL))
        arg = unwrap(value.arg)
        nested = arg is not None and arg.DESCRIPTOR.name in ("RowExpr", "A_ArrayExpr")
        traits = (inner.traits & GATHERED) | self.kinds.of_type(value.type_name)
        return Cell(1 + inner.nodes, self._made(inner.size) if nested else inner.size, traits)

    def _call(self, call: Any, level: Level, ctes: Ctes, rows: int) -> Cell:
        word = call.funcname[-1].string.sval
        literal, self.literal = self.literal, 0 if looks_into(word) else self.literal
        cells = [self._cell(arg, level, ctes, rows) for arg in call.args]
        self.literal = literal
        nodes = 1 + sum(cell.nodes for cell in cells)
        for part in (*call.agg_order, call.agg_filter, call.over):
            nodes += self._cell(part, level, ctes, rows).nodes if part.ByteSize() else 0
        sizes = [cell.size for cell in cells]
        if word in POPULATING and cells and cells[0].traits & OUTLINED:
            raise Refusal(
                "bounds",
                "not_bounded",
                f"{word} may not make a path or polygon of JSON.",
                "Take its fields with ->> instead.",
            )
        size = result_size(word, call, sizes)
        if word in _NUMERIC and sizes:
            self._worked(sizes[0], max(sizes), size)
        traits = 0 if word in SHORT else traits_of(cells) | self.kinds.of_call(call)
        if word in GATHERING:
            size *= rows
            if word != "range_agg":  # which is in order, so that two of it are compared in one pass
                traits |= GATHERED
            if not call.agg_distinct:  # which sorts first, in files, and holds what is different
                self.gathers = max(self.gathers, sum(sizes), 1)
        if word in PAIRING_FUNCTIONS and len(cells) > 1:
            self._paired(cells[0], cells[1], SMALL if word.startswith(("array", "json")) else 1)
        if word in MAKING or word in QUOTING or (size > max(sizes, default=size) and word not in NUMBERS):
            size = self._made(size)
        return Cell(nodes, size, traits)

    def _paired(self, left: Cell, right: Cell, part: int) -> None:
        """Note that each part of a value, of so many characters, is compared with each of another."""
        self.compares = self.compares or bool(left.traits & right.traits & GATHERED)
        self.comparisons += (left.size // part) * (right.size // part)
        if self.comparisons > MAX_COMPARISONS:
            raise Refusal(
                "bounds",
                "too_large",
                "The values that the statement compares part by part are too long.",
                "Compare fewer values, or join their rows instead.",
            )

    def _made(self, size: int) -> int:
        self.characters += size
        if self.characters > MAX_VALUE:
            raise Refusal(
                "bounds",
                "too_large",
                f"The values that the statement builds come to {self.characters} characters;"
                f" at most {MAX_VALUE} are permitted.",
                "Build shorter texts, or fewer of them.",
            )
        return size

    def _worked(self, left: int, right: int, size: int) -> int:
        self.digits += left * right
        if self.digits > MAX_DIGIT_WORK:
            raise Refusal(
                "bounds",
                "too_large",
                "The numbers that the statement multiplies have too many digits.",
                "Cast them to double precision, or round them.",
            )
        return size
