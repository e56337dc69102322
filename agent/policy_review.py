"""What a policy says on this server: names that do not exist, views that are not what they seem, failing
tests, and what it exposes."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from agent.policy_source import PolicySource, Rule
from agent.sandbox.catalog import Catalog
from agent.sandbox.judge import Judge, check_filters
from agent.sandbox.wrapping import MaskKey
from wire.masks import Mask
from wire.policy import PolicyStack

MAX_NEAR = 3
"""Names that are offered in place of one that does not exist."""
MAX_MATCHED = 20
"""Names that do not exist for which the nearest are looked for: it takes a while on a large server."""
NO_KEY = MaskKey("")
"""For verdicts that are looked at and never run."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a policy that does not do what it looks like."""

    rule: Rule
    what: str
    near: tuple[str, ...] = ()
    """Names that there are and that may be meant, the nearest first."""
    severity: Literal["error", "warning"] = "error"
    """A warning is no mistake, but may surprise."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What may be read of one relation."""

    relation: str
    columns: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    masks: dict[str, Mask] = field(default_factory=dict)
    filters: tuple[str, ...] = ()


def unknown_names(source: PolicySource, catalog: Catalog) -> list[Problem]:
    """Schemas, tables, columns and functions that a policy names and this server does not have."""
    found = []
    for place, (rule, what, name, known) in enumerate(_lacking(source, catalog)):
        near = _near(name, known) if place < MAX_MATCHED else ()
        found.append(Problem(rule, what, near))
    return found


def _lacking(source: PolicySource, catalog: Catalog) -> Iterator[tuple[Rule, str, str, Collection[str]]]:
    """Each rule about what is not there: the rule, a sentence, the name, and the names that there are."""
    relations = catalog.by_qualified_name
    schemas = {relation.schema for relation in relations.values()}
    for schema in sorted(source.policy.schemas.keys() - schemas):
        what = f"There is no table in a schema {schema}."
        yield source.rule("schemas", schema), what, schema, schemas
    for name, rule in source.policy.tables.items():
        relation = relations.get(name)
        if relation is None:
            yield source.rule("tables", name), f"There is no table {name}.", name, relations
            continue
        columns = [column.name for column in relation.columns]
        for key in ("allow_columns", "deny_columns", "masks"):
            for column in getattr(rule, key) or ():
                if column not in columns:
                    masks = key == "masks"
                    where = (
                        source.rule("tables", name, key, column)
                        if masks
                        else source.rule("tables", name, key, naming=column)
                    )
                    yield where, f"The table {name} has no column {column}.", column, columns
    known = {routine.name for routine in catalog.routines} | catalog.builtin_functions
    known |= {f"{routine.schema}.{routine.name}" for routine in catalog.routines}
    known |= {f"pg_catalog.{name}" for name in catalog.builtin_functions}
    for key in ("allow", "deny"):
        for name in getattr(source.policy.functions, key):
            if name not in known:
                where = source.rule("functions", key, naming=name)
                yield where, f"There is no function {name}.", name, known


def review(source: PolicySource, catalog: Catalog) -> list[Problem]:
    """Everything that is wrong with a policy on this server, in the file's order as far as it goes."""
    stack = PolicyStack(owner=source.policy)
    judge = Judge(stack, catalog, NO_KEY)
    found = unknown_names(source, catalog)
    for problem in check_filters(stack, catalog, NO_KEY):
        name = problem.partition(": ")[0]
        found.append(Problem(source.rule("tables", name, "row_filter"), problem))
    for relation in catalog.relations.values():
        if relation.definition is None or not source.policy.permits_table(relation.schema, relation.name):
            continue
        judged = judge.access.of(relation)
        if not judged.allowed or judge.readable(relation) is None:
            why = judged.why or "it depends on columns or functions that are not permitted"
            what = f"The view {relation.qualified_name} is permitted by name, but {why}."
            found.append(Problem(source.rule("tables", relation.qualified_name), what, severity="warning"))
    return found + failing_tests(source, judge)


def failing_tests(source: PolicySource, judge: Judge) -> list[Problem]:
    """The policy's own tests that it does not pass."""
    found = []
    for number, test in enumerate(source.policy.tests, 1):
        verdict = judge.judge(test.sql)
        if verdict.allowed != (test.expect == "allow"):
            said = "is allowed" if verdict.allowed else f"is denied: {verdict.reason}"
            what = f"Expected {test.expect}, but it {said} The statement: {test.sql}"
            found.append(Problem(source.rule("tests", str(number)), what))
    return found


def exposures(stack: PolicyStack, catalog: Catalog) -> list[Exposure]:
    """What may be read, relation by relation in the order of names."""
    judge = Judge(stack, catalog, NO_KEY)
    found = []
    for relation in sorted(catalog.relations.values(), key=lambda one: one.qualified_name):
        columns = judge.readable(relation)
        if columns is None:
            continue
        judged = judge.access.of(relation)
        found.append(
            Exposure(
                relation.qualified_name,
                columns,
                tuple(column.name for column in relation.columns if column.name not in columns),
                {name: mask for name, mask in judged.masks.items() if name in columns},
                tuple(condition for condition, _ in judged.filters),
            )
        )
    return found


def _near(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Known names like this one, whatever their case; for ``schema.table`` the same table elsewhere first."""
    known = list(known)
    word = name.rpartition(".")[2]
    moved = [one for one in known if "." in one and "." in name and one.rpartition(".")[2] == word]
    folded = {one.lower(): one for one in known}
    close = [folded[one] for one in difflib.get_close_matches(name.lower(), folded, MAX_NEAR)]
    return tuple(dict.fromkeys([*sorted(moved), *close]))[:MAX_NEAR]
