"""Expressions: every name in them looked up, every function, operator and type held to the vocabulary."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from postgast import pg_query_pb2 as pb

from agent.sandbox import bounds
from agent.sandbox.filling import (
    MEETING,
    case_parts,
    grouped_in,
    is_string,
    is_untyped,
    meets_string,
    strings_compared,
)
from agent.sandbox.references import References
from agent.sandbox.scope import Ctes, Outputs, Scope
from agent.sandbox.shape import children, unwrap
from agent.sandbox.vocabulary import AGGREGATES, COUNTING, JSON_MAKERS, POLYMORPHIC, TEMPLATED
from agent.sandbox.words import Operands

JSON_MESSAGES = frozenset(
    {
        "JsonObjectConstructor",
        "JsonArrayConstructor",
        "JsonArrayQueryConstructor",
        "JsonObjectAgg",
        "JsonArrayAgg",
        "JsonScalarExpr",
    }
)
"""Messages that turn values into JSON, for which PostgreSQL looks for a cast of the value's type."""

_WRITTEN_OUT = frozenset({pb.AEXPR_OP, pb.AEXPR_OP_ANY, pb.AEXPR_OP_ALL})
"""Expressions that show their operator; ``IN`` and the like mean one, and cannot be given another's name."""

PASSING_ON = frozenset({"Node", "List", "RangeFunction", "SortBy"})
"""Messages that are no expressions of their own."""


class Expressions(References, ABC):
    """How a walk looks at expressions."""

    @abstractmethod
    def query(self, select: Any, outer: Scope | None, ctes: Ctes) -> Outputs:
        """Walk a SELECT and return its result columns."""

    def walk(self, message: Any, scope: Scope, ctes: Ctes) -> None:
        """Look at an expression and everything below it."""
        value = unwrap(message)
        if value is None:
            return
        name = value.DESCRIPTOR.name
        if name == "ColumnRef":
            self._column(value, scope)
            return
        if name == "SelectStmt":
            self.query(value, scope, ctes)
            return
        # Only what stands there itself is taken as it is, and not what it is made of.
        shielded, self._shielded = self._shielded, False
        try:
            self._walk(name, value, scope, ctes, shielded)
        finally:
            self._shielded = shielded

    def _walk(self, name: str, value: Any, scope: Scope, ctes: Ctes, shielded: bool) -> None:
        checked = self._catalog.checked_columns
        if name == "CaseExpr":
            self._case(value, scope, ctes)
            return
        if not checked or name not in MEETING:
            self._walk_on(name, value, scope, ctes, shielded)
            return
        with self._meeting() as met:
            self._walk_on(name, value, scope, ctes, shielded)
        made = self._fills_from(name, value, met.columns & checked, shielded and self._delivers)
        self._fills = self._fills or made or (met.structured and meets_string(name, value))

    def _case(self, case: Any, scope: Scope, ctes: Ctes) -> None:
        asked, results = case_parts(case)
        with self._meeting() as compared:
            if case.HasField("arg"):
                (self.shielded if all(map(is_string, asked)) else self.walk)(case.arg, scope, ctes)
            for part in asked:
                self.walk(part, scope, ctes)
        with self._meeting() as shown:
            for part in results:
                self.walk(part, scope, ctes)
        for met, parts in ((compared, asked if case.HasField("arg") else []), (shown, results)):
            self._fills = self._fills or (met.structured and any(map(is_string, parts)))

    def _walk_on(self, name: str, value: Any, scope: Scope, ctes: Ctes, shielded: bool) -> None:
        if name == "FuncCall":
            self._call(value, scope, ctes, shielded)
            return
        if name == "TypeCast":
            self._cast(value, scope, ctes, shielded)
            return
        if name in JSON_MESSAGES and self._watching:
            with self._making("json"):
                self._walk_below(value, scope, ctes)
            return
        if name == "A_Expr":
            each = value.kind in (pb.AEXPR_OP_ANY, pb.AEXPR_OP_ALL)
            sides = (self._operand(value.lexpr, scope), None if each else self._operand(value.rexpr, scope))
            self._operator(
                value.name, sides if value.HasField("lexpr") else ("-", sides[1]), value.kind in _WRITTEN_OUT
            )
            if value.name[-1].string.sval == "^":
                self.inspected.update(bounds.literals(value))
                bounds.bound_power(value.rexpr)
            compared = strings_compared(value)
            if compared is not None:
                # A string takes the type of the column that it is compared with.
                with self._meeting() as met:
                    for node in compared:
                        plain = unwrap(node).DESCRIPTOR.name == "ColumnRef"
                        (self.shielded if plain else self.walk)(node, scope, ctes)
                self._exposed |= met.columns & self._catalog.ordered_columns
                return
        elif name in ("GroupingSet", "GroupingFunc"):
            for node in grouped_in(value):
                self.shielded(node, scope, ctes)
            return
        elif name == "SubLink":
            if value.oper_name:
                self._operator(value.oper_name)
            if value.HasField("testexpr"):
                self.walk(value.testexpr, scope, ctes)
            outputs = self.query(value.subselect.select_stmt, scope, ctes)
            if not shielded:
                self._expose(*(output.origins for output in outputs.columns))
            return
        elif name in ("SortBy", "MinMaxExpr", "WindowDef"):
            if name == "SortBy" and value.use_op:
                self._operator(value.use_op)
            with self.sorting():
                for child in children(value):
                    # What is only sorted by, or put into partitions, is taken as it is.
                    whole = name == "SortBy" or (name == "WindowDef" and child in value.partition_clause)
                    (self.shielded if whole else self.walk)(child, scope, ctes)
            return
        elif name == "TypeName":
            self._type(value)
        elif name == "A_Indirection":
            if self._indirection(value, scope):
                for step in value.indirection:
                    self.walk(step, scope, ctes)
                return
            taken = self._taken(value, scope)
            if shielded or taken:
                with self._parts(bool(taken)):
                    self.shielded(value.arg, scope, ctes)
                for step in value.indirection:
                    self.walk(step, scope, ctes)
                if taken and not shielded:
                    self._exposed_types.add(taken)
                return
        elif name == "NullTest":
            self.shielded(value.arg, scope, ctes)
            return
        if shielded and name in PASSING_ON:
            for child in children(value):
                self.shielded(child, scope, ctes)
            return
        self._walk_below(value, scope, ctes)

    def _cast(self, cast: Any, scope: Scope, ctes: Ctes, shielded: bool) -> None:
        untyped = is_untyped(cast.arg)
        self._type(cast.type_name, bounds.constant_text(cast.arg) if untyped else None)
        for modifier in cast.type_name.typmods:
            self.walk(modifier, scope, ctes)
        target = cast.type_name.names[-1].string.sval
        if target in bounds.OUTLINES:
            self.inspected.update(bounds.literals(cast.arg))
        if not self._watching:
            self.walk(cast.arg, scope, ctes)
            return
        if not shielded:
            self._exposed_types.add(target)
        with self._making(target, literal=untyped):
            self.shielded(cast.arg, scope, ctes)

    def _walk_below(self, value: Any, scope: Scope, ctes: Ctes) -> None:
        for child in children(value):
            self.walk(child, scope, ctes)

    def shielded(self, node: Any, scope: Scope, ctes: Ctes) -> None:
        """Walk an expression in a place where PostgreSQL takes a value as it is and casts nothing."""
        before, self._shielded = self._shielded, True
        try:
            self.walk(node, scope, ctes)
        finally:
            self._shielded = before

    def _call(self, call: Any, scope: Scope, ctes: Ctes, shielded: bool) -> None:
        name = self._words.function(
            tuple(part.string.sval for part in call.funcname),
            None if call.func_variadic else [self._operand(arg, scope) for arg in call.args],
        )
        del call.funcname[:]
        for part in name:
            call.funcname.add().string.sval = part
        if call.agg_distinct:
            with self.sorting():
                for arg in call.args:
                    self.shielded(arg, scope, ctes)
        aggregate = name[-1] in AGGREGATES and not call.HasField("over")
        self._aggregate += aggregate
        if not self._watching:
            self._walk_below(call, scope, ctes)
        elif name[-1] in JSON_MAKERS:
            with self._making("json"):
                for child in children(call):
                    (self.shielded if child in call.args else self.walk)(child, scope, ctes)
        else:
            for child in children(call):
                if call.agg_within_group and child in call.agg_order:
                    # What ``WITHIN GROUP`` sorts is what the aggregate is given.
                    with self.sorting():
                        kept = shielded and name[-1] in POLYMORPHIC
                        (self.shielded if kept else self.walk)(child.sort_by.node, scope, ctes)
                    continue
                kept = name[-1] in COUNTING or (shielded and name[-1] in POLYMORPHIC)
                # Of several arguments the first is handed on; ``lag(x, n)`` casts n to an integer.
                handed = kept and (child in call.args[:1] or child in call.agg_order)
                handed = handed or (name[-1] in COUNTING and child in call.args)
                handed = handed or (name[-1] in TEMPLATED and child in call.args[1:])
                (self.shielded if handed else self.walk)(child, scope, ctes)
        self._aggregate -= aggregate
        if name[0] == "pg_catalog" or len(name) == 1:
            if bounds.looks_into(name[-1]):
                self.inspected.update(bounds.literals(call))
            bounds.bound_call(name[-1], call)

    def _operator(self, parts: Any, operands: Operands = (None, None), named: bool = True) -> None:
        """Hold an operator to the vocabulary, and write its name in full where ``named`` says it can be."""
        words = tuple(part.string.sval for part in parts)
        if words in (("BETWEEN",), ("NOT BETWEEN",), ("BETWEEN SYMMETRIC",), ("NOT BETWEEN SYMMETRIC",)):
            return
        name = self._words.operator(words, operands)
        if named and name != words:
            del parts[:]
            for word in name:
                parts.add().string.sval = word
