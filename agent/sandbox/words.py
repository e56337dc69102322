"""Whether a function, operator or type may be used, and its qualified name, so that nothing can shadow it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from agent.sandbox.catalog import Catalog
from agent.sandbox.verdict import Refusal
from agent.sandbox.vocabulary import (
    EXTENSION_FUNCTIONS,
    EXTENSION_OPERATORS,
    EXTENSION_TYPES,
    FUNCTIONS,
    NEVER,
    OPERATORS,
    TYPES,
)
from wire.policy import PolicyStack

Name = tuple[str, ...]


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
        return frozenset(
            name for name in listed if name not in self._denied and f"pg_catalog.{name}" not in self._denied
        )

    def function(self, name: Name) -> Name:
        """The qualified name of a function that may be called.

        Raises:
            Refusal: it may not.
        """
        schema, word = self._split(name, "function")
        if schema in ("", "pg_catalog") and word in self.builtins:
            return ("pg_catalog", word)
        if schema != "pg_catalog":
            for routine in self.catalog.routine_index.get(word, []):
                full = f"{routine.schema}.{word}"
                if schema not in ("", routine.schema) or full in self._denied or word in self._denied:
                    continue
                if not schema and routine.schema not in self.catalog.search_path:
                    continue
                known = word in EXTENSION_FUNCTIONS.get(routine.extension or "", frozenset()) or (
                    routine.extension == "postgis" and word.startswith("st_")
                )
                if known or routine.constructs or full in self._allowed:
                    return (routine.schema, word)
        raise Refusal(
            "function",
            "function_denied",
            f"The function {'.'.join(name)} is not permitted.",
            "Use PostgreSQL's own functions for calculating; the owner can admit others in the policy's "
            "functions.allow.",
        )

    def operator(self, name: Name) -> Name:
        """The operator's name as it must be written.

        Raises:
            Refusal: it is neither PostgreSQL's own nor that of a known extension.
        """
        schema, word = self._split(name, "operator")
        if schema in ("", "pg_catalog") and word in OPERATORS:
            return name
        for owner, symbol, extension in self.catalog.operators:
            if symbol == word and schema in ("", owner) and extension in EXTENSION_OPERATORS:
                return name if owner in self.catalog.execution_path else (owner, word)
        raise Refusal(
            "function",
            "operator_denied",
            f"The operator {'.'.join(name)} is not permitted.",
            "Use PostgreSQL's own operators.",
        )

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

    def is_call_in_disguise(self, word: str) -> bool:
        """Whether ``x.word`` might call a function ``word(x)`` that may not be called by its name."""
        if word in self.builtins:
            return False
        return word in self.catalog.routine_index or word in self.catalog.builtin_functions

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

    def function(self, name: Name) -> Name:
        """The name as it is."""
        return name

    def operator(self, name: Name) -> Name:
        """The name as it is."""
        return name

    def type(self, name: Name) -> Name:
        """The name as it is."""
        return name

    def is_call_in_disguise(self, word: str) -> bool:
        """Never."""
        return False
