"""Which rule of a policy decides about a statement, and what the statement reads, as the owner may see it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agent.policy_source import PolicySource, Rule
from agent.sandbox.access import Access, RelationAccess
from agent.sandbox.catalog import Catalog, Relation
from agent.sandbox.verdict import Verdict
from agent.sandbox.wrapping import MaskKey
from wire.masks import Mask
from wire.policy import PolicyStack

SHOWN_KEY = MaskKey("<the agent's mask key>")
"""Stands for the secret of hash masks in the SQL that is shown."""
_WORD = re.compile(r'"(?:[^"]|"")+"|[^\W\d][\w$]*')


@dataclass(frozen=True, slots=True)
class Masked:
    """A column that a statement sees only through a mask."""

    column: str
    mask: Mask
    rule: Rule


@dataclass(frozen=True, slots=True)
class Filtered:
    """A condition under which rows exist."""

    condition: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Read:
    """A relation that a statement reads, and under which rules."""

    relation: str
    rule: Rule
    """The one that permits it."""
    columns: tuple[str, ...] = ()
    """Those that could be traced."""
    masks: tuple[Masked, ...] = ()
    filters: tuple[Filtered, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict with its reasons."""

    allowed: bool
    digest: str
    layer: str | None = None
    code: str = ""
    reason: str = ""
    hint: str = ""
    rules: tuple[Rule, ...] = ()
    """For a refusal, the rules that decide it; none where the sandbox refuses whatever the policy says."""
    reads: tuple[Read, ...] = field(default_factory=tuple)
    runs: str = ""
    """The SQL that would run; empty when refused."""


def explain(source: PolicySource, catalog: Catalog, sql: str, verdict: Verdict) -> Explanation:
    """Give the reasons of a verdict that was made under this policy and catalog."""
    access = Access(PolicyStack(owner=source.policy), catalog)
    if not verdict.allowed:
        return Explanation(
            False,
            source.policy.digest,
            verdict.layer,
            verdict.code,
            verdict.reason,
            verdict.hint,
            tuple(dict.fromkeys(_refusing(source, access, sql, verdict))),
        )
    relations = [catalog.by_qualified_name[name] for name in verdict.relations]
    return Explanation(
        True,
        source.policy.digest,
        reads=tuple(_read(source, access, relation, verdict) for relation in relations),
        runs=verdict.sql,
    )


def permitting(source: PolicySource, access: Access, relation: Relation) -> Rule:
    """The rule by which a relation may be read: its own, an ancestor's, its schema's, or the default."""
    for one in (relation, *access.catalog.ancestors(relation)):
        if one.qualified_name in source.policy.tables:
            return source.rule("tables", one.qualified_name)
        if one.schema in source.policy.schemas and source.policy.schemas[one.schema].allow:
            return source.rule("schemas", one.schema, "allow")
    return source.rule("default")


def denying(source: PolicySource, judged: RelationAccess) -> Rule | None:
    """The rule by which a relation may not be read; None where it is the sandbox's own."""
    relation = judged.relation
    named = re.search(r'(tables)\."([^"]+)"\.allow|(schemas)\.(\S+)\.allow', judged.why)
    if named is not None:
        return source.rule(*(part for part in named.groups() if part), "allow")
    if "row_filter of its own" in judged.why:
        return source.rule("tables", relation.qualified_name)
    return source.rule("default") if "default is deny" in judged.why else None


def _read(source: PolicySource, access: Access, relation: Relation, verdict: Verdict) -> Read:
    judged = access.of(relation)
    prefix = f"{relation.qualified_name}."
    columns = tuple(name.removeprefix(prefix) for name in verdict.columns if name.startswith(prefix))
    family = [relation, *access.catalog.ancestors(relation), *access.catalog.descendants(relation)]

    def home(key: str, column: str = "") -> str:
        """The relation of the family whose rule has this."""
        for one in family:
            rule = source.policy.tables.get(one.qualified_name)
            if rule is not None and (column in rule.masks if column else getattr(rule, key)):
                return one.qualified_name
        return relation.qualified_name

    return Read(
        relation.qualified_name,
        permitting(source, access, relation),
        columns,
        tuple(
            Masked(column, mask, source.rule("tables", home("masks", column), "masks", column))
            for column, mask in judged.masks.items()
            if column in columns
        ),
        tuple(
            Filtered(condition, source.rule("tables", home("row_filter"), "row_filter"))
            for condition, _ in judged.filters
        ),
    )


def _refusing(source: PolicySource, access: Access, sql: str, verdict: Verdict) -> list[Rule]:
    """Rules that decide a refusal. Which relation is meant is told by the names in the statement."""
    functions = source.policy.functions
    match verdict.code:
        case "too_long":
            return [source.rule("limits", "statement_bytes")]
        case "too_costly":
            return [source.rule("limits", "cost")]
        case "function_denied":
            denied = [name for name in functions.deny if name.rpartition(".")[2] in verdict.reason]
            return [source.rule("functions", "deny", naming=name) for name in denied]
        case "relation_denied" | "view_denied":
            judged = [access.of(relation) for relation in _named(access.catalog, sql)]
            rules = [denying(source, one) for one in judged if not one.allowed]
            return [rule for rule in rules if rule is not None]
        case "column_denied" | "unknown_column":
            words = set(_words(verdict.reason))
            return [
                rule
                for relation in _named(access.catalog, sql)
                for column in access.of(relation).hidden
                if column in words and (rule := _hiding(source, access, relation, column))
            ]
        case "bad_row_filter":
            return [
                source.rule("tables", relation.qualified_name, "row_filter")
                for relation in _named(access.catalog, sql)
                if access.of(relation).filters
            ]
        case _:
            return []


def _hiding(source: PolicySource, access: Access, relation: Relation, column: str) -> Rule | None:
    family = (relation, *access.catalog.ancestors(relation), *access.catalog.descendants(relation))
    for one in family:
        rule = source.policy.tables.get(one.qualified_name)
        if rule is None:
            continue
        if column in rule.deny_columns:
            return source.rule("tables", one.qualified_name, "deny_columns", naming=column)
        if rule.allow_columns is not None and column not in rule.allow_columns:
            return source.rule("tables", one.qualified_name, "allow_columns")
    for computed, origin in relation.computed:
        if computed == column:
            return _hiding(source, access, relation, origin)
    return None


def _named(catalog: Catalog, sql: str) -> list[Relation]:
    """Relations whose names occur in the statement, each as PostgreSQL would look it up."""
    words = _words(sql)
    found: dict[int, Relation] = {}
    for before, word in zip(["", *words], words, strict=False):
        relation = catalog.by_name.get((before, word)) or catalog.resolve("", word)
        if relation is not None:
            found[relation.oid] = relation
    return list(found.values())


def _words(text: str) -> list[str]:
    return [
        word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()
        for word in _WORD.findall(text)
    ]
