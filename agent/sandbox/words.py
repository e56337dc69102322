"""Whether a function, operator or type may be used, and its qualified name, so that nothing can shadow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from agent.sandbox.catalog import OUTLINES, Catalog, Routine
from agent.sandbox.operands import BROUGHT, family, may_take, settled
from agent.sandbox.verdict import Refusal
from agent.sandbox.vocabulary import (
    EXTENSION_FUNCTIONS,
    EXTENSION_OPERATORS,
    EXTENSION_TYPES,
    FUNCTIONS,
    NEVER,
    NOT_OF_POSTGIS,
    OPERATORS,
    TYPES,
    words,
)
from wire.policy import PolicyStack

Name = tuple[str, ...]
Operands = Sequence[str | None]
"""Families (``operands.family``) of what a function or operator is given; None of one that is not known."""


_PRINTED_BARE = words("""
    any anyarray anycompatible anycompatiblearray anycompatiblenonarray anycompatiblerange anyelement anyenum
    anymultirange anynonarray anyrange cid cstring internal pg_lsn record regclass regcollation regconfig
    regdictionary regnamespace regoper regoperator regproc regprocedure regrole regtype tid unknown void xid
    xid8 xml
""")
"""Types of PostgreSQL's own beside ``TYPES``."""


@dataclass(frozen=True)
class Words:
    """The vocabulary on this server, under this policy."""

    stack: PolicyStack
    catalog: Catalog

    @cached_property
    def _denied(self) -> frozenset[str]:
        return frozenset(name for policy in self.stack.policies for name in policy.functions.deny)

    @cached_property
    def _allowed(self) -> frozenset[str]:
        # A tightening policy that allows nothing of its own does not take the owner's functions away; it does
        # so by naming them in ``deny``.
        return frozenset(self.stack.owner.functions.allow)

    @cached_property
    def builtins(self) -> frozenset[str]:
        """Functions of ``pg_catalog`` that may be called."""
        own = {
            name.removeprefix("pg_catalog.")
            for name in self._allowed
            if "." not in name or name.startswith("pg_catalog.")
        }
        added = {name for name in own & self.catalog.builtin_functions if not name.startswith(NEVER)}
        listed = FUNCTIONS | added
        # An overload that somebody added inside pg_catalog has the same name as PostgreSQL's own.
        listed -= self.catalog.overlaid - added
        return frozenset(
            name for name in listed if name not in self._denied and f"pg_catalog.{name}" not in self._denied
        )

    def function(self, name: Name, operands: Operands | None = None) -> Name:
        """The name by which a function that may be called must be called.

        Args:
            operands: the families of what it is given, where they are known; None where nobody looked.

        Raises:
            Refusal: it may not be called.
        """
        schema, word = self._split(name, "function")
        routines = self.catalog.routine_index.get(word, [])
        if operands is not None:
            known = [one for routine in routines if routine.extension for one in routine.signatures]
            operands = settled(operands, known)
        if schema in ("", "pg_catalog") and word in self.builtins:
            path = self.catalog.execution_path
            beside = [routine for routine in routines if routine.schema in path] if not schema else []
            if any(self._of_extension(routine, word) for routine in beside) and not any(
                self._captures(routine, operands) for routine in beside
            ):
                # An extension has it for a type of its own, which PostgreSQL's would be given as plain text.
                return (word,)
            return ("pg_catalog", word)
        if schema != "pg_catalog":
            for routine in routines:
                full = f"{routine.schema}.{word}"
                if schema not in ("", routine.schema) or full in self._denied or word in self._denied:
                    continue
                if not schema and routine.schema not in self.catalog.search_path:
                    continue
                if full in self._allowed:
                    return (routine.schema, word)
                listed = self._of_extension(routine, word) or routine.constructs
                same = [one for one in routines if one.schema == routine.schema]
                if listed and not any(self._captures(one, operands) for one in same):
                    return (routine.schema, word)
        raise Refusal(
            "function",
            "function_denied",
            f"The function {'.'.join(name)} is not permitted.",
            "Use PostgreSQL's own functions for calculating; the owner can admit others in the policy's "
            "functions.allow.",
        )

    def _of_extension(self, routine: Routine, word: str) -> bool:
        """Whether it is listed among those that a known extension brings."""
        if routine.extension == "postgis":
            return word.startswith("st_") and word not in NOT_OF_POSTGIS
        return word in EXTENSION_FUNCTIONS.get(routine.extension or "", frozenset())

    def _captures(self, routine: Routine, operands: Operands | None) -> bool:
        """Whether a function of the owner's, by the name of another, would be called instead of it."""
        if routine.extension is not None or routine.constructs:
            return False
        if f"{routine.schema}.{routine.name}" in self._allowed:
            return False
        if operands is None or not routine.signatures:
            return True
        return any(may_take(signature, operands, self._distinct) for signature in routine.signatures)

    @cached_property
    def _distinct(self) -> frozenset[str]:
        """Enums, composites and ranges to which nothing is cast silently, by the names they may print as."""
        cast_to = {cast.target for cast in self.catalog.casts if cast.implicit and cast.builtin}
        found = set()
        for info in self.catalog.types:
            if info.kind not in "ecrm" or info.name in cast_to:
                continue
            names = (info.name, f'"{info.name}"')
            schemas = (info.schema, f'"{info.schema}"')
            found |= {f"{schema}.{name}" for schema in schemas for name in names}
            # Without a schema it may be PostgreSQL's own type of the name that is printed.
            if info.name not in TYPES and family(info.name) is None and info.name not in _PRINTED_BARE:
                found |= {*names}
        return frozenset(found)

    def operator(self, name: Name, operands: Operands = (None, None)) -> Name:
        """The operator's name as it must be written.

        Args:
            operands: the families of its left and right operand, where they are known.

        Raises:
            Refusal: it is neither PostgreSQL's own nor that of a known extension, or one of the owner's would
                be taken for it.
        """
        schema, word = self._split(name, "operator")
        path = self.catalog.execution_path
        known = [signature for symbol, signature in self.catalog.brought_operators if symbol == word]
        operands = settled(operands, known)
        own = {
            owner
            for owner, symbol, signature in self.catalog.own_operators
            if symbol == word and owner != "pg_catalog" and may_take(signature, operands, self._distinct)
        }
        overlaid = ("pg_catalog", word, None) in self.catalog.operators
        builtin = word in OPERATORS and not overlaid
        if schema == "pg_catalog" and builtin:
            return name
        owners = [
            owner
            for owner, symbol, extension in self.catalog.operators
            if symbol == word and schema in ("", owner) and extension in EXTENSION_OPERATORS
        ]
        if not schema and own & set(path):
            if builtin:
                return ("pg_catalog", word)
        elif not schema and (builtin or any(owner in path for owner in owners)):
            if any(owner in path for owner in owners) or not self._means_brought(word, operands):
                return name
            # Its schema is not on the path, for the sake of another operator of the owner's in there.
            return next(((owner, word) for owner in owners if owner not in own), name)
        for owner in owners:
            if owner not in own:
                return (owner, word)
        raise Refusal(
            "function",
            "operator_denied",
            f"The operator {'.'.join(name)} is not permitted.",
            "Use PostgreSQL's own operators.",
        )

    def _means_brought(self, word: str, operands: Operands) -> bool:
        """Whether an operator of PostgreSQL's name is an extension's for operands of these families."""
        brought = (signature for symbol, signature in self.catalog.brought_operators if symbol == word)
        if not any(may_take(signature, operands) for signature in brought):
            return False
        if any(operand in BROUGHT for operand in operands):
            return True
        own = (signature for symbol, signature in self.catalog.builtin_operators if symbol == word)
        return not any(may_take(signature, operands) for signature in own)

    def type(self, name: Name) -> Name:
        """The qualified name of a type that a value may be cast to.

        Raises:
            Refusal: it may not.
        """
        schema, word = self._split(name, "type")
        if schema in ("", "pg_catalog") and word in TYPES:
            return name
        if schema != "pg_catalog":
            for info in self.catalog.type_index.get(word, []):
                if schema not in ("", info.schema):
                    continue
                if not schema and info.schema not in self.catalog.search_path:
                    continue
                if info.of_relation or info.checked:
                    break
                if info.kind in "edcrm" or info.extension in EXTENSION_TYPES:
                    return (info.schema, word)
        raise Refusal(
            "function",
            "type_denied",
            f"A value may not be cast to the type {'.'.join(name)}.",
            "Cast to a plain type such as text, numeric, date or timestamptz.",
        )

    def holds_outline(self, name: Name) -> bool:
        """Whether a type of the owner's holds a path or polygon."""
        infos = self.catalog.type_index.get(name[-1], [])
        return any(info.joins == OUTLINES and name[:-1] == (info.schema,) for info in infos)

    def is_call_in_disguise(self, word: str) -> bool:
        """Whether ``x.word`` might call a function ``word(x)`` that may not be called by its name.

        Such a call cannot be qualified: an overload of the owner's takes it for a type of the owner's.
        """
        routines = self.catalog.routine_index.get(word, [])
        if word in self.builtins:
            return any(one.extension is None and not one.constructs for one in routines)
        return bool(routines) or word in self.catalog.builtin_functions

    def admits(self, function: str) -> bool:
        """Whether the owner's policy lets ``schema.function`` of the owner's be called."""
        return function in self._allowed and function not in self._denied

    def untold_casts(self) -> dict[int, str]:
        """Functions, by number, of the owner's that are not permitted and that PostgreSQL calls by itself:
        only it can tell for certain where."""
        return {
            cast.function_oid: f"{cast.source} to {cast.target}"
            for cast in self.catalog.casts
            if cast.implicit and not self.admits(cast.function)
        }

    def permitted_functions(self) -> list[str]:
        """Names that a statement may call on this server, sorted; functions outside ``pg_catalog``
        included."""
        names = set(self.builtins & self.catalog.builtin_functions)
        for word in self.catalog.routine_index:
            try:
                self.function((word,))
            except Refusal:
                continue
            names.add(word)
        return sorted(names)

    def _split(self, name: Name, what: str) -> tuple[str, str]:
        if len(name) == 3 and name[0] == self.catalog.database:
            name = name[1:]
        if len(name) == 1:
            return "", name[0]
        if len(name) == 2:
            return name[0], name[1]
        raise Refusal("shape", "bad_name", f"{'.'.join(name)} is not the name of a {what}.")


class OwnersWords(Words):
    """The vocabulary inside a view that the owner's policy has a rule for: whatever the view was made of."""

    def function(self, name: Name, operands: Operands | None = None) -> Name:
        """The name as it is."""
        return name

    def operator(self, name: Name, operands: Operands = (None, None)) -> Name:
        """The name as it is."""
        return name

    def type(self, name: Name) -> Name:
        """The name as it is."""
        return name

    def is_call_in_disguise(self, word: str) -> bool:
        """Never."""
        return False

    def admits(self, function: str) -> bool:
        """Always."""
        return True
