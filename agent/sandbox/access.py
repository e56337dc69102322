"""What the policy makes of a relation on this server: its rules followed through views and partitions.

A denial goes wherever the data goes. A partition has the rules of its parent besides its own, and the parent
those of its partitions. A view is judged by what it reads: one that reads a table which a rule denies is
denied; one that reads restricted columns or rows is replaced by its definition, with the restrictions inside.
A view that has a rule of its own is the owner's window: it may read tables that only the default leaves out,
and call functions that are not listed, but never what a rule denies.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

from agent.sandbox.catalog import SYSTEM, Catalog, Relation
from agent.sandbox.filters import Condition
from agent.sandbox.vocabulary import EXTENSION_FUNCTIONS
from wire.masks import stricter
from wire.policy import Mask, Policy, PolicyStack, TableRule

Trust = frozenset[int]
"""Places in the stack of the policies under whose own rule for a view its tables are read."""
NO_TRUST: Trust = frozenset()


@dataclass(frozen=True, slots=True)
class RelationAccess:
    """What may be read of one relation."""

    relation: Relation
    allowed: bool
    why: str = ""
    """The rule that denies it, for the owner's eyes."""
    readable: tuple[str, ...] = ()
    """Columns that may be read, in order."""
    hidden: frozenset[str] = frozenset()
    """Columns that exist and may not be read."""
    masks: dict[str, Mask] = field(default_factory=dict)
    filters: tuple[tuple[str, bool], ...] = ()
    """(condition, whether it is the owner's own); a row exists when all are true."""
    restricted: bool = False
    """Columns, values or rows are held back, so that it must be read through a subquery."""
    inline: bool = False
    """A view whose definition must take its place, because something below it is restricted; or a
    materialized view whose definition must be shown to touch nothing of that."""
    trust: Trust = NO_TRUST
    """For a view: the policies under whose own rule its definition is read."""
    window: bool = False
    """A view run by its name through which a table is seen that may not be read itself."""


class Access:
    """Answers for every relation of a catalog under a stack of policies; remembers its answers."""

    def __init__(self, stack: PolicyStack, catalog: Catalog) -> None:
        self.stack = stack
        self.catalog = catalog
        self.wrapped: dict[tuple[int, Trust, bool], Any] = {}
        """Subqueries made for restricted relations, by oid, trust and ONLY; copied, never changed."""
        self.conditions: dict[tuple[str, bool], Condition] = {}
        """Row filters as expressions, by their text and whether they are the owner's; never changed."""
        self._known: dict[tuple[int, Trust], RelationAccess] = {}

    def of(self, relation: Relation, trust: Trust = NO_TRUST) -> RelationAccess:
        """What may be read of this relation, in a statement or, with ``trust``, inside a view."""
        key = (relation.oid, trust)
        if key not in self._known:
            # A definition cannot read itself, but a catalog read while views change may say so.
            self._known[key] = RelationAccess(relation, False, "its definition reads itself")
            self._known[key] = self._judge(relation, trust)
        return self._known[key]

    def named(self, schema: str, name: str) -> RelationAccess | None:
        """The same by name; None when there is no such relation."""
        relation = self.catalog.by_name.get((schema, name))
        return self.of(relation) if relation else None

    def _judge(self, relation: Relation, trust: Trust) -> RelationAccess:
        for place, policy in enumerate(self.stack.policies):
            why = self._denial(policy, relation, place in trust)
            if why:
                return RelationAccess(relation, False, why)
        hidden = {column.name for column in relation.columns if self._hides(relation, column.name)}
        masks = {
            column.name: mask
            for column in relation.columns
            if column.name not in hidden and (mask := self._mask(relation, column.name)) is not None
        }
        # What is computed from a held-back value tells of it, unless a rule speaks of the result by name.
        hidden |= {
            column
            for column, source in relation.computed
            if (source in hidden or source in masks)
            and column not in masks
            and not self._allows_by_name(relation, column)
        }
        filters = self._filters(relation)
        own_rules = [rule for policy in self.stack.policies if (rule := _rule(policy, relation))]
        access = RelationAccess(
            relation,
            True,
            readable=tuple(column.name for column in relation.columns if column.name not in hidden),
            hidden=frozenset(hidden),
            masks=masks,
            filters=filters,
            # A rule that names columns restricts the table even when none of them exists yet: one that is
            # added after the catalog was read must not be let out by a star.
            restricted=bool(hidden or masks or filters)
            or any(rule.deny_columns or rule.allow_columns is not None for rule in own_rules),
        )
        if relation.kind in ("v", "m"):
            access = self._through(access, trust)
        return access

    def _denial(self, policy: Policy, relation: Relation, trusted: bool) -> str:
        """Why this policy denies the relation as a whole; empty when it does not."""
        if relation.schema in SYSTEM or relation.schema.startswith("pg_"):
            return "system schemas are never readable"
        rule = _rule(policy, relation)
        if rule is not None and not rule.allow:
            return f'tables."{relation.qualified_name}".allow is false'
        for heir in self.catalog.descendants(relation):
            if reason := _explicit_denial(policy, heir):
                return f"its partition {heir.qualified_name} is denied: {reason}"
            heirs_rule = _rule(policy, heir)
            if heirs_rule is not None and heirs_rule.row_filter:
                return (
                    f"its partition {heir.qualified_name} has a row_filter of its own; give it to the parent"
                )
            if rule is None and not trusted and relation.kind == "r" and self._is_left_out(policy, heir):
                return f"its heir {heir.qualified_name} is not permitted; a rule for the parent covers both"
        if rule is not None:
            return ""
        ancestors = self.catalog.ancestors(relation)
        for ancestor in ancestors:
            if reason := _explicit_denial(policy, ancestor):
                return f"it is a partition of {ancestor.qualified_name}: {reason}"
        if policy is self.stack.owner and not trusted and self._leaves_the_server(relation):
            return f"{relation.qualified_name} is, or holds, a foreign table, which no rule names by its name"
        if policy.permits_table(relation.schema, relation.name):
            return ""
        if _explicit_denial(policy, relation):
            return f"schemas.{relation.schema}.allow is false"
        if trusted or any(_rule(policy, ancestor) for ancestor in ancestors):
            return ""
        return "no rule names it and the default is deny"

    def _is_left_out(self, policy: Policy, heir: Relation) -> bool:
        """Whether neither a rule nor the default lets a table be read that inherits from another.

        Its rows are its own, unlike a partition's, and would be read with its parent's.
        """
        if policy.permits_table(heir.schema, heir.name):
            return False
        return not any(_rule(policy, one) for one in (heir, *self.catalog.ancestors(heir)))

    def _leaves_the_server(self, relation: Relation) -> bool:
        """Whether reading it makes the server speak to another one, or run a program of its machine's.

        A schema that may be read is a statement about this database; it says nothing of others.
        """
        family = (relation, *self.catalog.descendants(relation))
        return any(one.kind == "f" for one in family)

    def _hides(self, relation: Relation, column: str) -> bool:
        family = (relation, *self.catalog.ancestors(relation), *self.catalog.descendants(relation))
        return any(
            (rule := _rule(policy, one)) is not None and not rule.permits(column)
            for policy in self.stack.policies
            for one in family
        )

    def _allows_by_name(self, relation: Relation, column: str) -> bool:
        family = (relation, *self.catalog.ancestors(relation))
        rules = [rule for one in family if (rule := _rule(self.stack.owner, one)) is not None]
        return any(column in (rule.allow_columns or ()) for rule in rules)

    def _mask(self, relation: Relation, column: str) -> Mask | None:
        family = (relation, *self.catalog.ancestors(relation), *self.catalog.descendants(relation))
        masks = [self.stack.mask(one.schema, one.name, column) for one in family]
        found = [mask for mask in masks if mask is not None]
        return reduce(stricter, found) if found else None

    def _filters(self, relation: Relation) -> tuple[tuple[str, bool], ...]:
        found = []
        for place, policy in enumerate(self.stack.policies):
            for one in (relation, *self.catalog.ancestors(relation)):
                condition = policy.row_filter(one.schema, one.name)
                if condition is not None and condition.strip():
                    found.append((condition, place == 0))
        return tuple(found)

    def _through(self, access: RelationAccess, outer: Trust) -> RelationAccess:
        """Follow a view's definition."""
        view = access.relation
        trust = outer | {
            place for place, policy in enumerate(self.stack.policies) if _rule(policy, view) is not None
        }
        inline, window = False, False
        for oid, _ in view.reads:
            base = self.catalog.relations.get(oid)
            if base is None:
                return RelationAccess(view, False, "it reads the system's catalogs")
            below = self.of(base, trust)
            if not below.allowed:
                return RelationAccess(view, False, f"it reads {base.qualified_name}: {below.why}")
            # Not column by column: pg_depend does not record that a definition uses a whole row.
            touched = below.restricted or below.inline
            if view.kind == "m" and (below.filters or (below.inline and base.kind == "v")):
                return RelationAccess(
                    view, False, f"it stores what the policy restricts in {base.qualified_name}"
                )
            inline = inline or touched
            window = window or below.window or not self.of(base, outer).allowed
        for name in view.calls:
            if not self._callable(name) and len(trust) < len(self.stack.policies):
                return RelationAccess(view, False, f"it calls the function {name}, which no policy allows")
        window = window and view.kind == "v" and not inline and not view.barrier
        return replace(access, inline=inline, trust=frozenset(trust), window=window)

    def _callable(self, name: str) -> bool:
        if any(name in policy.functions.deny for policy in self.stack.policies):
            return False
        if name in self.stack.owner.functions.allow:
            return True
        schema, _, word = name.partition(".")
        return any(
            routine.schema == schema and word in EXTENSION_FUNCTIONS.get(routine.extension or "", ())
            for routine in self.catalog.routine_index.get(word, [])
        )


def _rule(policy: Policy, relation: Relation) -> TableRule | None:
    return policy.tables.get(relation.qualified_name)


def _explicit_denial(policy: Policy, relation: Relation) -> str:
    """The rule that denies the relation; empty when none does, whatever the default."""
    rule = _rule(policy, relation)
    if rule is not None:
        return "" if rule.allow else f'tables."{relation.qualified_name}".allow is false'
    schema = policy.schemas.get(relation.schema)
    if schema is not None and not schema.allow:
        return f"schemas.{relation.schema}.allow is false"
    return ""
