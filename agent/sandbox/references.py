"""References: every column that an expression names is found, and noted as read, or refused."""

from __future__ import annotations

from typing import Any

from agent.sandbox.casting import Casting
from agent.sandbox.operands import LITERAL, family
from agent.sandbox.scope import Item, Output, Outputs, Scope
from agent.sandbox.shape import unwrap
from agent.sandbox.verdict import Refusal
from agent.sandbox.vocabulary import SYSTEM_COLUMNS, words

_TEXTS = words("""
    concat concat_ws format initcap left lpad md5 regexp_replace repeat replace right rpad split_part to_char
    translate
""")
"""Functions of ``pg_catalog`` that give text, whatever they are given."""


class ColumnDenied(Refusal):
    """A column that exists and may not be read was named."""

    def __init__(self, table: str, column: str) -> None:
        super().__init__(
            "policy",
            "column_denied",
            f"The column {column} of {table} may not be read.",
            "Leave it out; the schema lists the columns that may be read.",
        )


class References(Casting):
    """How a walk looks at columns, fields of them and stars."""

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
        self._vague = self._vague or item is None or item.opaque
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
            self._vague = True
            for item in level.items:
                if name in item.hidden:
                    raise ColumnDenied(item.alias, name)
            if any(item.alias == name for item in level.items):
                for item in level.items:
                    if item.alias == name:
                        self._rows = True
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
        else:
            outputs.merged = outputs.merged or scope.merged
        for item in items:
            outputs.certain = outputs.certain and not item.opaque
            self._note(item, item.columns)
            outputs.columns.extend(
                Output(
                    name,
                    origins,
                    masks=item.masks.get(name, ()),
                    structured=bool(origins & self._catalog.structured_columns),
                    type=self._type_of(*origins).rsplit(".", 1)[-1].strip('"')
                    if item.relation and len(origins) == 1
                    else "",
                )
                for name, origins in item.columns.items()
            )

    def _note(self, item: Item, names: Any) -> None:
        for name in names:
            origins = item.columns.get(name, frozenset())
            self.columns |= origins
            if self._watching:
                self._vague = self._vague or not origins
                if not self._parting:
                    self._whole |= origins
                if not self._shielded:
                    self._expose(origins)
            if item.collect and not self._aggregate:
                item.used.add(name)

    def _indirection(self, indirection: Any, scope: Scope) -> bool:
        """``(x).name``: a field of a composite, a column of a whole row, or a function in disguise.

        True when it is a column, so that nothing else of the row is read.
        """
        base = unwrap(indirection.arg)
        fields = [part for part in indirection.indirection if part.WhichOneof("node") == "string"]
        if not fields:
            return False
        word = fields[0].string.sval
        if base is not None and base.DESCRIPTOR.name == "ColumnRef" and not is_star(base):
            parts = [part.string.sval for part in base.fields]
            item = scope.item(parts[-1]) if len(parts) == 1 else None
            if item is not None and word in item.hidden and word not in item.columns:
                raise ColumnDenied(item.alias, word)
            if item is not None and word in item.columns:
                self._note(item, [word])
                return True
        if self._field_type(base, indirection.indirection, scope):
            return False
        if any(part.string.sval in SYSTEM_COLUMNS for part in fields):
            raise Refusal(
                "policy", "system_column", f"The system column {word} may not be read.", "Leave it out."
            )
        if any(self._words.is_call_in_disguise(part.string.sval) for part in fields):
            raise Refusal("function", "function_denied", f"A field or function {word} is not permitted here.")
        return False

    def _taken(self, indirection: Any, scope: Scope) -> str:
        """The type, without a schema, of a field that is taken of a column, so that the column itself is not
        handed on; empty where it may be."""
        if self._catalog.ordered_columns:
            return ""  # the field may be of the type that the owner's functions compare
        type_name = self._field_type(unwrap(indirection.arg), indirection.indirection, scope)
        return type_name.split("(")[0].removesuffix("[]").rsplit(".", 1)[-1].strip('"')

    def _field_type(self, base: Any, steps: Any, scope: Scope) -> str:
        """The type of what the steps after a column lead to: fields of the composite types that it is made
        of, and elements of arrays. Empty where they are something else."""
        if base is not None and base.DESCRIPTOR.name == "A_Indirection":
            return self._field_type(unwrap(base.arg), [*base.indirection, *steps], scope)
        if base is None or base.DESCRIPTOR.name != "ColumnRef":
            return ""
        parts = [part.string.sval for part in base.fields if part.WhichOneof("node") == "string"]
        if len(parts) == 1:
            items = [item for item in scope.items if parts[0] in item.columns]
        else:
            found = self._find(base, scope, len(parts) - 1)
            items = [found] if found else []
        if len(items) != 1 or len(items[0].columns.get(parts[-1], ())) != 1:
            return ""
        item = items[0]
        ((table, column),) = item.columns[parts[-1]]
        if not item.relation:
            return ""  # an expression over the column may have another type than the column
        relation = self._catalog.by_qualified_name.get(table)
        types = {one.name: one.type for one in relation.columns} if relation is not None else {}
        type_name = types.get(column, "")
        for step in steps:
            kind = step.WhichOneof("node")
            if kind == "a_indices" and type_name.endswith("[]"):
                type_name = type_name[:-2]
            elif kind == "string":
                type_name = self._catalog.composites.get(type_name, {}).get(step.string.sval, "")
            else:
                return ""
            if not type_name:
                return ""
        return type_name

    def _type_shown(self, value: Any, scope: Scope) -> str:
        """The type, without a schema, of a result column; see ``Output.type``."""
        if value is not None and value.DESCRIPTOR.name == "A_Const" and value.isnull:
            return "null"
        if value is not None and value.DESCRIPTOR.name == "TypeCast" and not value.type_name.array_bounds:
            return str(value.type_name.names[-1].string.sval)
        if value is not None and value.DESCRIPTOR.name == "FuncCall":
            return "int8" if value.funcname[-1].string.sval == "count" else ""
        return self._field_type(value, [], scope).rsplit(".", 1)[-1].strip('"')

    def _operand(self, node: Any, scope: Scope) -> str | None:
        """The family of an operand's type, where it is written down or a column's."""
        value = unwrap(node)
        kind = value.DESCRIPTOR.name if value is not None else ""
        if kind == "A_Const":
            held = value.WhichOneof("val")
            return {"sval": LITERAL, "ival": "number", "fval": "number", "boolval": "boolean"}.get(held or "")
        if kind == "TypeCast" and value.type_name.names:
            return "array" if value.type_name.array_bounds else family(value.type_name.names[-1].string.sval)
        if kind == "CollateClause" or (kind == "FuncCall" and value.funcname[-1].string.sval in _TEXTS):
            return "string"
        if kind == "A_ArrayExpr":
            return "array"
        if kind != "ColumnRef" or is_star(value):
            return None
        parts = [part.string.sval for part in value.fields]
        level: Scope | None = scope
        while level is not None:
            found = [
                item
                for item in level.items
                if parts[-1] in item.columns and (len(parts) == 1 or item.alias == parts[-2])
            ]
            if found or any(item.opaque for item in level.items):
                break
            level = level.parent
        else:
            return None
        if len(found) != 1 or not found[0].relation or len(found[0].columns[parts[-1]]) != 1:
            return None
        ((table, column),) = found[0].columns[parts[-1]]
        return None if column in found[0].masks else family(self._type_of((table, column)))


def _spelled(fields: Any) -> str:
    return ".".join(part.string.sval for part in fields)


def is_star(reference: Any) -> bool:
    """Whether a ``ColumnRef`` ends in a star."""
    return bool(reference.fields) and reference.fields[-1].WhichOneof("node") == "a_star"
