"""Expressions: every name in them looked up, every function, operator and type held to the vocabulary."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from agent.sandbox import bounds
from agent.sandbox.access import NO_TRUST, Access, Trust
from agent.sandbox.catalog import Relation
from agent.sandbox.scope import Ctes, Item, Output, Outputs, Scope
from agent.sandbox.shape import children, unwrap
from agent.sandbox.verdict import Refusal
from agent.sandbox.vocabulary import AGGREGATES, SYSTEM_COLUMNS, TYPES
from agent.sandbox.words import Words
from agent.sandbox.wrapping import MaskKey


class ColumnDenied(Refusal):
    """A column that exists and may not be read was named."""

    def __init__(self, table: str, column: str) -> None:
        super().__init__(
            "policy",
            "column_denied",
            f"The column {column} of {table} may not be read.",
            "Leave it out; the schema lists the columns that may be read.",
        )


class Expressions(ABC):
    """What a walk knows, and how it looks at expressions.

    Args:
        access: the policy on this server.
        words: the vocabulary on this server.
        key: the secret of hash masks.
    """

    def __init__(self, access: Access, words: Words, key: MaskKey) -> None:
        self._access = access
        self._catalog = access.catalog
        self._words = words
        self._key = key
        self._in_view = False
        self._depth = 0
        self._trust: Trust = NO_TRUST
        self._aggregate = 0
        self.relations: set[str] = set()
        self.columns: set[tuple[str, str]] = set()
        self.rewritten: set[str] = set()
        self.cte_names: set[str] = set()
        self._read: dict[int, Relation] = {}
        self._cast_to: set[str] = set()

    @abstractmethod
    def query(self, select: Any, outer: Scope | None, ctes: Ctes) -> Outputs:
        """Walk a SELECT and return its result columns."""

    def check_casts(self) -> None:
        """Refuse a cast for which the owner's database has a function of its own: casting would call it.

        Raises:
            Refusal: a value that this statement can have may be cast so.
        """
        for source, target in self._catalog.casts:
            if target in self._cast_to and (source in TYPES or self._has_type(source)):
                raise Refusal(
                    "function",
                    "cast_denied",
                    f"Casting {source} to {target} would call a function that is not permitted.",
                    "Leave the cast out.",
                )

    def _has_type(self, name: str) -> bool:
        return any(
            relation.name == name
            or any(column.type.rpartition(".")[2].strip('"') == name for column in relation.columns)
            for relation in self._read.values()
        )

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
        if name == "FuncCall":
            self._call(value, scope, ctes)
            return
        if name == "A_Expr":
            self._operator(value.name)
            if value.name[-1].string.sval == "^":
                bounds.bound_power(value.rexpr)
        elif name == "SubLink":
            if value.oper_name:
                self._operator(value.oper_name)
        elif name == "SortBy":
            if value.use_op:
                self._operator(value.use_op)
        elif name == "TypeName":
            self._type(value)
        elif name == "A_Indirection":
            self._indirection(value, scope)
        for child in children(value):
            self.walk(child, scope, ctes)

    def _call(self, call: Any, scope: Scope, ctes: Ctes) -> None:
        name = self._words.function(tuple(part.string.sval for part in call.funcname))
        del call.funcname[:]
        for part in name:
            call.funcname.add().string.sval = part
        aggregate = name[-1] in AGGREGATES and not call.HasField("over")
        self._aggregate += aggregate
        for child in children(call):
            self.walk(child, scope, ctes)
        self._aggregate -= aggregate
        if name[0] == "pg_catalog":
            bounds.bound_call(name[1], call)

    def _operator(self, parts: Any) -> None:
        words = tuple(part.string.sval for part in parts)
        if words in (("BETWEEN",), ("NOT BETWEEN",), ("BETWEEN SYMMETRIC",), ("NOT BETWEEN SYMMETRIC",)):
            return
        name = self._words.operator(words)
        if name != words:
            del parts[:]
            for word in name:
                parts.add().string.sval = word

    def _type(self, type_name: Any) -> None:
        if type_name.setof or type_name.pct_type:
            raise Refusal("function", "type_denied", "SETOF and %TYPE are not permitted.")
        words = tuple(part.string.sval for part in type_name.names)
        if not words:
            return
        name = self._words.type(words)
        self._cast_to.add(name[-1])
        if name != words:
            del type_name.names[:]
            for word in name:
                type_name.names.add().string.sval = word
        bounds.bound_type(type_name)

    def _indirection(self, indirection: Any, scope: Scope) -> None:
        """``(x).name``: a field of a composite, a column of a whole row, or a function in disguise."""
        base = unwrap(indirection.arg)
        fields = [part for part in indirection.indirection if part.WhichOneof("node") == "string"]
        if not fields:
            return
        word = fields[0].string.sval
        if base is not None and base.DESCRIPTOR.name == "ColumnRef" and not is_star(base):
            parts = [part.string.sval for part in base.fields]
            item = scope.item(parts[-1]) if len(parts) == 1 else None
            if item is not None and word in item.hidden and word not in item.columns:
                raise ColumnDenied(item.alias, word)
            if item is not None and word in item.columns:
                self._note(item, [word])
                return
        if any(self._words.is_call_in_disguise(part.string.sval) for part in fields):
            raise Refusal("function", "function_denied", f"A field or function {word} is not permitted here.")

    def _column(self, reference: Any, scope: Scope) -> None:
        if is_star(reference):
            self._star(reference, scope, Outputs())
            return
        fields = reference.fields
        if len(fields) == 1:
            self._bare(fields[0].string.sval, scope)
            return
        word = fields[-1].string.sval
        item = self._find(reference, scope, len(fields) - 1)
        if item is None:
            if self._words.is_call_in_disguise(word):
                raise Refusal("shape", "unknown_column", f"There is no column {_spelled(fields)}.")
            return
        if word in item.columns:
            self._note(item, [word])
        elif word in item.hidden:
            raise ColumnDenied(item.alias, word)
        elif item.relation or self._words.is_call_in_disguise(word) or word in SYSTEM_COLUMNS:
            raise Refusal(
                "policy",
                "unknown_column",
                f"The column {_spelled(fields)} does not exist, or may not be read.",
                f"Columns of {item.alias}: {', '.join(list(item.columns)[:30])}.",
            )

    def _bare(self, name: str, scope: Scope) -> None:
        level: Scope | None = scope
        while level is not None:
            found = [item for item in level.items if name in item.columns]
            if found:
                for item in found:
                    self._note(item, [name])
                return
            for item in level.items:
                if name in item.hidden:
                    raise ColumnDenied(item.alias, name)
            if any(item.alias == name for item in level.items):
                for item in level.items:
                    if item.alias == name:
                        self._note(item, item.columns)
                return
            if any(item.opaque for item in level.items):
                return
            level = level.parent
        if name in SYSTEM_COLUMNS:
            raise Refusal(
                "policy", "system_column", f"The system column {name} may not be read.", "Leave it out."
            )

    def _find(self, reference: Any, scope: Scope, length: int) -> Item | None:
        """The item that the first ``length`` parts of a name mean; a schema is cut from a wrapped one's
        name."""
        parts = [part.string.sval for part in reference.fields][:length]
        if len(parts) == 3 and parts[0] == self._catalog.database:
            del reference.fields[0]
            parts = parts[1:]
        if len(parts) == 1:
            item = scope.item(parts[0])
            if item is not None:
                reference.fields[0].string.sval = item.alias
            return item
        if len(parts) != 2:
            return None
        item = scope.qualified(parts[0], parts[1])
        if item is not None:
            del reference.fields[0]
            reference.fields[0].string.sval = item.alias
        return item

    def _star(self, reference: Any, scope: Scope, outputs: Outputs) -> None:
        items = scope.items
        if len(reference.fields) > 1:
            item = self._find(reference, scope, len(reference.fields) - 1)
            items = [item] if item else []
            outputs.certain = outputs.certain and item is not None
        for item in items:
            outputs.certain = outputs.certain and not item.opaque
            self._note(item, item.columns)
            outputs.columns.extend(Output(name, origins) for name, origins in item.columns.items())

    def _note(self, item: Item, names: Any) -> None:
        for name in names:
            self.columns |= item.columns.get(name, frozenset())
            if item.collect and not self._aggregate:
                item.used.add(name)


def _spelled(fields: Any) -> str:
    return ".".join(part.string.sval for part in fields)


def is_star(reference: Any) -> bool:
    """Whether a ``ColumnRef`` ends in a star."""
    return bool(reference.fields) and reference.fields[-1].WhichOneof("node") == "a_star"
